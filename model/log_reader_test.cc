// SPDX-License-Identifier: Apache-2.0
#include "model/log_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace dlws::model {
namespace {

std::string Line(LogMicros time, std::string_view text) {
    const auto head = FormatLogTime(time);
    return std::string(head.data(), head.size()) + " " + std::string(text) + "\n";
}

struct File {
    std::string bytes;
    std::size_t read = 0;
    ReadAt Reader() {
        return [this](std::uint64_t offset,
                      std::span<char> buffer) -> std::expected<std::size_t, std::string> {
            if (offset >= bytes.size()) return 0;
            // Never more than asked for, and often less.
            const std::size_t size = std::min(
                {buffer.size(), bytes.size() - offset, std::size_t(1 + (offset * 7919) % 5000)});
            std::copy_n(bytes.begin() + long(offset), size, buffer.begin());
            read += size;
            return size;
        };
    }
    std::uint64_t Seek(LogMicros time) { return SeekToTime(Reader(), bytes.size(), time).value(); }
};

TEST(LogReader, FindsTheFirstLineOfATime) {
    std::mt19937 random(1);
    for (int round = 0; round < 200; ++round) {
        File file;
        std::vector<std::pair<LogMicros, std::uint64_t>> lines;
        LogMicros time = 1000;
        const int count = int(random() % 60);
        for (int i = 0; i < count; ++i) {
            time += random() % 3;
            lines.emplace_back(time, file.bytes.size());
            file.bytes += Line(time, std::string(random() % (random() % 9 ? 20 : 20000), 'x'));
            if (random() % 9 == 0) file.bytes += "somebody's own line\n\n";
        }
        for (LogMicros wanted = 998; wanted <= time + 1; ++wanted) {
            const auto first =
                std::ranges::find_if(lines, [&](auto& line) { return line.first >= wanted; });
            ASSERT_EQ(file.Seek(wanted), first == lines.end() ? file.bytes.size() : first->second)
                << "round " << round << ", time " << wanted;
        }
    }
}

TEST(LogReader, LongLinesAreReadOnceOrTwice) {
    File file;
    std::vector<std::uint64_t> starts;
    for (int i = 0; i < 5; ++i) {
        starts.push_back(file.bytes.size());
        file.bytes += Line(i * 10, std::string(10 << 20, 'x'));
    }
    for (int i = 0; i < 5; ++i) {
        file.read = 0;
        EXPECT_EQ(file.Seek(i * 10), starts[std::size_t(i)]);
        EXPECT_LT(file.read, 2 * file.bytes.size());
    }
}

// Lines up to 50 older than one before them: nothing is missed by seeking 50 earlier.
TEST(LogReader, TimesThatGoBackAreFoundWithAMargin) {
    std::mt19937 random(2);
    for (int round = 0; round < 100; ++round) {
        File file;
        std::vector<std::pair<LogMicros, std::uint64_t>> lines;
        for (int i = 0; i < 200; ++i) {
            const LogMicros time = 1000 + i * 5 - LogMicros(random() % 50);
            lines.emplace_back(time, file.bytes.size());
            file.bytes += Line(time, "x");
        }
        for (LogMicros wanted = 1000; wanted < 2000; wanted += 37) {
            const std::uint64_t at = file.Seek(wanted);
            const auto line = std::ranges::find(lines, at, [](auto& l) { return l.second; });
            ASSERT_TRUE(line == lines.end() || line->first >= wanted);
            ASSERT_TRUE(line == lines.begin() || (line - 1)->first < wanted);
            const std::uint64_t margin = file.Seek(wanted - 50);
            for (const auto& [time, offset] : lines)
                ASSERT_TRUE(offset >= margin || time < wanted);
        }
    }
}

TEST(LogReader, SaysWhyItCannotRead) {
    const ReadAt broken = [](std::uint64_t, std::span<char>) {
        return std::expected<std::size_t, std::string>(std::unexpected("stale"));
    };
    EXPECT_EQ(SeekToTime(broken, 100, 5).error(), "stale");
    ArchiveReader reader(broken);
    EXPECT_FALSE(reader.Next());
    EXPECT_EQ(reader.Error(), "stale");
}

TEST(LogReader, ReadsLineByLine) {
    File file;
    const std::string binary("\0\r\xff", 3);
    file.bytes = Line(1, "one") + Line(2, binary) + "mine\n" + Line(3, std::string(300'000, 'y')) +
                 Line(4, "") + "1970-01-01T00:00:00.000005Z hal";
    ArchiveReader reader(file.Reader(), 0, 1000);
    std::vector<std::string> texts;
    std::vector<LogMicros> times;
    while (const auto line = reader.Next()) {
        texts.emplace_back(line->text);
        times.push_back(line->time);
        EXPECT_EQ(line->cut, line->time == 3);
        EXPECT_EQ(line->ended, line->time != 5);
        EXPECT_EQ(line->timed, line->text != "mine");
        EXPECT_EQ(file.bytes.compare(line->offset, 4, line->timed ? "1970" : "mine"), 0);
    }
    EXPECT_EQ(reader.Error(), "");
    EXPECT_EQ(times, (std::vector<LogMicros>{1, 2, 2, 3, 4, 5}));
    EXPECT_EQ(texts,
              (std::vector<std::string>{"one", binary, "mine", std::string(1000, 'y'), "", "hal"}));
    // From the middle.
    ArchiveReader later(file.Reader(), file.Seek(3));
    EXPECT_EQ(later.Next()->text.size(), 300'000u);
    EXPECT_EQ(later.Next()->time, 4);
}

TEST(LogReader, MergesByTimeAndKeepsEachOrder) {
    File a{Line(1, "a1") + Line(5, "a5") + Line(3, "a3") + Line(9, "a9")},
        b{Line(1, "b1") + Line(4, "b4") + Line(9, "b9")}, none;
    std::vector<ArchiveReader> readers;
    readers.emplace_back(a.Reader());
    readers.emplace_back(none.Reader());
    readers.emplace_back(b.Reader());
    MergeByTime merge(std::move(readers));
    std::string all;
    while (const auto line = merge.Next()) {
        EXPECT_EQ(line->archive, line->line.text[0] == 'a' ? 0u : 2u);
        all += std::string(line->line.text) + " ";
    }
    EXPECT_EQ(all, "a1 b1 b4 a5 a3 a9 b9 ");
    EXPECT_EQ(merge.Error(), "");
}

}  // namespace
}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#include "model/log_archive.h"

#include <gtest/gtest.h>

#include <random>

namespace dlws::model {
namespace {

const std::string kIn = "2026-11-29T08:46:22.123456789Z ";
const std::string kOut = "2026-11-29T08:46:22.123456Z ";
const std::string kIn2 = "2026-11-29T08:46:23.5Z ";
const std::string kOut2 = "2026-11-29T08:46:23.500000Z ";
const std::string kNever = "1970-01-01T00:00:00.000000Z ";

std::string Archive(std::string_view in) {
    Archiver archiver;
    std::string out;
    const std::size_t used = archiver.Feed(in, out, SIZE_MAX);
    archiver.EndFile(in.substr(used), out);
    archiver.CloseLine(out);
    return out;
}

TEST(LogArchive, KeepsEveryByteOfALine) {
    std::string text("progress 1%\rprogress 2%\r\0\xff\xfe\t \x1b[31m", 33);
    EXPECT_EQ(Archive(kIn + "stdout F " + text + "\n"), kOut + text + "\n");
    EXPECT_EQ(Archive(kIn + "stdout F \n"), kOut + "\n");
}

TEST(LogArchive, PiecesAreOneLineWithTheTimeOfTheFirst) {
    EXPECT_EQ(Archive(kIn + "stdout P one \n" + kIn2 + "stdout P two \n" + kIn2 +
                      "stdout F three\n" + kIn2 + "stdout F next\n"),
              kOut + "one two three\n" + kOut2 + "next\n");
}

TEST(LogArchive, TheOtherStreamEndsAnOpenLine) {
    EXPECT_EQ(Archive(kIn + "stdout P one\n" + kIn2 + "stderr F err\n" + kIn2 + "stdout F two\n"),
              kOut + "one\n" + kOut2 + "err\n" + kOut2 + "two\n");
}

TEST(LogArchive, WhatIsNoRecordStaysAsText) {
    EXPECT_EQ(
        Archive("garbage\n" + kIn + "stdout P one\n2026-99\n\n" + kIn2 + "stdout F two\n"),
        kNever + "garbage\n" + kOut + "one\n" + kOut + "2026-99\n" + kOut + "\n" + kOut2 + "two\n");
}

TEST(LogArchive, ACutOffFileEndsItsLine) {
    EXPECT_EQ(Archive(kIn + "stdout F hal"), kOut + "hal\n");
    EXPECT_EQ(Archive(kIn + "stdout F one\n" + "2026-11"), kOut + "one\n" + kOut + "2026-11\n");
    // A piece that was whole goes on in the next file, one that was cut off does not.
    Archiver archiver;
    std::string out;
    for (const std::string& file : {kIn + "stdout F hal", kIn2 + "stdout F next\n"}) {
        EXPECT_EQ(archiver.Feed(file, out, SIZE_MAX), file.size());
        archiver.EndFile({}, out);
    }
    EXPECT_EQ(out, kOut + "hal\n" + kOut2 + "next\n");
    out.clear();
    for (const std::string& file : {kIn + "stdout P one \n", kIn2 + "stdout F two\n"}) {
        EXPECT_EQ(archiver.Feed(file, out, SIZE_MAX), file.size());
        archiver.EndFile({}, out);
    }
    EXPECT_EQ(out, kOut + "one two\n");
}

TEST(LogArchive, NotesAreLinesOfTheirOwn) {
    Archiver archiver;
    std::string out;
    const std::string first = kIn + "stdout F half", rest = " a line\n";
    EXPECT_EQ(archiver.Feed(first, out, SIZE_MAX), first.size());
    archiver.Note("something happened", out);
    EXPECT_EQ(archiver.Feed(rest, out, SIZE_MAX), rest.size());
    EXPECT_EQ(out, kOut + "half\n" + kOut + "dlws: something happened\n" + kOut + " a line\n");
}

TEST(LogArchive, StopsAtTheLimit) {
    Archiver archiver;
    std::string out;
    const std::string in(1000, '\n');
    const std::size_t used = archiver.Feed(in, out, 100);
    EXPECT_LT(used, 10u);
    EXPECT_LT(out.size(), 200u);
}

// Random files with everything in them, cut at random, with the state saved and loaded in between.
TEST(LogArchive, ChunksAndRestartsChangeNothing) {
    const std::vector<std::string> parts = {kIn,  kIn2,   "stdout ", "stderr ", "F ",   "P ",
                                            "\n", "text", "\r",      "2026-",   "F:x ", "\n\n"};
    for (unsigned seed = 0; seed < 300; ++seed) {
        std::mt19937 random(seed);
        std::string in;
        for (int i = 0; i < 200; ++i) {
            const bool whole = random() % 2;
            if (whole)
                in += kIn + (random() % 2 ? "stdout " : "stderr ") + (random() % 2 ? "F " : "P ") +
                      std::string(random() % 50, 'a') + "\n";
            else
                in += parts[random() % parts.size()];
        }
        Archiver archiver;
        std::string out, kept;
        std::size_t from = 0, end = 0;
        while (end < in.size()) {
            end = std::min(in.size(), end + 1 + random() % 90);
            from += archiver.Feed(std::string_view(in).substr(from, end - from), out,
                                  1 + random() % 60);
            kept += out;
            out.clear();
            const auto loaded = Archiver::Load(archiver.Save());
            ASSERT_TRUE(loaded) << archiver.Save();
            ASSERT_EQ(*loaded, archiver);
            archiver = *loaded;
        }
        while (const std::size_t used =
                   archiver.Feed(std::string_view(in).substr(from), kept, SIZE_MAX))
            from += used;
        archiver.EndFile(std::string_view(in).substr(from), kept);
        archiver.CloseLine(kept);
        ASSERT_EQ(kept, Archive(in)) << "seed " << seed;
    }
}

TEST(LogArchive, ALongLineNeedsNoMemory) {
    Archiver archiver;
    std::string out;
    const std::string piece = kIn + "stdout P " + std::string(16 << 10, 'x') + "\n";
    std::size_t total = 0;
    for (int i = 0; i < 640; ++i) {
        archiver.Feed(piece, out, SIZE_MAX);
        total += out.size();
        out.clear();
    }
    EXPECT_LT(out.capacity(), 100u << 10);
    EXPECT_EQ(total, (10u << 20) + kOut.size());
}

TEST(LogArchive, LoadsOnlyWhatItSaved) {
    for (const char* text :
         {"", "-", "--P", "--Px", "--P01", "zzz1", "--P1 ", "--P9999999999999999999"})
        EXPECT_FALSE(Archiver::Load(text)) << text;
}

TEST(LogArchive, NamesOfFiles) {
    const ArchiveName name{"worker", 0, 2};
    EXPECT_EQ(ArchiveFileName(name), "worker-0.2.log");
    EXPECT_EQ(ParseArchiveFileName("worker-0.2.log"), name);
    for (const char* text :
         {"worker-0.2.log.gz", "worker-00.2.log", "-0.2.log", "worker-0.log", "Worker-0.2.log",
          "worker-0.-2.log", "worker--1.2.log", "worker.0-2.log", "worker-0.2.3.log", ".log",
          "abcdefghijklmnop-0.0.log"})
        EXPECT_FALSE(ParseArchiveFileName(text)) << text;
}

}  // namespace
}  // namespace dlws::model

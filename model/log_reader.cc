// SPDX-License-Identifier: Apache-2.0
#include "model/log_reader.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace dlws::model {

namespace {

constexpr std::size_t kProbe = 4 << 10;
constexpr std::size_t kBlock = 64 << 10;
constexpr std::size_t kLineHead = kLogTimeSize + 1;

struct LineStart {
    std::uint64_t offset = 0;
    LogMicros time = 0;
};

std::optional<LogMicros> LineTime(std::string_view head) {
    if (head.size() < kLineHead || head[kLogTimeSize] != ' ') return std::nullopt;
    return ParseLogTime(head);
}

/// As many bytes as there are, up to the buffer's size.
std::expected<std::string_view, std::string> ReadFull(const ReadAt& read, std::uint64_t offset,
                                                      std::span<char> buffer) {
    std::size_t got = 0;
    while (got < buffer.size()) {
        const auto more = read(offset + got, buffer.subspan(got));
        if (!more) return std::unexpected(more.error());
        if (*more == 0) break;
        got += *more;
    }
    return std::string_view(buffer.data(), got);
}

/// The first line that starts at `from` or later and before `end`. `from` 0 counts as a start.
std::expected<std::optional<LineStart>, std::string> FindLine(const ReadAt& read,
                                                              std::uint64_t from,
                                                              std::uint64_t end) {
    std::array<char, kBlock> buffer;
    // A line starts behind a line feed, so the byte before is looked at too.
    std::uint64_t at = from == 0 ? 0 : from - 1;
    std::size_t block = kProbe;
    while (at < end) {
        const auto bytes = ReadFull(read, at, std::span(buffer).first(block));
        if (!bytes) return std::unexpected(bytes.error());
        if (from == 0 && at == 0)
            if (const auto time = LineTime(*bytes)) return LineStart{0, *time};
        std::size_t next = 0;
        while (true) {
            const std::size_t feed = bytes->find('\n', next);
            if (feed == std::string_view::npos) {
                next = bytes->size();
                break;
            }
            next = feed + 1;
            if (at + next >= end) return std::nullopt;
            // The head is in the next block: begin that at the line feed.
            if (bytes->size() - next < kLineHead && bytes->size() == block) {
                next = feed;
                break;
            }
            if (const auto time = LineTime(bytes->substr(next))) return LineStart{at + next, *time};
        }
        if (bytes->size() < block) return std::nullopt;
        at += next;
        block = kBlock;
    }
    return std::nullopt;
}

}  // namespace

std::expected<std::uint64_t, std::string> SeekToTime(const ReadAt& read, std::uint64_t size,
                                                     LogMicros time) {
    // The line at `found` is `time` or later (or the end); the one at or before `low` is earlier.
    // No line starts from `high` on and before `found`.
    std::uint64_t low = 0, high = size, found = size;
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        const auto line = FindLine(read, middle, high);
        if (!line) return std::unexpected(line.error());
        if (!*line) {
            high = middle;
        } else if ((*line)->time < time) {
            low = (*line)->offset + 1;
        } else {
            found = (*line)->offset;
            high = middle;
        }
    }
    return found;
}

bool ArchiveReader::Fill() {
    if (!begun_) read_to_ = offset_;
    begun_ = true;
    buffer_.erase(0, used_);
    used_ = 0;
    const std::size_t had = buffer_.size();
    buffer_.resize(had + kBlock);
    const auto got = read_(read_to_, std::span(buffer_).subspan(had));
    if (!got) error_ = got.error();
    buffer_.resize(had + (got ? *got : 0));
    if (got) read_to_ += *got;
    return got && *got > 0;
}

std::optional<ArchiveLine> ArchiveReader::Next() {
    line_.clear();
    const std::size_t most = max_text_ + kLineHead;
    ArchiveLine line{.offset = offset_};
    bool more = true;
    while (more) {
        if (used_ == buffer_.size() && !Fill()) {
            if (!error_.empty() || offset_ == line.offset) return std::nullopt;
            line.ended = false;
            break;
        }
        const char* start = buffer_.data() + used_;
        const std::size_t left = buffer_.size() - used_;
        const void* feed = std::memchr(start, '\n', left);
        const std::size_t text = feed ? std::size_t(static_cast<const char*>(feed) - start) : left;
        line_.append(start, std::min(text, most - line_.size()));
        offset_ += text + (feed ? 1 : 0);
        used_ += text + (feed ? 1 : 0);
        more = !feed;
    }
    const std::uint64_t size = offset_ - line.offset - (line.ended ? 1 : 0);
    line.text = line_;
    const auto time = LineTime(line_);
    line.timed = time.has_value();
    if (time) {
        time_ = *time;
        line.text.remove_prefix(kLineHead);
    }
    line.time = time_;
    line.cut = size > line_.size();
    return line;
}

MergeByTime::MergeByTime(std::vector<ArchiveReader> archives)
    : archives_(std::move(archives)), lines_(archives_.size()) {
    for (std::size_t i = 0; i < archives_.size(); ++i)
        Push(i);
}

bool MergeByTime::Later(const Head& a, const Head& b) {
    return a.time != b.time ? a.time > b.time : a.archive > b.archive;
}

void MergeByTime::Push(std::size_t archive) {
    lines_[archive] = archives_[archive].Next();
    if (!lines_[archive]) return;
    heads_.push_back({lines_[archive]->time, archive});
    std::ranges::push_heap(heads_, Later);
}

std::optional<MergeByTime::Line> MergeByTime::Next() {
    // Only now: reading on ends the life of the text that was returned.
    if (last_) Push(*last_);
    last_.reset();
    if (heads_.empty()) return std::nullopt;
    std::ranges::pop_heap(heads_, Later);
    last_ = heads_.back().archive;
    heads_.pop_back();
    return Line{*last_, *lines_[*last_]};
}

std::string MergeByTime::Error() const {
    for (const ArchiveReader& archive : archives_)
        if (!archive.Error().empty()) return archive.Error();
    return {};
}

}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/log_record.h"

/// @file
/// Reading archives (log_archive.h): where a time begins, line by line, several at once by time.
///
///     ReadAt file = …;                                       // pread, or a GET with a range
///     auto offset = SeekToTime(file, size, yesterday);
///     ArchiveReader reader(file, *offset);
///     while (auto line = reader.Next()) Show(line->time, line->text);
///     if (!reader.Error().empty()) …                          // it broke off
///
/// Every line says its time, so a binary search over the bytes finds a time without an index that
/// could be lost or wrong. What a user wrote into the file by hand is no line start: it counts to
/// the line before. Memory: 64 KiB and a line's `max_text`, whatever is in the file.
/// Errors are what the callback returned. Each object is confined to one thread.

namespace dlws::model {

/// Fills the buffer from `offset` of the file; returns how many bytes, 0 only at the end.
using ReadAt =
    std::function<std::expected<std::size_t, std::string>(std::uint64_t offset, std::span<char>)>;

/// The offset of a line whose time is `time` or later, while the line before it, if there is one,
/// is earlier; `size` when the last line is earlier. In a file whose times never go back that is
/// the first such line. Where a line may be up to D older than one before it (two processes write,
/// a clock is set), everything before SeekToTime(t - D) is older than t: seek there, and skip.
/// Reads some 34 times 4 KiB in an archive of 10 GiB, and each byte of a very long line once or
/// twice.
std::expected<std::uint64_t, std::string> SeekToTime(const ReadAt& read, std::uint64_t size,
                                                     LogMicros time);

struct ArchiveLine {
    std::uint64_t offset = 0;  ///< of its first byte
    LogMicros time = 0;        ///< of the line before, where `timed` is false
    bool timed = true;         ///< false: no line of ours, `text` is all of it
    bool cut = false;          ///< the text was longer than `max_text`
    bool ended = true;         ///< false: the file ends before the line feed
    std::string_view text;     ///< without the line feed; until the next call
};

class ArchiveReader {
  public:
    /// Begins at `offset`, which must be the start of a line.
    explicit ArchiveReader(ReadAt read, std::uint64_t offset = 0, std::size_t max_text = 1 << 20)
        : read_(std::move(read)), offset_(offset), max_text_(max_text) {}

    /// Nothing at the end, and after an error.
    std::optional<ArchiveLine> Next();
    const std::string& Error() const { return error_; }

  private:
    bool Fill();

    ReadAt read_;
    std::uint64_t offset_;  // of the next line
    std::size_t max_text_;
    std::string buffer_;         // bytes of the file from `offset_` on, after `used_`
    std::size_t used_ = 0;       // bytes of the buffer that are done with
    std::uint64_t read_to_ = 0;  // offset behind the buffer
    bool begun_ = false;
    LogMicros time_ = 0;
    std::string line_, error_;
};

/// Lines of several archives by time. Each archive's own order is kept, also where its times go
/// back; of equal times, the archive that was given first comes first.
class MergeByTime {
  public:
    explicit MergeByTime(std::vector<ArchiveReader> archives);

    struct Line {
        std::size_t archive = 0;  ///< index in what the constructor got
        ArchiveLine line;         ///< its text lives until the next call
    };
    /// Nothing when all archives have ended.
    std::optional<Line> Next();
    /// Of the first archive that has one. Such an archive has ended early, the others go on.
    std::string Error() const;

  private:
    struct Head {
        LogMicros time;
        std::size_t archive;
    };
    static bool Later(const Head& a, const Head& b);
    void Push(std::size_t archive);

    std::vector<ArchiveReader> archives_;
    std::vector<std::optional<ArchiveLine>> lines_;
    std::vector<Head> heads_;          // a heap, the earliest first
    std::optional<std::size_t> last_;  // whose line was returned
};

}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/log_record.h"

/// @file
/// The archive of a job's logs: a text file for each attempt of each pod, in the user's own folder,
/// so that `less` and `grep` are enough to read it. Each line is
///
///     2026-11-29T08:46:22.123456Z hello\n
///
/// a UTC time with six decimals, one space, the bytes as the program wrote them (carriage returns,
/// NUL and invalid UTF-8 too), a line feed. Writing is here, reading in log_reader.h.
///
///     Archiver archiver;
///     std::string out;
///     std::size_t used = archiver.Feed(chunk, out, 1 << 20);   // the rest comes again, with more
///
/// Where the archive differs from what the program wrote:
/// - Pieces of a long line (tag P) are one line with the time of the first. They are written as
///   they come, so a long line needs no memory.
/// - When a record of the other stream comes while a line is open, the open line is ended first,
///   and its next piece starts a line of its own.
/// - What is no record is kept whole as a line of its own, with the time of the record before
///   (1970 where there is none).
/// Nothing depends on a clock or on how the input was cut: the same bytes from the same state give
/// the same bytes, and a writer that was killed can find out what it had written already.

namespace dlws::model {

/// Turns a container's log files, one after the other, into the bytes of an archive.
/// A plain value: a copy goes on from the same state.
class Archiver {
  public:
    /// Appends to `out`, and returns how many bytes of `in` are done with. The others are either
    /// the start of a record whose head is not whole yet (fewer than kMaxLogRecordHead), or `out`
    /// had grown to `limit` bytes; they must be the first of the next call.
    std::size_t Feed(std::string_view in, std::string& out, std::size_t limit);

    /// A file has ended: `rest` is what Feed() left. A record that was cut off ends here, and so
    /// does its line; a line whose last record was whole may go on in the next file.
    void EndFile(std::string_view rest, std::string& out);
    /// Ends the line that is open, if one is.
    void CloseLine(std::string& out);
    /// A line of ours, "dlws: " and `text`, with the time of the last record.
    void Note(std::string_view text, std::string& out);

    /// Of the last record, 0 (1970) before the first.
    LogMicros LastTime() const { return time_; }

    /// A few bytes of ASCII without spaces at the ends; nothing for what Save() never returned.
    std::string Save() const;
    static std::optional<Archiver> Load(std::string_view saved);

    bool operator==(const Archiver& other) const {
        return open_ == other.open_ && in_text_ == other.in_text_ &&
               ends_line_ == other.ends_line_ && time_ == other.time_;
    }

  private:
    // Whose line is open: one of the streams', or one that is no record.
    enum class Open : char { kNone = '-', kStdout = 'o', kStderr = 'e', kOther = 'x' };

    void StartLine(Open open, std::string& out);

    Open open_ = Open::kNone;
    bool in_text_ = false;    // inside the text of a record
    bool ends_line_ = false;  // that record has tag F
    LogMicros time_ = 0;      // of the last record
    // Only to save time: the text of the last second that was formatted.
    LogMicros formatted_second_ = -1;
    std::array<char, kLogTimeSize> formatted_{};
};

struct ArchiveName {
    std::string role;
    int index = 0;
    int attempt = 0;

    bool operator==(const ArchiveName&) const = default;
};

/// "worker-0.2.log": role worker, index 0, attempt 2.
std::string ArchiveFileName(const ArchiveName& name);
/// Exactly what ArchiveFileName() makes of a name the CRD accepts; nothing for anything else.
std::optional<ArchiveName> ParseArchiveFileName(std::string_view file);

}  // namespace dlws::model

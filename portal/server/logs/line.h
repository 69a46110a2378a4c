// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/log_record.h"

/// @file
/// Lines of a log, out of the bytes of its archive or of the kubelet. Pure.

namespace dlws::portal {

struct LogLine {
    model::LogMicros time = 0;  ///< of the line before, where it says none
    /// Both the kubelet and the archive have it: it has a time, and is no note of the archive's
    /// own ("dlws: …", model/log_archive.h). Positions count only such lines.
    bool counted = true;
    bool begins = true;  ///< false: it goes on with a piece that came before
    bool ends = true;    ///< false: more of it comes
    bool cut = false;    ///< it was longer than a piece, and the rest is left out
    std::string text;    ///< as printed, without time and line feed
};

/// A piece of a line, in bytes; what one line of JSON has at most.
inline constexpr std::size_t kMaxPiece = 64 << 10;

/// Takes bytes as they come, gives lines.
///
///     LineReader reader(LineReader::kArchive);
///     reader.Feed(page.bytes, lines);          // what is no whole line yet waits
///     …                                        // or, some lines at a time:
///     used += reader.Feed(bytes.substr(used), lines, 2'000);
///     if (ended) reader.Finish(lines);
///
/// Holds at most a piece. A longer line is cut, or with `whole` comes in pieces.
class LineReader {
  public:
    enum Format {
        kArchive,  ///< "2026-11-29T08:46:22.123456Z text", always 27 bytes
        kLive,     ///< "2026-11-29T08:46:22.123456789+02:00 text": pods/log?timestamps
    };
    explicit LineReader(Format format, bool whole = false) : format_(format), whole_(whole) {}

    /// Appends at most `most` lines; returns how many bytes it has taken. A line is an object of
    /// many times its bytes when it is short, so who holds lines says how many.
    std::size_t Feed(std::string_view bytes, std::vector<LogLine>& out,
                     std::size_t most = SIZE_MAX);
    /// Nothing more comes: a line without a line feed ends here.
    void Finish(std::vector<LogLine>& out);
    bool InLine() const { return in_line_; }

  private:
    void Add(std::string_view text, std::vector<LogLine>& out);
    void Emit(bool ends, std::vector<LogLine>& out);

    Format format_;
    bool whole_;
    bool in_line_ = false;
    bool begun_ = false;  // a piece of this line is out already
    bool cut_ = false;
    LogLine head_;        // of this line, once it is known
    std::string buffer_;  // of this line: what is not out
    model::LogMicros time_ = 0;
};

/// Appends `text` as the inside of a JSON string: what is no UTF-8 becomes U+FFFD, one for each
/// maximal part of a character as Unicode recommends it (3.9, U+FFFD substitution).
void AppendJsonText(std::string_view text, std::string& out);

/// Where `text` can be cut so that at most `most` bytes stay and no character is torn.
std::size_t CutAt(std::string_view text, std::size_t most);

}  // namespace dlws::portal

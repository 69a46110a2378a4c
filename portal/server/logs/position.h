// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "portal/server/logs/line.h"

/// @file
/// How far a log has been told, in words that both the archive and the kubelet understand, so that
/// either can go on where the other ended. Pure.

namespace dlws::portal {

/// Behind which line. The archive and the kubelet give the same lines in the same order, each with
/// its time, but from different places in a file; so a place is "so many lines from the first one
/// that is as late as this". That holds where times go back as well: they may, for two streams are
/// stamped by two threads.
struct LogPosition {
    LogPosition() {}
    explicit LogPosition(model::LogMicros time) : time(time) {}

    model::LogMicros time = 0;  ///< the latest of all lines before
    std::uint32_t count = 0;    ///< counted lines from the first of that time on; 0: none yet
    std::uint32_t extras = 0;   ///< lines behind those that are not counted

    /// Behind `line` as well. Its first piece only.
    void Advance(const LogLine& line);

    bool operator==(const LogPosition&) const = default;
};

/// Leaves out, of a stream that begins somewhere before a position, what is before it.
class Resume {
  public:
    explicit Resume(LogPosition position) : position_(position) {}

    /// True: this line was told before. Each line once, in order, pieces as their first one.
    bool Told(const LogLine& line);
    /// The stream began behind the position: lines between may be missing. Known with the first
    /// line that is not told before.
    bool Lost() const { return lost_; }
    /// The stream has come to where the position is.
    bool Met() const { return met_; }

  private:
    bool ToldBefore(const LogLine& line);

    LogPosition position_;
    bool met_ = false, lost_ = false, told_ = false;
    std::uint32_t counted_ = 0, extras_ = 0;
};

/// Of one rank.
struct RankPosition {
    int rank = 0;
    int attempt = 0;
    LogPosition at;

    bool operator==(const RankPosition&) const = default;
};

/// Positions of all ranks of a stream as a word of letters, digits, '-' and '_' (base64url).
/// `about` says what they are positions of (the job's UID, the container): those of another cannot
/// be read. Some 9 characters a rank, at most 1024 for 64 ranks as long as all their times are
/// within some years.
std::string EncodeLogCursor(const std::vector<RankPosition>& ranks, std::string_view about);
/// Nothing for what EncodeLogCursor() never made, or made about something else.
std::optional<std::vector<RankPosition>> DecodeLogCursor(std::string_view cursor,
                                                         std::string_view about);

inline constexpr std::size_t kMaxLogRanks = 64;
inline constexpr std::size_t kMaxLogCursor = 1024;

}  // namespace dlws::portal

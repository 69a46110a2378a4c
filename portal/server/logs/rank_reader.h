// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "portal/server/logs/line.h"
#include "portal/server/logs/plan.h"
#include "portal/server/logs/position.h"
#include "portal/server/logs/sources.h"

namespace dlws::portal {

/// The lines of one rank, each once and in order, from wherever they are to be had (plan.h); with
/// its later attempts behind it, when the sources say that they are told as well.
///
///     RankReader reader(sources, source, {.position = from_a_cursor});
///     auto told = co_await reader.Next();      // lines, a change of state, a gap, or the end
///
/// Holds one page and `most_lines` lines of it. A reader that waits can be cancelled. Confined to
/// the executor of `sources`, which outlives it.
class RankReader {
  public:
    struct Settings {
        LogPosition position;
        model::LogMicros since = 0;         ///< of attempts that come later
        std::optional<std::uint64_t> tail;  ///< with no position: so many lines before the end
        bool follow = true;
        bool whole = false;                     ///< long lines in pieces, instead of cut
        std::size_t most_lines = 2'000;         ///< of Told, or one more
        std::chrono::milliseconds held{5'000};  ///< so long lines may wait for Next()
        std::chrono::seconds settle{10};
    };
    enum class State { kNone, kWaiting, kLive, kArchive, kEnded, kUnavailable };
    struct Gap {
        model::LogMicros from = 0, to = 0;
    };
    struct Told {
        int attempt = 0;
        std::vector<LogLine> lines;
        std::optional<Gap> gap;      ///< before the lines
        std::optional<State> state;  ///< it is so from now on
        std::string why;             ///< of the state
        bool end = false;            ///< Next() must not be called again
        int denied = 0;              ///< 401 or 403; with `end`
    };

    RankReader(LogSources& sources, LogSource source, Settings settings);

    Awaitable<Told> Next();

  private:
    Awaitable<void> ReadArchive(Told& told);
    Awaitable<void> ReadLive(const LogStep& step, Told& told);
    LogPageAsk PageAsk() const;
    void TakePage(LogPage page, Told& told);
    void TellPage(Told& told);
    /// Bytes that have come and are no lines yet.
    bool Left() const { return used_ < bytes_.size(); }
    void Take(std::string bytes);
    std::vector<LogLine> SomeLines();
    void LiveFailed(const LogFailure& failure, Told& told);
    void LiveEnded(LogPlan::Live how);
    void Tell(std::vector<LogLine>& lines, Resume& resume, Told& told);
    void Be(State state, std::string why, Told& told);
    void StartAttempt();

    LogSources& sources_;
    LogSource source_;
    Settings settings_;
    LogPlan plan_;
    LogPosition position_;
    State state_ = State::kNone;
    std::string why_;

    // Of the stretch that is read now.
    LineReader lines_;
    Resume resume_;
    std::string bytes_;
    std::size_t used_ = 0;  // of them
    bool in_archive_ = false;
    bool archive_end_ = false;   // they are the archive's last
    bool archive_news_ = false;  // they had lines that were not told before
    std::uint64_t offset_ = 0;   // in the archive
    bool mute_ = false;          // up to the archive's end: a tail of no lines
    std::unique_ptr<LogLive> live_;
    bool live_news_ = false;  // it had lines that were not told before
    bool gap_allowed_ = false;
    bool beginning_checked_ = false;
    LogPlan::Clock::time_point handed_out_{};
};

}  // namespace dlws::portal

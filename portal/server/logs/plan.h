// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>

namespace dlws::portal {

/// Where the next lines of one rank's attempt come from. Pure: no clock, no I/O.
///
///     archive, to its end -> kubelet, from the last line on -> (the pod is gone) archive again,
///     until nothing has come for ten seconds
///
/// The archive comes first because the kubelet has but the newest of a log's files: when what it
/// gives does not reach back to the last line, the archive is read again, and only what that has
/// not within ten seconds either is a gap. So it is as well when nobody took our lines for a while
/// (meanwhile the kubelet may have gone over more than one file).
///
///     while (true) {
///         const LogStep step = plan.Next(facts, now);
///         … do it, and tell: plan.ArchiveRead(…), ArchiveFailed(…) or LiveEnded(…)
///     }
struct LogStep {
    enum Kind {
        kArchive,      ///< read a page of it
        kLive,         ///< read pods/log from the position on, until it ends
        kWait,         ///< and ask again
        kNextAttempt,  ///< this attempt is told; a plan of its own for the next
        kEnd,          ///< there is no more
    };
    Kind kind = kEnd;
    std::chrono::milliseconds wait{0};
    bool gap = false;          ///< kLive: what is missing is to be had nowhere
    bool unavailable = false;  ///< kEnd, kWait: the archive may have more
};

class LogPlan {
  public:
    using Clock = std::chrono::steady_clock;
    struct Settings {
        bool follow = true;  ///< false: what there is now
        std::chrono::seconds settle{10};
    };
    enum class Pod {
        kNone,     ///< there is none, or none any more
        kWaiting,  ///< its container has not started
        kRunning,
        kDone,  ///< its container has ended
    };
    struct Facts {
        Pod pod = Pod::kNone;
        bool archive = true;         ///< there is one
        bool later_attempt = false;  ///< one has begun, and is to be told as well
        bool over = false;           ///< no more pods come: the job has ended, or is gone
        bool long_over = false;      ///< this attempt, so long ago that its archive is complete
    };
    enum class Live {
        kEnded,   ///< properly
        kCut,     ///< by the network, the API server, or because it was silent for long
        kAbsent,  ///< no such pod
        kNotYet,  ///< its container has not started
        kLost,    ///< it does not reach back to the position
        kHeld,    ///< our lines were not taken
    };

    explicit LogPlan(Settings settings) : settings_(settings) {}

    LogStep Next(const Facts& facts, Clock::time_point now);
    /// `end`: of the file, or there is none. `news`: it had lines that were not told before.
    void ArchiveRead(bool end, bool news, Clock::time_point now);
    void ArchiveFailed(Clock::time_point now);
    void LiveEnded(Live how, bool news, Clock::time_point now);

  private:
    LogStep Done(const Facts& facts, bool unavailable) const;
    LogStep AfterPod(const Facts& facts, Clock::time_point now);

    Settings settings_;
    enum { kArchive, kLive } from_ = kArchive;
    std::optional<Clock::time_point> archive_failed_;  // may be tried again some time after that
    std::optional<Clock::time_point> quiet_since_;     // the pod is gone, and nothing comes
    std::optional<Clock::time_point> lost_since_;
    std::optional<Clock::time_point> not_before_;  // the next step
    bool told_all_ = false;  // the kubelet had nothing more, and ended properly
    bool finished_ = false;  // not to be followed, and told
    int failures_ = 0;       // of live, one after another
};

}  // namespace dlws::portal

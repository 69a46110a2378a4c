// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "cli/event_stream.h"
#include "cli/session.h"

namespace dlws::cli {

enum class Next {
    kGoOn,
    kReconnect,  ///< the portal asked for it
    kDone,
};

struct FollowSettings {
    std::chrono::milliseconds first_delay{500};
    std::chrono::milliseconds longest_delay{10'000};
    /// So long the portal may be away in the middle; not at the start, where it fails at once.
    std::chrono::seconds longest_away{300};
    std::chrono::seconds timeout{30 * 86400};
};

/// Reads the stream of events at `path` until `on_event` says that it is done. A connection that
/// breaks, or an answer of 429 or 5xx in the middle, is followed by another one, with full jitter
/// between, which goes on behind the last event that `on_event` has taken (Last-Event-ID): none is
/// left out and none comes twice. `on_event` is called in another thread, one call at a time; what
/// it throws comes out of here. Throws a Failure: kPortalAway after `longest_away`, kStillRuns
/// after `timeout`, what the portal's refusal means.
void Follow(Session& session, const std::string& path,
            const std::function<Next(const StreamEvent&)>& on_event,
            const FollowSettings& settings = {});

/// Milliseconds to wait before the n-th try (0, 1, …) in a row; `random` is in [0, 1). Pure.
std::chrono::milliseconds Delay(int n, double random, const FollowSettings& settings);

/// A job's end as exit code: 0, kJobFailed, kJobStopped; -1: it has not ended. Pure.
int ExitOfPhase(const std::string& phase);

/// Shows the job's log lines until its end. The exit code is the job's.
int FollowLogs(Session& session, const JobName& job);
/// Waits for the job's end, and tells each change of its phase on the way.
int WaitForEnd(Session& session, const JobName& job);

/// From here on Ctrl-C writes `text` and ends the program with 130: it leaves the job alone. What
/// was printed is whole.
void DetachOnInterrupt(const std::string& text);

}  // namespace dlws::cli

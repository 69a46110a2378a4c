// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "kube/api.h"
#include "kube/events.h"
#include "operator/job/decide.h"
#include "operator/job/executor.h"

/// @file
/// One look at one job: from what the caches show to the writes. Everything that decides over a
/// job's fate is here and below; the Controller adds watches and a queue, the simulation
/// (sim_test.cc) a cluster in memory.

namespace dlws::job {

/// What is remembered of a job between two rounds. Losing it (restart) costs repeated reads only.
struct Memory {
    /// The API server itself, not only our cache, has shown us the job since this process began.
    bool verified = false;
    WrittenVersions written;
    std::optional<WriteProblem> problem;
    /// Until when a change of counts only waits for more of its kind.
    std::optional<std::chrono::steady_clock::time_point> counts_due;
};

/// How far the caches have come.
struct CacheVersions {
    std::uint64_t jobs = 0, pods = 0, services = 0;
};

/// What a round ended with.
struct Round {
    Memory memory;
    /// Try again, later each time.
    bool retry = false;
    /// Look again after so long, if nothing happens before.
    std::optional<std::chrono::nanoseconds> again;
    std::string log;  ///< for the administrator, empty when all went well
};

/// Example:
///     if (!Lags(seen, memory)) {
///         Round round = co_await reconciler.Run(world, memory, steady_clock::now());
///         memory = round.memory;
///     }
///
/// Has no state of its own; confined to the executor of `api`, and must outlive its rounds.
class Reconciler {
  public:
    struct Settings {
        int parallel_writes = 16;  ///< pods of one job created or deleted at once
        /// How long a change of counts only may wait. A kubelet tells of a container's end and of
        /// its pod's end in two writes a second apart: the first is worth none of ours.
        std::chrono::milliseconds count_delay{2'000};
    };

    Reconciler(kube::Api& api, kube::EventRecorder& events, Settings settings);

    /// `world` without what only the API server can say (pods_listed, closed_fences,
    /// approvals_read, kept) and without `problem`, which comes from `memory`.
    kube::Awaitable<Round> Run(World world, Memory memory,
                               std::chrono::steady_clock::time_point now);

    /// Deletes pods of ours whose job is gone and which nobody owns any more, as `kubectl delete
    /// --cascade=orphan` leaves them: they would hold their GPUs for ever. `job_uid` is the one
    /// that the cache has under that name now, or empty. Returns what went wrong, for the
    /// administrator.
    kube::Awaitable<std::string> Sweep(kube::ObjectKey job, std::string job_uid,
                                       std::vector<kube::ObjectPtr> orphans);

  private:
    kube::Awaitable<bool> Answer(const Decision& decision, World& world, Round& round);
    kube::Awaitable<bool> IsCurrent(const World& world);
    bool PutOff(const Decision& decision, Round& round,
                std::chrono::steady_clock::time_point now) const;

    kube::Api& api_;
    Settings settings_;
    Executor executor_;
};

/// Our own writes must be in the caches before we decide again, or we would repeat them.
bool Lags(const CacheVersions& seen, const Memory& memory);

}  // namespace dlws::job

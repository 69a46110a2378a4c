// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "operator/job/reconciler.h"
#include "operator/job/sim/cluster.h"

/// @file
/// One process of the operator in the simulation: its caches, its queue of one job, and the
/// production Reconciler, Executor and Decide between them and the Cluster.

namespace dlws::job::sim {

/// What becomes of one request.
enum class Fate {
    Perform,
    CrashBefore,       ///< the process dies, nothing was sent
    CrashAfter,        ///< performed; the process dies before it hears of it
    ReplyLost,         ///< performed; the process hears of a broken connection
    Refuse,            ///< answered with `code`, not performed
    PerformThenError,  ///< performed, and answered with `code`
    Lost,              ///< not performed, and the process believes it was: it dies before it
                       ///< could know better
    Late,              ///< the process dies; the request arrives later
};

struct Fault {
    int call = 0;  ///< number of the request, from 0, over all processes
    Fate fate = Fate::Perform;
    int code = 0;
};

/// A request, for the trace.
struct Call {
    std::string verb, what, name;
    bool write = false;
    /// Of a write: its content without the resourceVersion it must find, and that one.
    std::string content, version;
};

/// What all processes of a run share: the count of requests, and what happens to which.
struct Wire {
    int calls = 0;
    std::vector<Fault> faults;
    std::vector<Call> trace;  ///< kept when `record`
    bool record = false;
    int parallel_writes = 1;
    /// Called before a request is performed, with its number.
    std::function<void(Cluster&, int)> meddle;
};

/// What a process knows that it has written, since it was told so.
struct Own {
    std::uint64_t job = 0;                    ///< version of the job
    std::map<std::string, std::string> pods;  ///< UIDs by name
};

class Process {
  public:
    /// Starts with caches as they are now.
    explicit Process(const Cluster& cluster) { Start(cluster.Look()); }
    void Start(SnapshotPtr seen);
    /// Starts with caches that may be of different times.
    void Start(SnapshotPtr jobs, SnapshotPtr others, SnapshotPtr approvals);

    /// From now on its caches stand still, and it does not know: it has lost its lease, say.
    void Forsake(bool jobs, bool pods) {
        jobs_frozen = jobs;
        pods_frozen = pods;
    }
    /// The informers hear of what happened, but for those that are frozen.
    void Deliver(const Cluster& cluster);
    bool jobs_frozen = false, pods_frozen = false, approvals_frozen = false;

    /// There is a reason for a round.
    bool Ready(const Cluster& cluster) const {
        return !crashed_ && (queued_ || (timer_ && *timer_ <= cluster.now));
    }
    /// A round, if there is a reason for one. False if there was none.
    bool Step(Cluster& cluster, Wire& wire);
    /// A round in any case.
    void Run(Cluster& cluster, Wire& wire);
    void Wake() { queued_ = true; }
    bool Crashed() const { return crashed_; }
    /// When time alone will make it look again.
    std::optional<model::Time> Timer() const { return timer_; }

    /// What of it decides what it does next, beside the cluster.
    void AddTo(Fingerprint& fingerprint, const Cluster& cluster) const;

  private:
    Process(SnapshotPtr jobs, SnapshotPtr pods, SnapshotPtr approvals)
        : jobs_(std::move(jobs)), pods_(std::move(pods)), approvals_(std::move(approvals)) {}

    SnapshotPtr jobs_, pods_;  // services are seen with the pods
    SnapshotPtr approvals_;    // the same as jobs_, but for a watch that is late
    Memory memory_;
    Own own_;
    bool queued_ = true;
    bool crashed_ = false;
    int failures_ = 0;  // rounds in a row that are to be tried again
    std::optional<model::Time> timer_;
};

}  // namespace dlws::job::sim

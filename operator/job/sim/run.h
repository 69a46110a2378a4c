// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "operator/job/sim/process.h"
#include "operator/job/sim/workloads.h"

/// @file
/// One run of a workload under a plan of faults, from submit to the end.
///
///     Run run(workload, plan);
///     run.ToTheEnd();
///     EXPECT_EQ(run.cluster.broken, "");
///     EXPECT_EQ(run.Ending(), fault_free.Ending());

namespace dlws::job::sim {

/// A time in which caches show what was true at another one. Ticks count from 0.
struct Stale {
    int at = -1;    ///< from this tick on; -1: never
    int ticks = 0;  ///< for so many
    int seen = 0;   ///< the tick they show
    bool jobs = true, pods = true;
    bool approvals = false;  ///< if jobs are false; jobs that are stale come with theirs
};

struct Plan {
    std::string name;
    std::vector<Fault> faults;
    int late_ticks = 0;  ///< a late request arrives so many ticks after its sender died
    Stale frozen;        ///< the process's caches stand still (`seen` is not used)
    Stale restarted;     ///< the process is killed; the next one sees an older state at first
    Stale second;        ///< another process leads; the old one goes on, its caches stand still
    int wake_at = -1;    ///< the queue hands out the job for no reason
};

class Run {
  public:
    Run(const Workload& workload, Plan plan, bool record = false);
    void ToTheEnd();
    /// One moment: people, requests that come late, caches, operator, nodes. When nobody has
    /// anything to do, time passes. False at the end.
    bool Tick();

    /// The state at the end and how often each pod was created and deleted, as text.
    /// `counts` false: without what may differ when two lead at once.
    std::string Ending(bool counts = true) const;
    int ticks() const { return ticks_; }

    Cluster cluster;
    Wire wire;
    bool tell = false;  ///< prints every tick

  private:
    bool Deeds();
    bool LateRequests();
    bool Operators();
    void BeginFaults();
    bool PassTime();
    void Tell() const;

    const Workload& workload_;
    Plan plan_;
    Process first_;
    std::optional<Process> second_;
    std::vector<SnapshotPtr> history_;  // by tick
    std::size_t next_deed_ = 0;
    int ticks_ = 0;
    int late_since_ = -1;
    int idle_ = 0;
};

}  // namespace dlws::job::sim

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "operator/job/sim/process.h"

/// @file
/// Everything that can happen next, for those who walk through all of it or through some of it at
/// random.
///
///     State s(job, budget);
///     for (const Action& action : s.Next()) { State next = action.Happen(); … }

namespace dlws::job::sim {

/// How much of each misfortune a walk may meet.
struct Budget {
    int crashes = 0;   ///< of the operator, at any point of a round
    int late = 0;      ///< crashes whose last request arrives later
    int stale = 0;     ///< times that a cache stands still
    int failures = 0;  ///< containers that end with an exit code
    int edits = 0;     ///< suspend, stop, deletion of the job or of a pod
    int leaders = 0;   ///< times that a second process leads beside the first
};

struct Action;

struct State {
    State(const model::DLJob& job, Budget budget);

    std::vector<Action> Next() const;
    /// Nobody meddles any more: everything goes its way to the end.
    void Settle();
    std::uint64_t Fingerprint() const;

    Cluster cluster;
    Process first;
    std::optional<Process> second;  ///< has lost its lease and does not know
    Budget left;
};

/// Something that can happen in a state, which must outlive it.
struct Action {
    std::string name;
    std::function<State()> Happen;  ///< once
};

}  // namespace dlws::job::sim

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "operator/job/sim/cluster.h"

namespace dlws::job::sim {

/// What somebody does once something is so.
struct Deed {
    std::function<bool(const Cluster&)> when;
    std::function<void(Cluster&)> act;
};

/// A job, how its containers end, and what people and nodes do to it. Without faults of the
/// operator's it always ends the same way.
struct Workload {
    std::string name;
    model::DLJob job;
    Script containers;
    std::vector<Deed> deeds;  ///< in this order
    /// How it ends without faults; None: the job is gone.
    model::Phase end = model::Phase::Succeeded;
    std::shared_ptr<const model::DLCluster> settings;  ///< null: those of testing.h
    bool configured = true;                            ///< there is a DLCluster from the start
    int seconds = 600;                                 ///< how long it may take without faults
};

const std::vector<Workload>& Workloads();

/// The cluster's settings where permissions need an approval; SmallJob that asks for one.
std::shared_ptr<const model::DLCluster> CautiousCluster(
    model::OnRevoke on_revoke = model::OnRevoke::Stop);
model::DLJob AskingJob(int replicas);
/// How the containers of such a job end.
std::optional<int> EndsWellOnce(const Cluster&, const model::PodView&);

/// A job "digits" of one role "worker".
model::DLJob SmallJob(int replicas);

}  // namespace dlws::job::sim

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "test/faults/plans/stage.h"

namespace dlws::faults {

/// One fault in one life of a job.
struct Plan {
    const Workload* workload = nullptr;
    Fault fault;
    /// "gang:pods.create.2/crash-after"; DLWS_PLAN repeats it alone.
    std::string Name() const;
};

/// Every plan of a workload whose fault-free run made these requests: each write with each fault,
/// each watch with each, at each of its events.
std::vector<Plan> Enumerate(const Workload& workload, const std::vector<Seen>& log);

/// `count` of them by the seed, spread evenly over workloads and kinds of fault.
std::vector<Plan> Sample(std::vector<Plan> plans, std::size_t count, unsigned seed);

}  // namespace dlws::faults

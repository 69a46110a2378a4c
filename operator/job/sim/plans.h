// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "operator/job/sim/run.h"

namespace dlws::job::sim {

/// Every plan for a workload whose run without faults made the requests of `trace` in `ticks`
/// ticks: crashes before, in and after each request and every pair of them, lost replies, refusals,
/// requests that arrive late, caches that stand still at each point, also over a restart of the
/// operator, and a second leader.
std::vector<Plan> PlansFor(const std::vector<Call>& trace, int ticks);

}  // namespace dlws::job::sim

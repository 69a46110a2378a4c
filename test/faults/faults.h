// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <random>
#include <set>
#include <string>

#include "test/e2e/fixture.h"

/// @file
/// What the fault suites have in common. A campaign runs a sample chosen by DLWS_SEED, or with
/// DLWS_FULL=1 all of it.

namespace dlws::faults {

using e2e::Json;
using e2e::Reply;

using Seconds = std::chrono::duration<double>;

/// Measures from its making.
class Stopwatch {
  public:
    double seconds() const { return Seconds(std::chrono::steady_clock::now() - began_).count(); }

  private:
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

class Faults : public e2e::E2e {
  protected:
    void SetUp() override;
    /// Whatever was broken is mended: the next test starts with two replicas and a leader.
    void TearDown() override;

    /// A job of `pods` pods on the real node, which end after `seconds`.
    std::string Sleeper(const std::string& name, int pods, int seconds) const;
    /// Creates the job, and tries again while the API server does not answer.
    void SubmitStubbornly(const std::string& yaml);

    /// Every pod of the namespace was created at most once by the operator, and is one of `jobs`
    /// with the slots 0 to pods-1 of role worker, attempt 0; none is missing.
    void ExpectEachPodOnce(const std::set<std::string>& jobs, int pods);

    /// Between `low` and `high`, by the seed.
    int Random(int low, int high);

  private:
    std::mt19937 random_;
};

/// Process id, on this machine, of the operator in that pod; 0 when there is none.
pid_t OperatorProcess(const Json& pod);

/// The Lease's holder: pod name, '_', and a number new in each process.
std::string Holder(const e2e::Api& api);
/// When its holder last renewed it, by the holder's own clock.
std::string LeaseRenewed(const e2e::Api& api);

}  // namespace dlws::faults

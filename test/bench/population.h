// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "test/bench/common.h"

/// @file
/// Ten thousand finished jobs with five pods each, of which the operator has nothing to do.
///
///     Population population(setup, 10'000);   // in seconds
///     … population.ns() …                     // gone with the object
///
/// One job and its pods are made through the API as the operator and a kubelet would, with managed
/// fields and full status. The others are that job's stored bytes with other names and UIDs of the
/// same length, put into etcd: the API server serves them like any other. Through the API it would
/// be 120,000 writes, too many for a benchmark of ten minutes. No scheduler takes the pods (its
/// name is nobody's).

namespace dlws::bench {

class Population {
  public:
    static constexpr int kPodsPerJob = 5;

    /// `jobs` is at most 100,000. Dies if the namespace is there already.
    Population(const Setup& setup, int jobs);
    ~Population();
    Population(const Population&) = delete;
    Population& operator=(const Population&) = delete;

    const std::string& ns() const { return ns_; }
    int pods() const { return jobs_ * kPodsPerJob; }

  private:
    const Setup& setup_;
    int jobs_;
    std::string ns_ = "bench-population";
};

}  // namespace dlws::bench

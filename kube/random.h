// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>

namespace dlws::kube {

/// The one source of randomness, passed in so that a test can fix it with a seed.
class Random {
  public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    /// Uniform in [0, 1).
    double Uniform() { return std::uniform_real_distribution<double>(0, 1)(engine_); }

  private:
    std::mt19937_64 engine_;
};

}  // namespace dlws::kube

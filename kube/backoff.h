// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

#include "kube/random.h"

namespace dlws::kube {

/// How long to wait before trying again: exponential with full jitter, forgetting after a time of
/// health. Pure: the clock and the randomness are given.
///
///     Backoff backoff({}, random);
///     while (true) {
///         co_await Work();                      // returns when it broke
///         co_await Sleep(backoff.Next());
///     }
///
/// Step n (from 0) waits uniformly between 0 and min(max, base * factor^n): clients that lost the
/// same server come back spread out. When Next() is called `reset_after` or more after the previous
/// wait had ended, whatever ran in between counts as healthy and the steps start over.
class Backoff {
  public:
    using Clock = std::chrono::steady_clock;
    struct Settings {
        std::chrono::milliseconds base{800};
        std::chrono::milliseconds max{30'000};
        double factor = 2;
        std::chrono::milliseconds reset_after{120'000};
    };
    /// `random` must outlive the Backoff.
    Backoff(Settings settings, Random& random, std::function<Clock::time_point()> now = Clock::now);

    std::chrono::milliseconds Next();
    void Reset() { step_ = 0; }
    int Steps() const { return step_; }  ///< failures in a row

  private:
    Settings settings_;
    Random* random_;
    std::function<Clock::time_point()> now_;
    int step_ = 0;
    double limit_ms_ = 0;
    Clock::time_point healthy_since_{};
};

}  // namespace dlws::kube

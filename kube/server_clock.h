// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace dlws::kube {

/// The API server's wall clock, as its answers tell it in their Date header (RFC 9110, 6.6.1), to a
/// second. What we compare with times that it wrote (a deletionTimestamp, say) must come from the
/// same clock: ours may be wrong, and may be set at any time. Between two answers it goes on with
/// the monotonic clock.
///
///     clock.Observe(answer.date, std::chrono::steady_clock::now());
///     auto now = clock.Now(std::chrono::steady_clock::now());
///
/// Not thread-safe.
class ServerClock {
  public:
    using Steady = std::chrono::steady_clock::time_point;
    using Wall = std::chrono::system_clock::time_point;

    /// `date`: "Sun, 06 Nov 1994 08:49:37 GMT". Anything else changes nothing.
    void Observe(std::string_view date, Steady at);
    /// Of this machine, until there was an answer.
    Wall Now(Steady at) const;

  private:
    struct Reading {
        Wall wall;
        Steady at;
    };
    std::optional<Reading> reading_;
};

}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>

#include "kube/client.h"

namespace dlws::portal {

/// Whether the API server answers at all. A watch cannot tell: on a server that is frozen, or
/// behind a cable that was cut, it is silent, as it is when nothing happens. Confined to the
/// client's executor.
class Pulse {
  public:
    using Clock = std::chrono::steady_clock;
    struct Settings {
        std::chrono::milliseconds every = std::chrono::seconds(5);
        std::chrono::milliseconds deadline = std::chrono::seconds(5);
    };
    Pulse(kube::Client& client, Settings settings) : client_(client), settings_(settings) {}

    /// Asks until it is cancelled.
    kube::Awaitable<void> Run();
    /// When the first question was asked that has had no answer; none: the last one had.
    std::optional<Clock::time_point> AwaySince() const { return away_since_; }

  private:
    kube::Client& client_;
    Settings settings_;
    std::optional<Clock::time_point> away_since_;
};

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "portal/server/problem.h"

namespace dlws::portal {

/// How much one person has of this replica: requests at a time, streams of updates and of logs,
/// pods whose logs are read at a time (each is a connection to the API server), writes a second.
/// Over it: 429. Confined to the server's executor. Tickets may outlive it.
class Limits {
  public:
    using Clock = std::chrono::steady_clock;
    enum Kind { kRequest, kUpdates, kLogs, kLogSources };
    struct Settings {
        std::array<int, 4> most{32, 8, 8, 128};  ///< by Kind
        int writes_per_second = 20;
        std::function<Clock::time_point()> now = &Clock::now;
    };
    /// Given back when it is destroyed.
    using Ticket = std::shared_ptr<void>;

    explicit Limits(Settings settings) : settings_(std::move(settings)) {}

    /// So many of them at once, or none.
    std::expected<Ticket, Problem> Take(const std::string& username, Kind kind, int count = 1);
    std::expected<void, Problem> Write(const std::string& username);

    std::size_t People() const { return people_->size(); }

  private:
    struct Person {
        std::array<int, 4> taken{};
        double writes = 0;  ///< of the last second, leaking
        Clock::time_point at{};
    };
    using Persons = std::unordered_map<std::string, Person>;
    static void Forget(Persons& people, Clock::time_point now);

    Settings settings_;
    std::shared_ptr<Persons> people_ = std::make_shared<Persons>();  ///< its tickets keep it, too
};

}  // namespace dlws::portal

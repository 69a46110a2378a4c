// SPDX-License-Identifier: Apache-2.0
// Deadlines of one connection. Internal to kube/.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace dlws::kube::internal {

/// Calls a function when a deadline has passed, from the executor. One timer serves many requests:
/// it is set again only when it fires early or a deadline is nearer than it.
///
///     auto watchdog = std::make_shared<Watchdog>(executor, [&] { socket.close(); });
///     watchdog->Arm(deadline);
///     ...                        // the next Arm() moves the deadline
///     watchdog->Disarm();
///     watchdog->Detach();        // before what the function refers to goes away
class Watchdog : public std::enable_shared_from_this<Watchdog> {
  public:
    using Clock = std::chrono::steady_clock;

    Watchdog(const boost::asio::any_io_executor& executor, std::function<void()> late)
        : timer_(executor), late_(std::move(late)) {}

    void Arm(Clock::time_point deadline);
    void Disarm() { deadline_ = kNever; }
    /// A deadline has passed while it was armed.
    bool Fired() const { return fired_; }
    void Detach();

  private:
    static constexpr auto kNever = Clock::time_point::max();
    void Wait();
    void Look();

    boost::asio::steady_timer timer_;
    std::function<void()> late_;
    Clock::time_point deadline_ = kNever;
    std::uint64_t turn_ = 0;
    bool waiting_ = false;
    bool fired_ = false;
};

}  // namespace dlws::kube::internal

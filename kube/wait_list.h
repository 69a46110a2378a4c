// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>

namespace dlws::kube {

/// Coroutines that wait for something another one does: a condition variable of one executor.
///
///     while (!ready) co_await waiters.Wait();          // one side
///     ready = true; waiters.NotifyAll();               // the other
///
/// Woken in the order they came. Confined to its executor; may be destroyed while coroutines still
/// wait (they stay asleep until cancelled).
class WaitList {
  public:
    using Clock = std::chrono::steady_clock;
    explicit WaitList(boost::asio::any_io_executor executor);
    ~WaitList();

    /// True when notified, false when `deadline` passed or this coroutine was cancelled.
    boost::asio::awaitable<bool> Wait(Clock::time_point deadline = Clock::time_point::max());
    void NotifyOne();
    void NotifyAll();
    std::size_t Waiting() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

/// Sleeps; false when cancelled.
boost::asio::awaitable<bool> SleepFor(std::chrono::steady_clock::duration duration);

}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#include "kube/wait_list.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <utility>

namespace dlws::kube {
namespace asio = boost::asio;

struct WaitList::State {
    struct Waiter {
        explicit Waiter(const asio::any_io_executor& executor) : timer(executor) {}
        asio::steady_timer timer;
        bool notified = false;
    };
    explicit State(asio::any_io_executor executor_in) : executor(std::move(executor_in)) {}

    asio::any_io_executor executor;
    std::list<Waiter*> waiters;  // asleep, first come first
};

WaitList::WaitList(asio::any_io_executor executor)
    : state_(std::make_shared<State>(std::move(executor))) {}

WaitList::~WaitList() = default;

asio::awaitable<bool> WaitList::Wait(Clock::time_point deadline) {
    // The frame may outlive the WaitList, so it holds the state itself; it may also be destroyed
    // while suspended, so leaving the list is a destructor's work.
    struct Entry {
        explicit Entry(std::shared_ptr<State> state_in)
            : state(std::move(state_in)),
              waiter(state->executor),
              place(state->waiters.insert(state->waiters.end(), &waiter)) {}
        Entry(const Entry&) = delete;
        ~Entry() {
            if (!waiter.notified) state->waiters.erase(place);
        }
        std::shared_ptr<State> state;
        State::Waiter waiter;
        std::list<State::Waiter*>::iterator place;
    };
    Entry entry(state_);
    entry.waiter.timer.expires_at(deadline);
    co_await entry.waiter.timer.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return entry.waiter.notified;
}

void WaitList::NotifyOne() {
    if (state_->waiters.empty()) return;
    State::Waiter* waiter = state_->waiters.front();
    state_->waiters.pop_front();
    waiter->notified = true;
    waiter->timer.cancel();
}

void WaitList::NotifyAll() {
    while (!state_->waiters.empty())
        NotifyOne();
}

std::size_t WaitList::Waiting() const {
    return state_->waiters.size();
}

asio::awaitable<bool> SleepFor(std::chrono::steady_clock::duration duration) {
    asio::steady_timer timer(co_await asio::this_coro::executor, duration);
    auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return !error;
}

}  // namespace dlws::kube

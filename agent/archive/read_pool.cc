// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/read_pool.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace dlws::agent {

namespace asio = boost::asio;

struct ReadPool::Task {
    std::function<void()> work;
    std::shared_ptr<asio::steady_timer> timer;  // cancelled when it is done
    enum { kWaiting, kRunning, kDone, kHung } state = kWaiting;
};

struct ReadPool::State {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::shared_ptr<Task>> waiting;
    std::size_t threads = 0, idle = 0, hung = 0;
    bool closed = false;  // nobody is there to be told
};

ReadPool::ReadPool(asio::any_io_executor executor, Settings settings)
    : executor_(std::move(executor)), settings_(settings), state_(std::make_shared<State>()) {}

ReadPool::~ReadPool() {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    state_->waiting.clear();
    state_->changed.notify_all();
}

std::size_t ReadPool::Hung() const {
    const std::lock_guard lock(state_->mutex);
    return state_->hung;
}

void ReadPool::Work(const std::shared_ptr<State>& state) {
    std::unique_lock lock(state->mutex);
    while (true) {
        ++state->idle;
        state->changed.wait(lock, [&] { return state->closed || !state->waiting.empty(); });
        --state->idle;
        if (state->closed) return;
        const std::shared_ptr<Task> task = state->waiting.front();
        state->waiting.pop_front();
        task->state = Task::kRunning;
        lock.unlock();
        task->work();
        lock.lock();
        if (task->state == Task::kHung) --state->hung;
        const bool awaited = task->state == Task::kRunning;
        task->state = Task::kDone;
        // The lock holds off the end of the executor.
        if (awaited && !state->closed)
            asio::post(task->timer->get_executor(), [timer = task->timer] { timer->cancel(); });
    }
}

kube::Awaitable<bool> ReadPool::Do(std::function<void()> work) {
    auto task = std::make_shared<Task>();
    task->work = std::move(work);
    task->timer = std::make_shared<asio::steady_timer>(executor_, settings_.patience);
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->hung >= settings_.threads) co_return false;
        state_->waiting.push_back(task);
        if (state_->idle < state_->waiting.size() && state_->threads < settings_.threads) {
            ++state_->threads;
            std::thread([state = state_] { Work(state); }).detach();
        }
        state_->changed.notify_one();
    }
    co_await task->timer->async_wait(asio::as_tuple(asio::use_awaitable));
    const std::lock_guard lock(state_->mutex);
    if (task->state == Task::kDone) co_return true;
    if (task->state == Task::kRunning) {
        task->state = Task::kHung;
        ++state_->hung;
    }
    std::erase(state_->waiting, task);
    co_return false;
}

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/read_pool.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace dlws::agent {

namespace asio = boost::asio;

struct ReadPool::Task {
    std::string who;
    std::function<void()> work;
    std::shared_ptr<asio::steady_timer> timer;  // cancelled when it is done
    enum { kWaiting, kRunning, kDone, kHung } state = kWaiting;
};

struct ReadPool::State {
    explicit State(std::size_t each) : each(each) {}

    /// The first that waits and whose person has a thread left.
    std::deque<std::shared_ptr<Task>>::iterator Next() {
        return std::ranges::find_if(waiting, [&](const std::shared_ptr<Task>& task) {
            const Person& person = people.at(task->who);
            return person.running < each;
        });
    }
    void Forget(const std::string& who) {
        const Person& person = people.at(who);
        if (person.tasks == 0) people.erase(who);
    }

    struct Person {
        std::size_t tasks = 0;    // that wait or run
        std::size_t running = 0;  // of these, those that hang included
        std::size_t hung = 0;
    };

    const std::size_t each;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::shared_ptr<Task>> waiting;
    std::map<std::string, Person> people;
    std::size_t threads = 0, idle = 0, hung = 0;
    bool closed = false;  // nobody is there to be told
};

ReadPool::ReadPool(asio::any_io_executor executor, Settings settings)
    : executor_(std::move(executor)),
      settings_(settings),
      state_(std::make_shared<State>(settings.threads_each)) {}

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
        state->changed.wait(lock,
                            [&] { return state->closed || state->Next() != state->waiting.end(); });
        --state->idle;
        if (state->closed) return;
        const auto next = state->Next();
        const std::shared_ptr<Task> task = std::move(*next);
        state->waiting.erase(next);
        task->state = Task::kRunning;
        State::Person& person = state->people.at(task->who);
        ++person.running;
        lock.unlock();
        task->work();
        lock.lock();
        if (task->state == Task::kHung) {
            --state->hung;
            --person.hung;
        }
        --person.running;
        --person.tasks;
        state->Forget(task->who);
        const bool awaited = task->state == Task::kRunning;
        task->state = Task::kDone;
        // The lock holds off the end of the executor.
        if (awaited && !state->closed)
            asio::post(task->timer->get_executor(), [timer = task->timer] { timer->cancel(); });
    }
}

kube::Awaitable<bool> ReadPool::Do(std::string who, std::function<void()> work) {
    auto task = std::make_shared<Task>();
    task->who = std::move(who);
    task->work = std::move(work);
    task->timer = std::make_shared<asio::steady_timer>(executor_, settings_.patience);
    {
        const std::lock_guard lock(state_->mutex);
        State::Person& person = state_->people[task->who];
        if (state_->hung >= settings_.threads || person.hung >= settings_.threads_each) {
            state_->Forget(task->who);
            co_return false;
        }
        ++person.tasks;
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
        ++state_->people.at(task->who).hung;
    }
    if (std::erase(state_->waiting, task) > 0) {
        --state_->people.at(task->who).tasks;
        state_->Forget(task->who);
    }
    co_return false;
}

}  // namespace dlws::agent

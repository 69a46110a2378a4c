// SPDX-License-Identifier: Apache-2.0
#include "kube/manager.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>
#include <deque>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include "kube/log.h"
#include "kube/wait_list.h"

namespace dlws::kube {
namespace asio = boost::asio;

namespace {

struct Task {
    std::string name;
    Manager::Runnable runnable;
    asio::cancellation_signal cancel;
    bool running = false;
};

struct Group {
    std::string name;
    bool started = false;
    // By pointer: a cancellation signal and a running function must not move.
    std::vector<std::unique_ptr<Task>> tasks;
};

std::string Reason(std::exception_ptr exception) {
    if (!exception) return "ended";
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "threw something that is no std::exception";
    }
}

Awaitable<void> RunTask(Task* task) {
    co_await task->runnable();
}

}  // namespace

class Manager::Impl : public std::enable_shared_from_this<Impl> {
  public:
    explicit Impl(asio::any_io_executor executor) : executor_(executor), changed_(executor) {}

    Group* Find(const std::string& name) {
        auto found = std::ranges::find(groups_, name, &Group::name);
        return found == groups_.end() ? nullptr : &*found;
    }

    void Add(std::string group_name, std::string name, Runnable runnable) {
        Group* group = Find(group_name);
        if (!group) {
            groups_.emplace_back();
            group = &groups_.back();
            group->name = std::move(group_name);
        }
        if (group->started)
            throw std::logic_error("Manager::Add(" + name + ") to a group already started");
        auto task = std::make_unique<Task>();
        task->name = std::move(name);
        task->runnable = std::move(runnable);
        group->tasks.push_back(std::move(task));
    }

    void StartGroup(const std::string& name) {
        Group* group = Find(name);
        if (!group) throw std::logic_error("Manager::StartGroup: no group " + name);
        if (group->started) throw std::logic_error("Manager::StartGroup twice: " + name);
        if (stopping_) return;
        group->started = true;
        start_order_.push_back(group->name);
        for (auto& task : group->tasks) {
            task->running = true;
            // The handler keeps the Impl, and with it task and signal, until the coroutine ended.
            asio::co_spawn(executor_, RunTask(task.get()),
                           asio::bind_cancellation_slot(
                               task->cancel.slot(), [self = shared_from_this(), task = task.get()](
                                                        std::exception_ptr exception) {
                                   self->OnEnd(*task, exception);
                               }));
        }
    }

    void Stop(std::string reason) {
        stopping_ = true;
        if (!reason_) reason_ = std::move(reason);
        changed_.NotifyAll();
    }

    Awaitable<std::string> Wait() {
        auto self = shared_from_this();
        while (!reason_) {
            const bool notified = co_await changed_.Wait();
            if (!notified) co_return "cancelled";
        }
        co_return *reason_;
    }

    Awaitable<bool> StopAll(std::chrono::milliseconds deadline) {
        auto self = shared_from_this();
        const auto end = WaitList::Clock::now() + deadline;
        Stop("stopped");
        bool in_time = true;
        for (auto name = start_order_.rbegin(); name != start_order_.rend(); ++name) {
            Group& group = *Find(*name);
            for (auto& task : group.tasks) {
                if (task->running) task->cancel.emit(asio::cancellation_type::terminal);
            }
            while (in_time && Running(group))
                in_time = co_await changed_.Wait(end);
            for (auto& task : group.tasks) {
                if (task->running)
                    LogWarning("manager", "{}/{} has not stopped in time", group.name, task->name);
            }
        }
        co_return in_time;
    }

    void CancelAll() {
        stopping_ = true;
        for (Group& group : groups_) {
            for (auto& task : group.tasks) {
                if (task->running) task->cancel.emit(asio::cancellation_type::terminal);
            }
        }
    }

  private:
    static bool Running(const Group& group) {
        return std::ranges::any_of(group.tasks, [](const auto& task) { return task->running; });
    }

    void OnEnd(Task& task, std::exception_ptr exception) {
        task.running = false;
        const std::string reason = Reason(exception);
        if (!stopping_) {
            LogError("manager", "{}: {}", task.name, reason);
            Stop(task.name + ": " + reason);
            return;
        }
        LogDebug("manager", "{} has stopped", task.name);
        changed_.NotifyAll();
    }

    asio::any_io_executor executor_;
    WaitList changed_;
    std::deque<Group> groups_;  // references stay valid while groups are added
    std::vector<std::string> start_order_;
    std::optional<std::string> reason_;
    bool stopping_ = false;
};

Manager::Manager(asio::any_io_executor executor)
    : impl_(std::make_shared<Impl>(std::move(executor))) {}

Manager::~Manager() {
    impl_->CancelAll();
}

void Manager::Add(std::string group, std::string name, Runnable runnable) {
    impl_->Add(std::move(group), std::move(name), std::move(runnable));
}
void Manager::StartGroup(const std::string& group) {
    impl_->StartGroup(group);
}
Awaitable<std::string> Manager::Wait() {
    return impl_->Wait();
}
void Manager::Stop(std::string reason) {
    impl_->Stop(std::move(reason));
}
Awaitable<bool> Manager::StopAll(std::chrono::milliseconds deadline) {
    return impl_->StopAll(deadline);
}

}  // namespace dlws::kube

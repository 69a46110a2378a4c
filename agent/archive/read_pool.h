// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kube/api.h"

namespace dlws::agent {

/// Threads for what may hang: system calls on a storage whose server is gone do not return, and
/// nothing ends them.
///
///     auto page = co_await pool.Run<Page>("alice", [=] { return ReadPage(request); });
///     if (!page) …                                   // the storage does not answer
///
/// A call is answered within `patience`, waiting for a thread included. One whose thread still runs
/// then has hung: the thread is lost until the storage answers. When all are, calls are answered at
/// once. One person has at most `threads_each` of them, lost ones included: what is asked beyond
/// waits, and the others go past it. Work must own what it uses, and must not throw.
///
/// Confined to its executor; the threads touch nothing but their work, and outlive the pool when
/// they hang.
class ReadPool {
  public:
    struct Settings {
        std::size_t threads = 8;
        std::size_t threads_each = 2;
        std::chrono::milliseconds patience{5'000};
    };
    ReadPool(boost::asio::any_io_executor executor, Settings settings);
    ~ReadPool();
    ReadPool(const ReadPool&) = delete;
    ReadPool& operator=(const ReadPool&) = delete;

    /// `who`: for whom. Nothing: not in time.
    template <typename T>
    kube::Awaitable<std::optional<T>> Run(std::string who, std::function<T()> work) {
        auto result = std::make_shared<std::optional<T>>();
        std::function<void()> task = [result, work = std::move(work)] { result->emplace(work()); };
        const bool done = co_await Do(std::move(who), std::move(task));
        // What hangs may write to it at any time.
        if (!done) co_return std::nullopt;
        co_return std::move(*result);
    }
    /// Threads that are lost now.
    std::size_t Hung() const;

  private:
    struct Task;
    struct State;
    kube::Awaitable<bool> Do(std::string who, std::function<void()> work);
    static void Work(const std::shared_ptr<State>& state);

    boost::asio::any_io_executor executor_;
    Settings settings_;
    std::shared_ptr<State> state_;
};

}  // namespace dlws::agent

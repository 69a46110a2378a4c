// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>

#include "kube/client.h"

namespace dlws::kube::testing {

/// Runs one coroutine on `io` until it ends and returns its value; other work on `io` runs beside
/// it and stays there. Throws what the coroutine throws, and std::runtime_error after `patience`.
///
///     auto pod = Run(io, client.Get(kPods, {"default", "a"}));
template <typename T>
T Run(boost::asio::io_context& io, Awaitable<T> work,
      std::chrono::milliseconds patience = std::chrono::seconds(30)) {
    std::exception_ptr error;
    std::optional<T> value;
    bool done = false;
    boost::asio::co_spawn(io, std::move(work), [&](std::exception_ptr e, T v) {
        error = e;
        if (!e) value.emplace(std::move(v));
        done = true;
        io.stop();
    });
    const auto end = std::chrono::steady_clock::now() + patience;
    io.restart();
    while (!done && std::chrono::steady_clock::now() < end)
        io.run_one_until(end);
    if (!done) throw std::runtime_error("the coroutine under test did not end in time");
    io.restart();
    if (error) std::rethrow_exception(error);
    return std::move(*value);
}

inline void Run(boost::asio::io_context& io, Awaitable<void> work,
                std::chrono::milliseconds patience = std::chrono::seconds(30)) {
    std::exception_ptr error;
    bool done = false;
    boost::asio::co_spawn(io, std::move(work), [&](std::exception_ptr e) {
        error = e;
        done = true;
        io.stop();
    });
    const auto end = std::chrono::steady_clock::now() + patience;
    io.restart();
    while (!done && std::chrono::steady_clock::now() < end)
        io.run_one_until(end);
    if (!done) throw std::runtime_error("the coroutine under test did not end in time");
    io.restart();
    if (error) std::rethrow_exception(error);
}

/// Lets what is already running on `io` go on for a while.
inline void RunFor(boost::asio::io_context& io, std::chrono::milliseconds time) {
    io.restart();
    // Without this it would return at once when nothing is under way.
    const auto guard = boost::asio::make_work_guard(io);
    io.run_for(time);
    io.restart();
}

/// Lets `io` go on until `condition` holds, which is looked at each 2 ms; false: it does not within
/// `patience`.
template <typename Condition>
bool RunUntil(boost::asio::io_context& io, Condition condition,
              std::chrono::milliseconds patience = std::chrono::seconds(5)) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition() && std::chrono::steady_clock::now() < end)
        RunFor(io, std::chrono::milliseconds(2));
    return condition();
}

/// Options of a call in one expression (they are no aggregates, see client.h):
///     With<ListOptions>([&](auto& o) { o.ns = "default"; })
template <typename T, typename F>
T With(F set) {
    T options;
    set(options);
    return options;
}

inline Awaitable<void> Sleep(std::chrono::milliseconds time) {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
    co_await timer.async_wait(boost::asio::use_awaitable);
}

}  // namespace dlws::kube::testing

// SPDX-License-Identifier: Apache-2.0
#include "test/bench/open_loop.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "test/bench/common.h"

namespace dlws::bench {

namespace {

namespace asio = boost::asio;
using kube::Awaitable;
using Clock = std::chrono::steady_clock;
using Call = std::function<Awaitable<bool>(int caller, int call)>;

struct Calls {
    Pace pace;
    const Call& call;
    Clock::time_point start;
    int next = 0, callers_left = 0;
    Answers answers;
};

Awaitable<void> Caller(Calls& calls, int caller) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (calls.next < calls.pace.calls) {
        const int i = calls.next++;
        const auto due = calls.start + std::chrono::duration_cast<Clock::duration>(
                                           std::chrono::duration<double>(i / calls.pace.rate));
        timer.expires_at(due);
        co_await timer.async_wait(asio::use_awaitable);
        calls.answers.late += Clock::now() - due > std::chrono::milliseconds(10);
        const bool good = co_await calls.call(caller, i);
        const std::chrono::duration<double, std::milli> took = Clock::now() - due;
        calls.answers.milliseconds[std::size_t(i)] = good ? took.count() : -1;
    }
    --calls.callers_left;
}

}  // namespace

Answers OpenLoop(Pace pace, const Call& call, asio::io_context& io) {
    Calls calls{.pace = pace, .call = call, .start = Clock::now(), .callers_left = pace.callers};
    calls.answers.milliseconds.resize(std::size_t(pace.calls));
    for (int caller = 0; caller < pace.callers; ++caller)
        asio::co_spawn(io, Caller(calls, caller), Rethrow);
    const auto deadline =
        Clock::now() + std::chrono::seconds(60 + int(double(pace.calls) / pace.rate));
    io.restart();
    while (calls.callers_left > 0 && Clock::now() < deadline)
        io.run_one_for(std::chrono::seconds(1));
    if (calls.callers_left > 0) Die("calls were not answered a minute after they were due");
    return std::move(calls.answers);
}

}  // namespace dlws::bench

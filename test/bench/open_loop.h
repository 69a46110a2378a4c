// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <vector>

#include "kube/api.h"

/// @file
/// Calls at a fixed rate, whatever the callee does.
///
///     const Answers answers = OpenLoop({.rate = 200, .calls = 4000, .callers = 128},
///                                      [&](int caller, int call) { return One(call); }, io);
///
/// A latency runs from the moment when the call was due, so a callee that stalls pays for every
/// call that had to wait meanwhile.

namespace dlws::bench {

struct Pace {
    double rate = 1;  ///< calls a second
    int calls = 1;
    int callers = 1;  ///< as many calls at once, at most
};

struct Answers {
    std::vector<double> milliseconds;  ///< by call; negative: it failed
    int late = 0;  ///< calls that began 10 ms after they were due, or later: too few callers
};

/// `call` is no coroutine, it only calls one, which says whether it went well. Dies a minute after
/// the last was due.
Answers OpenLoop(Pace pace, const std::function<kube::Awaitable<bool>(int caller, int call)>& call,
                 boost::asio::io_context& io);

}  // namespace dlws::bench

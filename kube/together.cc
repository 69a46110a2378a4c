// SPDX-License-Identifier: Apache-2.0
#include "kube/together.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <utility>

namespace dlws::kube {

namespace asio = boost::asio;

asio::awaitable<void> Together(std::vector<asio::awaitable<void>> tasks) {
    if (tasks.empty()) co_return;
    auto executor = co_await asio::this_coro::executor;
    using Op =
        decltype(asio::co_spawn(executor, std::declval<asio::awaitable<void>>(), asio::deferred));
    std::vector<Op> ops;
    for (auto& task : tasks)
        ops.push_back(asio::co_spawn(executor, std::move(task), asio::deferred));
    auto group = asio::experimental::make_parallel_group(std::move(ops));
    auto [order, errors] =
        co_await group.async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
    for (const std::exception_ptr& error : errors)
        if (error) std::rethrow_exception(error);
}

}  // namespace dlws::kube

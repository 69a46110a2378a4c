// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <vector>

namespace dlws::kube {

/// Runs them at once, on the executor of the caller; returns when all have ended, and then throws
/// the first of their exceptions, if there is one. When it is cancelled, so are they.
boost::asio::awaitable<void> Together(std::vector<boost::asio::awaitable<void>> tasks);

}  // namespace dlws::kube

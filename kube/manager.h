// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kube/client.h"

namespace dlws::kube {

/// Starts coroutines in groups, in order, and stops them in reverse: servers first, then informers,
/// then (once leader) workers. controller-runtime's runnable groups, in small.
///
///     Manager manager(executor);
///     manager.Add("servers", "health", [&] { return health.Run(); });
///     manager.Add("caches", "pods", [&] { return pods.Run(); });
///     manager.StartGroup("servers"); ...
///     co_await manager.Wait();   // first runnable that ends or throws, or Stop()
///     co_await manager.StopAll(10s);
///
/// A runnable is a function returning an awaitable that runs until cancelled. One that returns or
/// throws by itself ends Wait() with its name and reason: nothing runs on in half.
class Manager {
  public:
    using Runnable = std::function<Awaitable<void>()>;
    explicit Manager(boost::asio::any_io_executor executor);
    ~Manager();

    void Add(std::string group, std::string name, Runnable runnable);
    void StartGroup(const std::string& group);
    /// Why the manager has to end: "stopped", or "NAME: reason".
    Awaitable<std::string> Wait();
    void Stop(std::string reason = "stopped");
    /// Cancels the groups in reverse start order, each awaited; false when `deadline` passed first
    /// (what still runs is logged).
    Awaitable<bool> StopAll(std::chrono::milliseconds deadline);

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace dlws::kube

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
///     std::string why = co_await manager.Wait();   // a runnable that ended or threw, or Stop()
///     co_await manager.StopAll(10s);
///
/// A runnable is a function returning an awaitable that runs until cancelled (cancellation type
/// `terminal`). One that returns or throws by itself ends Wait() with its name and reason: nothing
/// runs on in half. The function is kept until its coroutine has ended.
///
/// Confined to its executor. What the runnables use must outlive them: destroy it only after
/// StopAll() returned true; after false, end the process. Call StopAll() from outside the runnables
/// (it waits for them).
class Manager {
  public:
    using Runnable = std::function<Awaitable<void>()>;
    explicit Manager(boost::asio::any_io_executor executor);
    ~Manager();
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    /// std::logic_error when the group has been started already.
    void Add(std::string group, std::string name, Runnable runnable);
    /// std::logic_error for a group nobody added to, or one started twice. After Stop() or
    /// StopAll() nothing starts any more.
    void StartGroup(const std::string& group);
    /// Why the manager has to end: "stopped", or "NAME: reason". The first reason stays.
    Awaitable<std::string> Wait();
    void Stop(std::string reason = "stopped");
    /// Cancels the groups in reverse start order, each awaited; false when `deadline` passed first
    /// (what still runs is logged, and the groups before it are cancelled without waiting).
    Awaitable<bool> StopAll(std::chrono::milliseconds deadline);

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace dlws::kube

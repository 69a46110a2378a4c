// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "kube/informer.h"
#include "kube/workqueue.h"

namespace dlws {

/// For what is decided about all objects at once: one pass at a time, for many changes together.
///
///     PassLoop passes(executor, {.name = "storage"});
///     informer.OnChange([&](const kube::Change&) { passes.Look(); });
///     co_await passes.Run(informers, [&] { return Pass(); });   // until cancelled
///
/// Confined to its executor; must outlive its coroutines.
class PassLoop {
  public:
    struct Settings {
        std::string name;  ///< of the queue in metrics, and of the log
        /// What happens within this time of a change is looked at together.
        std::chrono::milliseconds coalesce{500};
        kube::Metrics* metrics = nullptr;
    };
    using Informers = std::vector<std::pair<std::string, kube::Informer*>>;
    /// False: to be tried again, later each time. So does an exception, whose text is logged.
    using Pass = std::function<kube::Awaitable<bool>()>;

    PassLoop(boost::asio::any_io_executor executor, Settings settings);

    /// Something has changed.
    void Look();
    /// Looks after `delay` at the latest.
    void LookAfter(std::chrono::milliseconds delay);
    /// Begins when all has been read, with one pass.
    kube::Awaitable<void> Run(Informers informers, Pass pass);

  private:
    kube::Awaitable<bool> Safely(const Pass& pass);

    Settings settings_;
    kube::WorkQueue queue_;
};

}  // namespace dlws

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "kube/client.h"
#include "kube/metrics.h"

namespace dlws::kube {

/// Keys to reconcile: client-go's workqueue. A key waits once however often it is added, is never in
/// two workers, and one added while being worked on comes again afterwards: nothing is lost.
/// Confined to its executor.
///
///     while (auto key = co_await queue.Get()) {   // empty: shut down
///         auto ok = co_await Reconcile(*key);
///         ok ? queue.Forget(*key) : queue.AddRateLimited(*key);
///         queue.Done(*key);
///     }
class WorkQueue {
  public:
    using Clock = std::chrono::steady_clock;
    struct Settings {
        std::string name = "queue";  ///< label in the metrics
        std::chrono::milliseconds base_delay{5};      ///< first retry of a key
        std::chrono::milliseconds max_delay{60'000};  ///< doubling stops here
        Metrics* metrics = nullptr;  ///< optional: workqueue_* as controller-runtime names them
    };
    WorkQueue(boost::asio::any_io_executor executor, Settings settings);

    void Add(const ObjectKey& key);
    /// Not before `delay`; an earlier one that waits already is kept.
    void AddAfter(const ObjectKey& key, Clock::duration delay);
    /// After this key's exponential backoff.
    void AddRateLimited(const ObjectKey& key);
    void Forget(const ObjectKey& key);  ///< resets the key's backoff
    int Failures(const ObjectKey& key) const;

    Awaitable<std::optional<ObjectKey>> Get();
    void Done(const ObjectKey& key);
    void ShutDown();  ///< waiting Get()s return empty
    std::size_t Depth() const { return ready_.size(); }

  private:
    Awaitable<void> RunDelays();
    void Wake();

    boost::asio::any_io_executor executor_;
    Settings settings_;
    std::deque<ObjectKey> ready_;
    std::unordered_set<ObjectKey, ObjectKeyHash> dirty_, processing_;
    std::unordered_map<ObjectKey, int, ObjectKeyHash> failures_;
    std::multimap<Clock::time_point, ObjectKey> delayed_;
    std::unordered_map<ObjectKey, Clock::time_point, ObjectKeyHash> delayed_until_;
    std::unordered_map<ObjectKey, Clock::time_point, ObjectKeyHash> added_at_, started_at_;
    boost::asio::steady_timer ready_timer_, delay_timer_;
    bool stopping_ = false;
};

}  // namespace dlws::kube

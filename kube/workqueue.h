// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "kube/client.h"
#include "kube/metrics.h"
#include "kube/wait_list.h"

namespace dlws::kube {

/// Keys to reconcile: client-go's workqueue. A key waits once however often it is added, is never
/// in two workers, and one added while being worked on comes again afterwards: nothing is lost.
/// Confined to its executor; must outlive every Get().
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
        std::string name = "queue";                   ///< label in the metrics
        std::chrono::milliseconds base_delay{5};      ///< first retry of a key
        std::chrono::milliseconds max_delay{60'000};  ///< doubling stops here
        Metrics* metrics = nullptr;  ///< optional: workqueue_* as controller-runtime names them
    };
    WorkQueue(boost::asio::any_io_executor executor, Settings settings);
    ~WorkQueue();
    WorkQueue(const WorkQueue&) = delete;
    WorkQueue& operator=(const WorkQueue&) = delete;

    void Add(const ObjectKey& key);
    /// Not before `delay`; an earlier one that waits already is kept. Not positive: Add().
    void AddAfter(const ObjectKey& key, Clock::duration delay);
    /// After this key's exponential backoff: base_delay * 2^failures, at most max_delay.
    void AddRateLimited(const ObjectKey& key);
    void Forget(const ObjectKey& key);  ///< resets the key's backoff
    int Failures(const ObjectKey& key) const;

    /// The next key, first come first; as many workers as you like may wait. Empty once shut down
    /// (what still waits is then not handed out) or when the waiting coroutine is cancelled.
    Awaitable<std::optional<ObjectKey>> Get();
    /// Every key that Get() returned, exactly once, after the last use of it.
    void Done(const ObjectKey& key);
    void ShutDown();  ///< waiting Get()s return empty, later adds are ignored
    std::size_t Depth() const { return ready_.size(); }

  private:
    using Delayed = std::map<std::pair<Clock::time_point, std::uint64_t>, ObjectKey>;

    void Enqueue(const ObjectKey& key);
    void ArmDelayTimer();
    void OnDelayTimer();
    void ArmGaugeTimer();
    void UpdateGauges();
    void Count(const char* metric);
    void SetDepth();

    Settings settings_;
    Metrics::Labels labels_;
    // Invariant: a key of dirty_ is either in ready_ (once) or in processing_ (comes when Done).
    std::deque<ObjectKey> ready_;
    std::unordered_set<ObjectKey, ObjectKeyHash> dirty_;
    std::unordered_map<ObjectKey, Clock::time_point, ObjectKeyHash> processing_;  // since when
    std::unordered_map<ObjectKey, Clock::time_point, ObjectKeyHash> added_at_;    // metrics only
    std::unordered_map<ObjectKey, int, ObjectKeyHash> failures_;
    Delayed delayed_;
    std::unordered_map<ObjectKey, Delayed::iterator, ObjectKeyHash> delayed_by_key_;
    std::uint64_t sequence_ = 0;  // keeps delayed keys of one instant in the order of their adds
    WaitList waiters_;
    boost::asio::steady_timer delay_timer_, gauge_timer_;
    bool gauge_timer_armed_ = false;
    bool stopping_ = false;
    // Timer handlers may already be queued when the queue dies; they look at this first.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dlws::kube

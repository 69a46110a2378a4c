// SPDX-License-Identifier: Apache-2.0
#include "kube/workqueue.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <utility>

namespace dlws::kube {
namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kGaugePeriod{500};

double Seconds(WorkQueue::Clock::duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace

WorkQueue::WorkQueue(asio::any_io_executor executor, Settings settings)
    : settings_(std::move(settings)),
      labels_{{"name", settings_.name}},
      waiters_(executor),
      delay_timer_(executor),
      gauge_timer_(executor) {
    if (Metrics* metrics = settings_.metrics) {
        metrics->Describe("workqueue_depth", "Current depth of workqueue");
        metrics->Describe("workqueue_adds_total", "Total number of adds handled by workqueue");
        metrics->Describe("workqueue_retries_total",
                          "Total number of retries handled by workqueue");
        metrics->Describe("workqueue_queue_duration_seconds",
                          "How long an item stays in workqueue before being requested");
        metrics->Describe("workqueue_work_duration_seconds",
                          "How long processing an item from workqueue takes");
        metrics->Describe("workqueue_unfinished_work_seconds",
                          "Seconds of work in progress that work_duration has not observed yet; "
                          "large values mean stuck workers");
        metrics->Describe("workqueue_longest_running_processor_seconds",
                          "How long the longest running worker has been on its item");
        // There from the start: increase() does not see a counter's first value.
        for (const char* counter : {"workqueue_adds_total", "workqueue_retries_total"})
            metrics->Count(counter, labels_, 0);
        for (const char* histogram :
             {"workqueue_queue_duration_seconds", "workqueue_work_duration_seconds"})
            metrics->Prepare(histogram, labels_);
        SetDepth();
        UpdateGauges();
    }
}

WorkQueue::~WorkQueue() {
    *alive_ = false;
}

void WorkQueue::Add(const ObjectKey& key) {
    if (stopping_ || !dirty_.insert(key).second) return;
    Count("workqueue_adds_total");
    if (settings_.metrics) added_at_.try_emplace(key, Clock::now());
    if (!processing_.contains(key)) Enqueue(key);
}

void WorkQueue::Enqueue(const ObjectKey& key) {
    ready_.push_back(key);
    SetDepth();
    // One key, one worker: waking all of them for each key would be most of the work at 800 keys/s.
    waiters_.NotifyOne();
}

void WorkQueue::AddAfter(const ObjectKey& key, Clock::duration delay) {
    if (stopping_) return;
    if (delay <= Clock::duration::zero()) {
        Add(key);
        return;
    }
    const auto now = Clock::now();
    // A delay that does not fit the clock means "hardly ever", not "at once".
    const auto due =
        delay < Clock::time_point::max() - now ? now + delay : Clock::time_point::max();
    if (auto known = delayed_by_key_.find(key); known != delayed_by_key_.end()) {
        if (known->second->first.first <= due) return;
        delayed_.erase(known->second);
        delayed_by_key_.erase(known);
    }
    auto place = delayed_.emplace(std::pair(due, sequence_++), key).first;
    delayed_by_key_.emplace(key, place);
    if (place == delayed_.begin()) ArmDelayTimer();
}

void WorkQueue::AddRateLimited(const ObjectKey& key) {
    if (stopping_) return;
    Count("workqueue_retries_total");
    const int failures = failures_[key]++;
    // 2^20 of any base is past every sensible max_delay, and far from overflowing.
    const std::chrono::milliseconds delay = settings_.base_delay * (1ll << std::min(failures, 20));
    AddAfter(key, std::min(settings_.max_delay, delay));
}

void WorkQueue::Forget(const ObjectKey& key) {
    failures_.erase(key);
}

int WorkQueue::Failures(const ObjectKey& key) const {
    auto found = failures_.find(key);
    return found == failures_.end() ? 0 : found->second;
}

Awaitable<std::optional<ObjectKey>> WorkQueue::Get() {
    while (!stopping_ && ready_.empty()) {
        co_await waiters_.Wait();
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) {
            // The wake-up meant for this worker must not be lost with it.
            if (!ready_.empty()) waiters_.NotifyOne();
            co_return std::nullopt;
        }
    }
    if (stopping_) co_return std::nullopt;

    ObjectKey key = std::move(ready_.front());
    ready_.pop_front();
    dirty_.erase(key);
    const auto now = Clock::now();
    processing_.emplace(key, now);
    if (settings_.metrics) {
        SetDepth();
        if (auto added = added_at_.extract(key)) {
            settings_.metrics->Observe("workqueue_queue_duration_seconds", labels_,
                                       Seconds(now - added.mapped()));
        }
        ArmGaugeTimer();
    }
    co_return key;
}

void WorkQueue::Done(const ObjectKey& key) {
    auto work = processing_.extract(key);
    if (!work) return;
    if (settings_.metrics) {
        settings_.metrics->Observe("workqueue_work_duration_seconds", labels_,
                                   Seconds(Clock::now() - work.mapped()));
    }
    if (!stopping_ && dirty_.contains(key)) Enqueue(key);
}

void WorkQueue::ShutDown() {
    stopping_ = true;
    delayed_by_key_.clear();
    delayed_.clear();
    delay_timer_.cancel();
    gauge_timer_.cancel();
    waiters_.NotifyAll();
}

void WorkQueue::ArmDelayTimer() {
    delay_timer_.expires_at(delayed_.begin()->first.first);
    delay_timer_.async_wait([this, alive = alive_](boost::system::error_code error) {
        if (!error && *alive && !stopping_) OnDelayTimer();
    });
}

void WorkQueue::OnDelayTimer() {
    const auto now = Clock::now();
    while (!delayed_.empty() && delayed_.begin()->first.first <= now) {
        const ObjectKey key = std::move(delayed_.begin()->second);
        delayed_.erase(delayed_.begin());
        delayed_by_key_.erase(key);
        Add(key);
    }
    if (!delayed_.empty()) ArmDelayTimer();
}

// The two gauges of work in progress grow while nothing happens, so a clock has to write them; it
// only ticks while somebody works.
void WorkQueue::ArmGaugeTimer() {
    if (gauge_timer_armed_ || stopping_) return;
    gauge_timer_armed_ = true;
    gauge_timer_.expires_after(kGaugePeriod);
    gauge_timer_.async_wait([this, alive = alive_](boost::system::error_code error) {
        if (!*alive) return;
        gauge_timer_armed_ = false;
        if (error) return;
        UpdateGauges();
        if (!processing_.empty()) ArmGaugeTimer();
    });
}

void WorkQueue::UpdateGauges() {
    const auto now = Clock::now();
    double sum = 0, longest = 0;
    for (const auto& [key, since] : processing_) {
        const double seconds = Seconds(now - since);
        sum += seconds;
        longest = std::max(longest, seconds);
    }
    settings_.metrics->Set("workqueue_unfinished_work_seconds", labels_, sum);
    settings_.metrics->Set("workqueue_longest_running_processor_seconds", labels_, longest);
}

void WorkQueue::Count(const char* metric) {
    if (settings_.metrics) settings_.metrics->Count(metric, labels_);
}

void WorkQueue::SetDepth() {
    if (settings_.metrics)
        settings_.metrics->Set("workqueue_depth", labels_, static_cast<double>(ready_.size()));
}

}  // namespace dlws::kube

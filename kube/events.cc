// SPDX-License-Identifier: Apache-2.0
#include "kube/events.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <boost/json.hpp>
#include <deque>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "kube/log.h"
#include "kube/wait_list.h"

namespace dlws::kube {
namespace asio = boost::asio;
namespace json = boost::json;

namespace {

using Clock = std::chrono::steady_clock;
using WallTime = std::chrono::system_clock::time_point;

// Limits of the API's validation.
constexpr std::size_t kMaxNote = 1024;
constexpr std::size_t kMaxField = 128;
constexpr std::size_t kMaxName = 253;
/// Kinds of event remembered for their series; the oldest is forgotten first.
constexpr std::size_t kMaxRemembered = 4096;

/// At most `limit` bytes, not cutting a UTF-8 sequence in two.
void Cut(std::string& text, std::size_t limit) {
    if (text.size() <= limit) return;
    std::size_t end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
        --end;
    text.resize(end);
}

std::string MicroTime(WallTime time) {
    const auto now = std::chrono::floor<std::chrono::microseconds>(time);
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(second)),
                       (now - second).count());
}

/// One kind of event of one object, and the event that stands for all of its repetitions.
struct Series {
    ObjectReference about;
    std::string type, reason, action, note;
    std::string name;      // of the Event; empty until it has been written
    WallTime first, last;  // occurrences
    int count = 0;
    int written = 0;  // the count that the API server knows
    bool queued = false;
    Clock::time_point seen_at{};     // last occurrence
    Clock::time_point written_at{};  // last write
};
using SeriesPtr = std::shared_ptr<Series>;

}  // namespace

class EventRecorder::Impl {
  public:
    Impl(Api& api, std::string reporter, std::string instance, Settings settings)
        : api_(api),
          reporter_(std::move(reporter)),
          instance_(std::move(instance)),
          settings_(std::move(settings)),
          changed_(api.Executor()) {
        Cut(instance_, kMaxField);
    }

    void Record(const ObjectReference& about, std::string type, std::string reason,
                std::string action, std::string note) {
        Cut(reason, kMaxField);
        Cut(action, kMaxField);
        Cut(note, kMaxNote);
        const auto now = Clock::now();
        Forget(now);
        Key key{about.ns + "/" + about.kind + "/" + about.name + "/" + about.uid, type, reason,
                note};
        auto [place, is_new] = known_.try_emplace(key);
        SeriesPtr& series = place->second;
        const bool over = !is_new && now - series->seen_at > settings_.series_window;
        if (is_new || over) {
            series = std::make_shared<Series>();
            series->about = about;
            series->type = std::move(type);
            series->reason = std::move(reason);
            series->action = action.empty() ? series->reason : std::move(action);
            series->note = std::move(note);
            series->first = settings_.wall_clock();
            if (is_new) order_.push_back(std::move(key));
        }
        series->last = settings_.wall_clock();
        series->seen_at = now;
        ++series->count;
        Enqueue(series);
    }

    Awaitable<void> Run() {
        while (true) {
            SeriesPtr series;
            const Clock::time_point wake_at = Take(series);
            if (!series) {
                co_await changed_.Wait(wake_at);
                auto cancellation = co_await asio::this_coro::cancellation_state;
                if (cancellation.cancelled() != asio::cancellation_type::none) co_return;
                continue;
            }
            co_await Write(series);
        }
    }

    std::uint64_t Dropped() const { return dropped_; }
    std::size_t Queued() const { return queue_.size(); }

  private:
    using Key = std::tuple<std::string, std::string, std::string, std::string>;
    struct KeyHash {
        std::size_t operator()(const Key& key) const {
            std::hash<std::string> hash;
            return ((hash(std::get<0>(key)) * 31 + hash(std::get<1>(key))) * 31 +
                    hash(std::get<2>(key))) *
                       31 +
                   hash(std::get<3>(key));
        }
    };

    void Enqueue(const SeriesPtr& series) {
        if (series->queued) return;  // its count goes out with the write that waits
        if (queue_.size() >= kMaxQueued) {
            SeriesPtr oldest = std::move(queue_.front());
            queue_.pop_front();
            oldest->queued = false;
            if (++dropped_ == 1 || dropped_ % 1000 == 0)
                LogWarning("events", "{} events dropped: the API server takes them too slowly",
                           dropped_);
        }
        series->queued = true;
        queue_.push_back(series);
        changed_.NotifyAll();
    }

    /// The first series that may be written now, else when to look again.
    Clock::time_point Take(SeriesPtr& taken) {
        const auto now = Clock::now();
        auto wake_at = Clock::time_point::max();
        for (auto place = queue_.begin(); place != queue_.end(); ++place) {
            const Series& series = **place;
            const auto due =
                series.written == 0 ? now : series.written_at + settings_.series_interval;
            if (due <= now) {
                taken = std::move(*place);
                queue_.erase(place);
                taken->queued = false;
                return now;
            }
            wake_at = std::min(wake_at, due);
        }
        return wake_at;
    }

    Awaitable<void> Write(SeriesPtr series) {
        const int count = series->count;
        series->written_at = Clock::now();
        Result<ObjectPtr> outcome;
        WriteOptions options;
        options.deadline = settings_.write_deadline;
        const std::string ns = series->about.ns.empty() ? "default" : series->about.ns;
        bool create = series->written == 0;
        if (!create) {
            const ObjectKey key{ns, series->name};
            const std::string patch = SeriesPatch(*series, count);
            outcome = co_await api_.Patch(kEvents, key, PatchType::kMerge, patch, options);
            // Events live an hour or so; the series may have outlived its event.
            if (!outcome && outcome.error().IsNotFound()) create = true;
        }
        if (create) {
            series->name = NewName(series->about.name);
            const std::string body = Body(*series, ns, count);
            outcome = co_await api_.Create(kEvents, ns, body, options);
        }
        // Exists: an earlier try of this very write had landed.
        if (outcome || outcome.error().IsAlreadyExists()) {
            series->written = count;
            co_return;
        }
        if (outcome.error().kind == ErrorKind::kCancelled) co_return;
        // A namespace that is being deleted refuses them all: nothing anybody can do about.
        LogDebug("events", "event {} of {} is lost: {}", series->reason, series->about.name,
                 outcome.error().message);
    }

    /// `OBJECT.HEX`: the time, made unique in this process.
    std::string NewName(std::string object) {
        const auto now = settings_.wall_clock().time_since_epoch();
        const auto nanoseconds = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
        last_stamp_ = std::max(last_stamp_ + 1, nanoseconds);
        const std::string suffix = fmt::format(".{:x}", last_stamp_);
        Cut(object, kMaxName - suffix.size());
        return object + suffix;
    }

    static json::object SeriesObject(const Series& series, int count) {
        return {{"count", count}, {"lastObservedTime", MicroTime(series.last)}};
    }

    static std::string SeriesPatch(const Series& series, int count) {
        json::object patch;
        patch["series"] = SeriesObject(series, count);
        return json::serialize(patch);
    }

    std::string Body(const Series& series, const std::string& ns, int count) const {
        json::object event;
        event["apiVersion"] = "events.k8s.io/v1";
        event["kind"] = "Event";
        event["metadata"] = {{"name", series.name}, {"namespace", ns}};
        event["eventTime"] = MicroTime(series.first);
        event["reportingController"] = reporter_;
        event["reportingInstance"] = instance_;
        event["type"] = series.type;
        event["reason"] = series.reason;
        event["action"] = series.action;
        event["note"] = series.note;
        event["regarding"] = {{"apiVersion", series.about.api_version},
                              {"kind", series.about.kind},
                              {"namespace", series.about.ns},
                              {"name", series.about.name},
                              {"uid", series.about.uid}};
        // A series of one is refused: "should be at least 2".
        if (count > 1) event["series"] = SeriesObject(series, count);
        return json::serialize(event);
    }

    /// Ends the series whose last occurrence is too long ago.
    void Forget(Clock::time_point now) {
        for (std::size_t looked = 0; looked < 2 && !order_.empty(); ++looked) {
            auto found = known_.find(order_.front());
            const bool is_over = now - found->second->seen_at > settings_.series_window;
            if (is_over || order_.size() > kMaxRemembered) {
                known_.erase(found);
            } else {
                order_.push_back(order_.front());
            }
            order_.pop_front();
        }
    }

    Api& api_;
    std::string reporter_, instance_;
    Settings settings_;
    WaitList changed_;
    std::unordered_map<Key, SeriesPtr, KeyHash> known_;
    std::deque<Key> order_;  // of known_, to find what is over a few at a time
    std::deque<SeriesPtr> queue_;
    std::uint64_t dropped_ = 0;
    std::uint64_t last_stamp_ = 0;
};

EventRecorder::EventRecorder(Api& api, std::string reporter, std::string instance)
    : EventRecorder(api, std::move(reporter), std::move(instance), Settings()) {}
EventRecorder::EventRecorder(Api& api, std::string reporter, std::string instance,
                             Settings settings)
    : impl_(std::make_unique<Impl>(api, std::move(reporter), std::move(instance),
                                   std::move(settings))) {}
EventRecorder::~EventRecorder() = default;

void EventRecorder::Record(const ObjectReference& about, std::string type, std::string reason,
                           std::string action, std::string note) {
    impl_->Record(about, std::move(type), std::move(reason), std::move(action), std::move(note));
}
Awaitable<void> EventRecorder::Run() {
    return impl_->Run();
}
std::uint64_t EventRecorder::Dropped() const {
    return impl_->Dropped();
}
std::size_t EventRecorder::Queued() const {
    return impl_->Queued();
}

}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/stream/sse_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <boost/json.hpp>
#include <utility>

#include "model/time.h"
#include "portal/server/sse.h"

namespace dlws::portal {

namespace {

namespace asio = boost::asio;
namespace json = boost::json;

// How often it looks whether the API server is there.
constexpr std::chrono::milliseconds kLook{1'000};
constexpr int kRetryMs = 1'000;

std::string Format(std::chrono::system_clock::time_point time) {
    return model::FormatTime(std::chrono::floor<std::chrono::seconds>(time));
}

// The id stands in the last event alone: whoever is cut off before has not been told of all of it.
std::string Joined(const std::vector<std::string>& events, const std::string& id) {
    std::string text;
    for (const std::string& event : events) {
        text += event;
        AppendEventEnd(&event == &events.back() ? id : "", text);
    }
    return text;
}

std::string DeniedEvent(const std::string& topic, const Problem& problem) {
    return EventText(
        "denied", fmt::format(R"({{"topic":{},"problem":{}}})", json::serialize(json::value(topic)),
                              std::string(ToAnswer(problem, "stream").Body())));
}

}  // namespace

SseBody::SseBody(asio::any_io_executor executor, const Settings& settings, Hub& hub, Caller caller,
                 Limits::Ticket ticket)
    : settings_(settings),
      hub_(hub),
      caller_(std::move(caller)),
      ticket_(std::move(ticket)),
      waiters_(std::move(executor)),
      stale_(settings.stale()),
      written_(Clock::now()),
      asked_(written_),
      began_(written_) {}

void SseBody::Begin(std::vector<std::unique_ptr<Feed>> feeds, const std::vector<Denied>& denied,
                    std::optional<StreamId> id) {
    feeds_ = std::move(feeds);
    const bool known = id && id->version <= hub_.Seen() && (!id->about || *id->about == About());
    // What nobody can know begins anew, as all that is older than anything.
    std::optional<std::uint64_t> since;
    if (id) since = known ? id->version : 0;
    for (const auto& feed : feeds_)
        feed->Begin(hub_, since, [this] { waiters_.NotifyAll(); });
    first_ = {Hello()};
    for (const auto& [topic, problem] : denied)
        first_.push_back(DeniedEvent(topic, problem));
    if (known)
        first_id_ = ToString(*id);
    else if (!id)
        first_id_ = ToString(StreamId{hub_.Version(), About()});
}

std::string SseBody::Hello() const {
    json::object hello{{"time", Format(std::chrono::system_clock::now())},
                       {"version", settings_.version},
                       {"retryMs", kRetryMs}};
    if (stale_) hello["staleSince"] = Format(*stale_);
    return EventText("hello", json::serialize(hello));
}

std::uint64_t SseBody::About() const {
    std::uint64_t about = Fnv("");
    for (const auto& feed : feeds_)
        about = Fnv(fmt::format("{:x}\n", feed->About()), about);
    return about;
}

void SseBody::Stop() {
    End("Draining");
    waiters_.NotifyAll();
}

void SseBody::LogOut() {
    End("LoggedOut");
    waiters_.NotifyAll();
}

void SseBody::End(std::string reason) {
    if (end_.empty()) end_ = std::move(reason);
}

std::optional<std::string> SseBody::StaleEvent() {
    const std::optional<Time> now = settings_.stale();
    if (now.has_value() == stale_.has_value()) return std::nullopt;
    stale_ = now;
    json::object stale;
    if (now) stale["since"] = Format(*now);
    return EventText("stale", json::serialize(stale));
}

kube::Awaitable<std::string> SseBody::Next() {
    while (!ended_) {
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) break;
        if (Clock::now() >= began_ + settings_.life) End("Renew");
        if (end_.empty() && Clock::now() >= asked_ + settings_.ask_again) {
            co_await AskAgain();
            asked_ = Clock::now();
        }
        std::string id = std::exchange(first_id_, "");
        std::vector<std::string> events = std::exchange(first_, {});
        if (events.empty() && end_.empty()) {
            const StreamId now{hub_.Version(), About()};  // more may come while they are taken
            events = co_await Take();
            if (!events.empty()) id = ToString(now);
        }
        if (auto stale = StaleEvent()) events.insert(events.begin(), std::move(*stale));
        if (!end_.empty()) {
            events.push_back(EventText("end", fmt::format(R"({{"reason":"{}"}})", end_)));
            ended_ = true;
        }
        if (!events.empty()) {
            written_ = Clock::now();
            co_return Joined(events, id);
        }
        if (Clock::now() >= written_ + settings_.keep_alive) {
            written_ = Clock::now();
            co_return std::string(kSseBeat);
        }
        co_await waiters_.Wait(Clock::now() + kLook);
    }
    co_return "";
}

kube::Awaitable<std::vector<std::string>> SseBody::Take() {
    std::vector<std::string> all;
    for (const auto& feed : feeds_) {
        if (!feed->Waits()) continue;
        auto events = co_await feed->Take(caller_);
        all.insert(all.end(), std::make_move_iterator(events.begin()),
                   std::make_move_iterator(events.end()));
    }
    co_return all;
}

kube::Awaitable<void> SseBody::AskAgain() {
    if (caller_.current_token) {
        auto token = co_await caller_.current_token();
        if (!token) {
            // Nobody can say whether it still holds: whoever comes again is told.
            const bool over = token.error().status == 401;
            End(!over                                 ? "Renew"
                : token.error().reason == "LoggedOut" ? "LoggedOut"
                                                      : "LoginExpired");
            co_return;
        }
        caller_.token = std::move(*token);
        caller_.key = KeyOf(caller_.token);
    }
    for (auto feed = feeds_.begin(); feed != feeds_.end();) {
        auto may = co_await (*feed)->AskAgain(caller_);
        if (may) {
            ++feed;
            continue;
        }
        // A verdict counts on while the API server is away, but not for ever (Verdicts).
        if (may.error().status != 403) {
            End(may.error().status == 401 ? "LoginExpired" : "Renew");
            co_return;
        }
        first_.push_back(DeniedEvent((*feed)->topic(), may.error()));
        feed = feeds_.erase(feed);
    }
}

}  // namespace dlws::portal

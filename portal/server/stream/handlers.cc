// SPDX-License-Identifier: Apache-2.0
#include "portal/server/stream/handlers.h"

#include <utility>
#include <vector>

namespace dlws::portal {

namespace {

constexpr std::chrono::milliseconds kLook{20};

// The cache may be a moment behind that of the replica that the stream was on before.
kube::Awaitable<void> WaitUntilSeen(const Streams& streams, std::uint64_t version) {
    const auto end = SseBody::Clock::now() + streams.patience;
    while (streams.hub.Seen() < version && SseBody::Clock::now() < end) {
        const bool slept = co_await kube::SleepFor(kLook);
        if (!slept) co_return;
    }
}

/// A feed that was asked; Problem: nothing comes of this topic (403, 404), or of the whole stream.
kube::Awaitable<std::expected<std::unique_ptr<Feed>, Problem>> FeedOf(const Streams& streams,
                                                                      const Caller& caller,
                                                                      const Topic& topic) {
    auto feed = MakeJobFeed(streams.jobs, topic, caller.username);
    if (!feed && streams.other) feed = streams.other(topic, caller);
    if (!feed) {
        Problem problem = NotFound("topic");
        problem.detail = topic.text + " is not served here.";
        co_return std::unexpected(std::move(problem));
    }
    auto may = co_await feed->AskAgain(caller);
    if (!may) co_return std::unexpected(std::move(may.error()));
    co_return feed;
}

kube::Awaitable<Outcome> StreamUpdates(const Streams& streams, Call call) {
    auto topics = ParseTopics(call.query.All("topic"));
    if (!topics) co_return std::unexpected(BadRequest("query.topic", topics.error()));
    const auto id = ParseStreamId(call.request.Field("Last-Event-ID"));
    auto ticket = streams.backend.limits.Take(call.caller.username, Limits::kUpdates);
    if (!ticket) co_return std::unexpected(std::move(ticket.error()));
    std::vector<std::unique_ptr<Feed>> feeds;
    std::vector<SseBody::Denied> denied;
    for (const Topic& topic : *topics) {
        auto feed = co_await FeedOf(streams, call.caller, topic);
        if (feed)
            feeds.push_back(std::move(*feed));
        else if (feed.error().status == 403 || feed.error().status == 404)
            denied.push_back({topic.text, std::move(feed.error())});
        else
            co_return std::unexpected(std::move(feed.error()));
    }
    // A stream of nothing but refusals is one refusal.
    if (feeds.empty()) {
        const bool known = denied.front().problem.status != 404;
        co_return std::unexpected(
            known ? std::move(denied.front().problem)
                  : BadRequest("query.topic", denied.front().topic + " is not served here"));
    }
    if (id) co_await WaitUntilSeen(streams, id->version);
    const std::string session = call.caller.session;
    auto body = std::make_shared<SseBody>(streams.executor, streams.settings, streams.hub,
                                          std::move(call.caller), std::move(*ticket));
    body->Begin(std::move(feeds), denied, id);
    if (streams.session_ends)
        streams.session_ends->Add(session, body, [body = body.get()] { body->LogOut(); });
    co_return EventStream(std::move(body));
}

}  // namespace

void AddStreams(Router& router, const Streams& streams) {
    router.Add(
        {.id = "StreamUpdates",
         .method = "GET",
         .path = "/api/v1/stream",
         .query = {{"topic", true}},
         .handler = [&streams](Call call) { return StreamUpdates(streams, std::move(call)); },
         .stream = true});
}

}  // namespace dlws::portal

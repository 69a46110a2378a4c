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

kube::Awaitable<Outcome> StreamUpdates(const Streams& streams, Call call) {
    auto topics = ParseTopics(call.query.All("topic"));
    if (!topics) co_return std::unexpected(BadRequest("query.topic", topics.error()));
    const auto id = ParseStreamId(call.request.Field("Last-Event-ID"));
    auto ticket = streams.backend.limits.Take(call.caller.username, Limits::kUpdates);
    if (!ticket) co_return std::unexpected(std::move(ticket.error()));
    std::vector<std::unique_ptr<Feed>> feeds;
    for (const Topic& topic : *topics) {
        auto feed = MakeJobFeed(streams.jobs, topic, call.caller.username);
        if (!feed && streams.other) feed = streams.other(topic, call.caller);
        if (!feed)
            co_return std::unexpected(
                BadRequest("query.topic", topic.text + " is not served here"));
        auto may = co_await feed->AskAgain(call.caller);
        if (!may) co_return std::unexpected(std::move(may.error()));
        feeds.push_back(std::move(feed));
    }
    if (id) co_await WaitUntilSeen(streams, id->version);
    const std::string session = call.caller.session;
    auto body = std::make_shared<SseBody>(streams.executor, streams.settings, streams.hub,
                                          std::move(call.caller), std::move(*ticket));
    body->Begin(std::move(feeds), id);
    if (streams.session_ends)
        streams.session_ends->Add(session, body, [body = body.get()] { body->LogOut(); });
    kube::HttpAnswer answer;
    answer.content_type = "text/event-stream";
    answer.fields.emplace_back("X-Accel-Buffering", "no");  // an nginx in front must not collect it
    answer.stream = std::move(body);
    co_return answer;
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

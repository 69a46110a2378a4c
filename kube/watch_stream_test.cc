// SPDX-License-Identifier: Apache-2.0
#include "kube/watch_stream.h"

#include "kube/client_test_fixture.h"

namespace dlws::kube {
namespace {

using namespace std::chrono_literals;
using testing::Fault;
using ::testing::HasSubstr;
using testing::Stream;
using testing::With;

constexpr const char* kBookmark =
    R"({"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"99","creationTimestamp":null}})";

class WatchTest : public ClientTest {
  public:
    Stream Open() { return server.When("GET", "/api/v1/pods", {{"watch", "true"}}).OpenStream(); }
    std::unique_ptr<WatchStream> Watch(WatchOptions options = {}) {
        auto watch = testing::Run(io, client.Watch(kPods, std::move(options)));
        EXPECT_TRUE(watch) << watch.error().message;
        return watch ? std::move(*watch) : nullptr;
    }
    Result<WatchEvent> Next(WatchStream& watch) { return testing::Run(io, watch.Next()); }

    Client client{io.get_executor(), server.ClientConfig(), {.max_connections = 1}};
};

INSTANTIATE_TEST_SUITE_P(Transport, WatchTest, ::testing::Bool(), TransportName);

TEST_P(WatchTest, AsksAsItShould) {
    const Stream stream = Open();
    auto watch = Watch(With<WatchOptions>([](auto& o) {
        o.label_selector = "a=b";
        o.field_selector = "c=d";
        o.resource_version = "5";
    }));
    auto query = server.Requests().at(0).query;
    const int time = std::stoi(query["timeoutSeconds"]);
    EXPECT_GE(time, 300);
    EXPECT_LE(time, 600);
    query.erase("timeoutSeconds");
    EXPECT_EQ(query, (testing::Query{{"watch", "true"},
                                     {"allowWatchBookmarks", "true"},
                                     {"labelSelector", "a=b"},
                                     {"fieldSelector", "c=d"},
                                     {"resourceVersion", "5"}}));
    EXPECT_EQ(server.Requests().at(0).Header("accept-encoding"), "");
    const Stream second = Open();
    watch = Watch(With<WatchOptions>([](auto& o) {
        o.send_initial_events = true;
        o.server_timeout = 77s;
    }));
    EXPECT_EQ(server.Requests().at(1).query,
              (testing::Query{{"watch", "true"},
                              {"allowWatchBookmarks", "true"},
                              {"sendInitialEvents", "true"},
                              {"resourceVersionMatch", "NotOlderThan"},
                              {"timeoutSeconds", "77"}}));
}

TEST_P(WatchTest, ReadsEventsHoweverTheyAreSplit) {
    const Stream stream = Open();
    const auto watch = Watch();
    std::string text;
    for (const char* type : {"ADDED", "MODIFIED", "DELETED"}) {
        text += std::string(R"({"type":")") + type + R"(","object":)" + kPodJson + "}\n";
    }
    for (const char c : text)
        stream.Send(std::string(1, c));
    for (const auto type :
         {WatchEventType::kAdded, WatchEventType::kModified, WatchEventType::kDeleted}) {
        const auto event = Next(*watch);
        ASSERT_TRUE(event) << event.error().message;
        EXPECT_EQ(event->type, type);
        EXPECT_EQ(event->object->raw, kPodJson);
        EXPECT_EQ(event->object->meta.labels.at("app"), "x");
        EXPECT_FALSE(event->initial_events_end);
    }
    stream.Send(text + "\n\r\n" + text);  // all at once
    stream.End();
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(Next(*watch));
}

TEST_P(WatchTest, ReadsBookmarks) {
    const Stream stream = Open();
    const auto watch = Watch();
    stream.SendEvent("BOOKMARK", kBookmark);
    stream.SendEvent("BOOKMARK", R"({"metadata":{"resourceVersion":"100","annotations":)"
                                 R"({"x":"y","k8s.io/initial-events-end":"true"}}})");
    auto event = Next(*watch);
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->type, WatchEventType::kBookmark);
    EXPECT_EQ(event->object->meta.resource_version, 99U);
    EXPECT_FALSE(event->initial_events_end);
    event = Next(*watch);
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->object->meta.resource_version, 100U);
    EXPECT_TRUE(event->initial_events_end);
}

TEST_P(WatchTest, ReadsEventsOfManyMegabytes) {
    const Stream stream = Open();
    const auto watch = Watch();
    for (const std::size_t size : {100'000UZ, 3'000'000UZ, 10UZ, 9'000'000UZ}) {
        const std::string pad(size, 'p');
        stream.SendEvent("ADDED",
                         R"({"metadata":{"name":"big","namespace":"n"},"data":")" + pad + R"("})");
        stream.SendEvent("MODIFIED", kPodJson);
        auto event = Next(*watch);
        ASSERT_TRUE(event) << event.error().message;
        EXPECT_THAT(event->object->raw.size(), ::testing::Gt(size));
        EXPECT_TRUE(event->object->raw.ends_with(std::string(10, 'p') + "\"}"));
        event = Next(*watch);
        ASSERT_TRUE(event) << event.error().message;
        EXPECT_EQ(event->object->raw, kPodJson);
    }
}

TEST_P(WatchTest, ManyEventsInARow) {
    const Stream stream = Open();
    const auto watch = Watch();
    std::string text;
    for (int i = 0; i < 5000; ++i) {
        text += R"({"type":"ADDED","object":{"metadata":{"name":"p)" + std::to_string(i) +
                R"(","namespace":"n"}}})" + "\n";
    }
    stream.Send(text);
    for (int i = 0; i < 5000; ++i) {
        const auto event = Next(*watch);
        ASSERT_TRUE(event) << event.error().message;
        ASSERT_EQ(event->object->meta.name, "p" + std::to_string(i));
    }
}

TEST_P(WatchTest, AnErrorEventIsATypedError) {
    const Stream stream = Open();
    const auto watch = Watch();
    stream.SendEvent("ERROR", R"({"kind":"Status","apiVersion":"v1","status":"Failure","message":)"
                              R"("too old resource version","reason":"Expired","code":410})");
    const auto event = Next(*watch);
    ASSERT_FALSE(event);
    EXPECT_EQ(event.error().kind, ErrorKind::kStatus);
    EXPECT_TRUE(event.error().IsExpired());
    EXPECT_EQ(event.error().reason, "Expired");
    EXPECT_THAT(event.error().message, HasSubstr("WATCH /api/v1/pods"));
    // Dead for good, and its connection closed.
    const auto again = Next(*watch);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, ErrorKind::kNetwork);
    EXPECT_TRUE(stream.WaitGone());
}

TEST_P(WatchTest, ARefusalIsAnErrorBeforeAnyEvent) {
    server.When("GET", "/api/v1/pods")
        .Reply(410, R"({"kind":"Status","reason":"Gone","message":"gone","code":410})")
        .Reply(429, "{}", {{"Retry-After", "1"}})
        .Reply(403, R"({"kind":"Status","reason":"Forbidden","message":"no","code":403})");
    auto watch = testing::Run(io, client.Watch(kPods, {}));
    ASSERT_FALSE(watch);
    EXPECT_TRUE(watch.error().IsExpired());
    const auto begin = std::chrono::steady_clock::now();
    watch = testing::Run(io, client.Watch(kPods, {}));  // waits for its second, then is forbidden
    ASSERT_FALSE(watch);
    EXPECT_TRUE(watch.error().IsForbidden());
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 1s);
    EXPECT_TRUE(Eventually(io, [&] { return server.OpenConnections() == 0; }));
}

TEST_P(WatchTest, TheServersProperEndIsEndOfStream) {
    const Stream stream = Open();
    const auto watch = Watch();
    stream.SendEvent("ADDED", kPodJson);
    stream.End();
    EXPECT_TRUE(Next(*watch));
    const auto event = Next(*watch);
    ASSERT_FALSE(event);
    EXPECT_EQ(event.error().kind, ErrorKind::kNetwork);
    EXPECT_EQ(event.error().reason, "EndOfStream");
}

TEST_P(WatchTest, ACutStreamIsANetworkError) {
    for (const bool reset : {false, true}) {
        const Stream stream = Open();
        const auto watch = Watch();
        stream.Send(R"({"type":"ADDED","object":)");
        testing::RunFor(io, 20ms);
        reset ? stream.Reset() : stream.Cut();
        const auto event = Next(*watch);
        ASSERT_FALSE(event);
        EXPECT_EQ(event.error().kind, ErrorKind::kNetwork);
        EXPECT_NE(event.error().reason, "EndOfStream");
    }
}

TEST_P(WatchTest, NonsenseIsAProtocolError) {
    for (const char* line : {"hello", "{}", R"({"type":"ADDED"})", R"({"type":"ADDED","object":7})",
                             R"({"type":"NEW","object":{"metadata":{"name":"a"}}})",
                             R"({"type":"ADDED","object":{"metadata":{}}})",
                             R"({"type":"ADDED","object":{"metadata":{"name":"a")"}) {
        const Stream stream = Open();
        const auto watch = Watch();
        stream.SendLine(line);
        const auto event = Next(*watch);
        ASSERT_FALSE(event) << line;
        EXPECT_EQ(event.error().kind, ErrorKind::kProtocol) << line;
    }
}

TEST_P(WatchTest, SilenceIsATimeoutAndEveryByteCounts) {
    const Stream stream = Open();
    const auto watch = Watch(With<WatchOptions>([](auto& o) { o.idle_timeout = 1s; }));
    const auto begin = std::chrono::steady_clock::now();
    Background<Result<WatchEvent>> next(io, watch->Next());
    testing::RunFor(io, 700ms);
    stream.Send("\n");
    testing::RunFor(io, 700ms);
    EXPECT_FALSE(next.Done()) << "the silence began anew";
    ASSERT_TRUE(next.Wait(5s));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 1700ms);
    ASSERT_FALSE(*next.Value());
    EXPECT_EQ(next.Value()->error().kind, ErrorKind::kTimeout);
    EXPECT_TRUE(stream.WaitGone());
}

TEST_P(WatchTest, AServerThatNeverAnswersIsATimeout) {
    server.When("GET", "/api/v1/pods").Misbehave(Fault::kNeverAnswer);
    const auto watch = testing::Run(
        io, client.Watch(kPods, With<WatchOptions>([](auto& o) { o.deadline = 300ms; })));
    ASSERT_FALSE(watch);
    EXPECT_EQ(watch.error().kind, ErrorKind::kTimeout);
}

TEST_P(WatchTest, TakesNoConnectionFromThePoolAndClosesItsOwn) {
    const Stream one = Open();
    auto first = Watch();
    const Stream two = Open();
    auto second = Watch();
    server.When("GET", kPodPath).Reply(200, kPodJson);
    EXPECT_TRUE(GetPod(client));
    EXPECT_EQ(server.OpenConnections(), 3);
    first.reset();
    EXPECT_TRUE(one.WaitGone());
    EXPECT_FALSE(two.Gone());
    second.reset();
    EXPECT_TRUE(two.WaitGone());
    EXPECT_TRUE(GetPod(client));
}

TEST_P(WatchTest, CancellingNextEndsIt) {
    const Stream stream = Open();
    auto watch = Watch();
    Background<Result<WatchEvent>> next(io, watch->Next());
    testing::RunFor(io, 20ms);
    EXPECT_FALSE(next.Done());
    next.Cancel();
    ASSERT_TRUE(next.Wait(5s));
    if (next.Value()) {
        ASSERT_FALSE(*next.Value());
        EXPECT_EQ(next.Value()->error().kind, ErrorKind::kCancelled);
    }
    watch.reset();
    EXPECT_TRUE(stream.WaitGone());
}

TEST_P(WatchTest, AnEventBeyondTheLimitIsAProtocolError) {
    const Stream stream = Open();
    auto connection = testing::Run(
        io, internal::Dial(
                io.get_executor(),
                {.host = "127.0.0.1", .port = std::to_string(server.Port()), .tls = GetParam()},
                GetParam()
                    ? *internal::MakeTlsContext({.ca_pem = server.CaPem(),
                                                 .certificate_pem = server.ClientCertificatePem(),
                                                 .key_pem = server.ClientKeyPem()})
                    : nullptr,
                internal::Clock::now() + 5s));
    ASSERT_TRUE(connection) << connection.error().message;
    ASSERT_TRUE(
        testing::Run(io, (*connection)
                             ->Start("GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: x\r\n\r\n", "",
                                     internal::Clock::now() + 5s)));
    internal::LineWatchStream watch(std::move(*connection), "watch", 5s, 200'000);
    stream.SendEvent("ADDED",
                     R"({"metadata":{"name":"a"},"x":")" + std::string(150'000, 'x') + "\"}");
    stream.SendEvent("ADDED",
                     R"({"metadata":{"name":"a"},"x":")" + std::string(400'000, 'x') + "\"}");
    EXPECT_TRUE(Next(watch));
    const auto event = Next(watch);
    ASSERT_FALSE(event);
    EXPECT_EQ(event.error().kind, ErrorKind::kProtocol);
    EXPECT_THAT(event.error().message, HasSubstr("larger than 200000 bytes"));
}

}  // namespace
}  // namespace dlws::kube

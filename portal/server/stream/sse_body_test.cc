// SPDX-License-Identifier: Apache-2.0
// Streams from the handler on: who is told what, and when they end.
#include "portal/server/stream/sse_body.h"

#include <boost/asio/steady_timer.hpp>

#include "portal/server/fixture.h"
#include "portal/server/jobs/pods.h"
#include "portal/server/jobs/testing.h"
#include "portal/server/stream/handlers.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::JobText;
using ::testing::StartsWith;

class SseTest : public PortalTest {
  protected:
    SseTest() {
        streams.settings.version = "0.1.0";
        streams.settings.keep_alive = std::chrono::milliseconds(300);
        streams.settings.ask_again = std::chrono::milliseconds(0);
        streams.settings.stale = [this] { return stale; };
        streams.patience = std::chrono::milliseconds(100);
        AddStreams(router, streams);
        hub.Progress(100);
    }
    // Appears, changes or, with `gone`, goes; with the next version.
    void Put(JobText text, bool gone = false) {
        text.version = ++version;
        auto object = std::make_shared<kube::Object>(*text.Object());
        const kube::ObjectPtr before = store.Get(object->meta.Key());
        if (gone)
            store.Remove(object->meta.Key());
        else
            store.Put(object);
        table.Apply({before, gone ? nullptr : object});
        hub.Progress(version);
    }
    Outcome Open(const std::string& who, const std::string& query, const std::string& id = "") {
        auto match = router.Find("GET", "/api/v1/stream");
        Call call;
        call.caller = As(who);
        call.query = kube::ParseHttpQuery(query, match->operation->query).value();
        if (!id.empty()) call.request.fields.emplace_back("Last-Event-ID", id);
        call.caller.current_token = current_token;
        call.caller.session = "s-" + who;
        return kube::testing::Run(io, match->operation->handler(std::move(call)));
    }
    std::shared_ptr<kube::HttpBody> Stream(const std::string& who, const std::string& query,
                                           const std::string& id = "") {
        auto answer = Open(who, query, id);
        EXPECT_TRUE(answer) << answer.error().detail;
        return answer ? answer->stream : nullptr;
    }
    // The next piece's events, in short: NAME, what it is of, and its id.
    std::vector<std::string> Read(kube::HttpBody& body) {
        std::vector<std::string> events;
        const std::string piece = kube::testing::Run(io, body.Next());
        for (std::size_t begin = 0; begin < piece.size();) {
            const std::size_t end = piece.find("\n\n", begin);
            EXPECT_NE(end, std::string::npos) << piece;
            events.push_back(Short(piece.substr(begin, end - begin)));
            begin = end + 2;
        }
        return events;
    }
    std::string Short(const std::string& event) {
        if (event == ":") return "alive";
        std::string line = event.substr(7, event.find('\n') - 7);
        const std::size_t data = event.find("data: ") + 6;
        const auto o = json::parse(event.substr(data, event.find('\n', data) - data)).as_object();
        const auto add = [&](const json::value& v) { line += " " + std::string(v.as_string()); };
        if (o.contains("row")) add(o.at("row").at("uid"));
        if (o.contains("uid")) add(o.at("uid"));
        if (o.contains("reason")) add(o.at("reason"));
        if (o.contains("why")) add(o.at("why"));
        if (o.contains("since")) add(o.at("since"));
        if (o.contains("problem")) add(o.at("problem").at("reason"));
        if (o.contains("detail")) add(o.at("detail").at("row").at("phase"));
        if (o.contains("pod")) {
            add(o.at("pod").at("uid"));
            add(o.at("pod").at("state"));
            if (o.contains("gone")) line += " gone";
        }
        if (const std::size_t id = event.find("\nid: "); id != std::string::npos) {
            last_id = event.substr(id + 5);
            line += " @" + last_id.substr(0, last_id.find('-'));
        }
        return line;
    }

    kube::Store store, pods;
    JobTable table;
    Hub hub{table};
    Router router;
    std::uint64_t version = 100;
    std::optional<SseBody::Time> stale;
    std::string last_id;
    std::function<kube::Awaitable<std::expected<std::string, Problem>>()> current_token;
    Jobs jobs{backend, table, store, [] { return std::string("r7"); },
              [](const model::DLJob&) { return std::string(); }};
    SessionEnds ends;
    Streams streams{.executor = io.get_executor(),
                    .backend = backend,
                    .jobs = jobs,
                    .hub = hub,
                    .session_ends = &ends};
};

TEST_F(SseTest, BeginsWithHelloAndTellsChanges) {
    Allow("alice watch dljobs vision");
    auto answer = Open("alice", "topic=jobs");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->content_type, "text/event-stream");
    kube::HttpBody& body = *answer->stream;
    EXPECT_THAT(Read(body), ElementsAre("hello @r100"));
    Put({.uid = "u1"});
    Put({.name = "other", .uid = "u2"});
    Put({.ns = "speech", .uid = "u3"});
    EXPECT_THAT(Read(body), ElementsAre("row u1", "row u2 @r103"));
    Put({.uid = "u1"}, true);
    EXPECT_THAT(Read(body), ElementsAre("gone u1 @r104"));
}

TEST_F(SseTest, SaysThatItIsAlive) {
    Allow("alice watch dljobs vision");
    auto body = Stream("alice", "topic=jobs");
    EXPECT_THAT(Read(*body), ElementsAre(StartsWith("hello")));
    const auto began = SseBody::Clock::now();
    EXPECT_THAT(Read(*body), ElementsAre("alive"));
    EXPECT_GE(SseBody::Clock::now() - began, std::chrono::milliseconds(250));
}

TEST_F(SseTest, GoesOnFromAnId) {
    Allow("alice watch dljobs vision");
    Put({.uid = "u1"});
    auto body = Stream("alice", "topic=jobs", "r100");
    EXPECT_THAT(Read(*body), ElementsAre("hello @r100"));  // nothing of it is told yet
    EXPECT_THAT(Read(*body), ElementsAre("row u1 @r101"));
    const std::string id = last_id;
    body = nullptr;
    EXPECT_EQ(hub.Listeners(), 1u);  // forgotten with the next change
    Put({.uid = "u1"}, true);
    EXPECT_EQ(hub.Listeners(), 0u);
    body = Stream("alice", "topic=jobs", id);
    Read(*body);
    EXPECT_THAT(Read(*body), ElementsAre("gone u1 @r102"));
}

TEST_F(SseTest, CannotGoOnWithWhatIsAnothers) {
    Allow("alice watch dljobs vision");
    auto body = Stream("alice", "topic=jobs");
    Read(*body);
    const std::string id = last_id;
    // Another topic; another namespace in sight; an id of a time that this replica does not know.
    body = Stream("alice", "topic=jobs?mine=true", id);
    EXPECT_THAT(Read(*body), ElementsAre("hello"));
    EXPECT_THAT(Read(*body), ElementsAre(AllOf(StartsWith("reset "), HasSubstr("@r100"))));
    body = Stream("alice", "topic=jobs", "r99");
    Read(*body);
    EXPECT_THAT(Read(*body), ElementsAre(StartsWith("reset")));
    body = Stream("alice", "topic=jobs", "r999");
    Read(*body);
    EXPECT_THAT(Read(*body), ElementsAre(StartsWith("reset")));
    Allow("alice watch dljobs speech");
    now += std::chrono::seconds(61);
    body = Stream("alice", "topic=jobs", id);
    Read(*body);
    EXPECT_THAT(Read(*body), ElementsAre(StartsWith("reset")));
}

TEST_F(SseTest, WaitsForWhatAnotherReplicaHasSeen) {
    Allow("alice watch dljobs vision");
    streams.patience = std::chrono::seconds(10);
    boost::asio::steady_timer later(io, std::chrono::milliseconds(50));
    later.async_wait([&](boost::system::error_code) { Put({.uid = "u1"}); });
    auto body = Stream("alice", "topic=jobs", "r101");
    EXPECT_THAT(Read(*body), ElementsAre("hello @r101"));
    EXPECT_THAT(Read(*body), ElementsAre("alive"));
}

TEST_F(SseTest, RefusesWhoMayNot) {
    Allow("alice watch dljobs vision");
    for (const char* query : {"topic=jobs?namespace=speech", "topic=job/vision/digits"}) {
        const auto refused = Open("alice", query);
        ASSERT_FALSE(refused) << query;
        EXPECT_EQ(refused.error().status, 403);
    }
    for (const char* query : {"", "topic=cluster", "topic=jobs?phase=x", "topic=jobs&topic=jobs"}) {
        const auto refused = Open("alice", query);
        ASSERT_FALSE(refused) << query;
        EXPECT_EQ(refused.error().status, 400) << query;
    }
}

TEST_F(SseTest, TakesAwayWhatMayNoLongerBeSeen) {
    Allow("alice watch dljobs vision");
    Allow("alice watch dljobs speech");
    Put({.uid = "u1"});
    Put({.ns = "speech", .uid = "u2"});
    auto body = Stream("alice", "topic=jobs");
    auto named = Stream("alice", "topic=jobs?namespace=speech");
    Read(*body);
    Read(*named);
    Allow("alice watch dljobs speech", false);
    now += std::chrono::seconds(61);
    EXPECT_THAT(Read(*body), ElementsAre("gone u2 @r102"));
    EXPECT_THAT(Read(*named), ElementsAre("denied Forbidden"));
    Put({.ns = "speech", .uid = "u2"});
    EXPECT_THAT(Read(*body), ElementsAre("alive"));
    EXPECT_THAT(Read(*named), ElementsAre("alive"));
}

TEST_F(SseTest, EndsWithItsToken) {
    Allow("alice watch dljobs vision");
    auto body = Stream("alice", "topic=jobs");
    Read(*body);
    EndToken("alice");
    now += std::chrono::seconds(61);
    EXPECT_THAT(Read(*body), ElementsAre("end LoginExpired"));
    EXPECT_THAT(Read(*body), IsEmpty());
}

kube::Awaitable<std::expected<std::string, Problem>> Give(
    std::expected<std::string, Problem>& token) {
    co_return token;
}

TEST_F(SseTest, AsksWithTheTokenOfTheSession) {
    Allow("alice watch dljobs vision");
    std::expected<std::string, Problem> token = "alice-token";
    current_token = [&] { return Give(token); };
    auto body = Stream("alice", "topic=jobs");
    Read(*body);
    EndToken("alice");
    Allow("renewed watch dljobs vision");
    token = "renewed-token";
    now += std::chrono::seconds(61);
    EXPECT_THAT(Read(*body), ElementsAre("alive"));
    token = std::unexpected(Problem(401, "LoggedOut", "You are logged out"));
    EXPECT_THAT(Read(*body), ElementsAre("end LoggedOut"));
}

TEST_F(SseTest, EndsWithItsSessionAtOnce) {
    Allow("alice watch dljobs vision");
    Allow("bob watch dljobs vision");
    streams.settings.ask_again = std::chrono::minutes(1);
    auto body = Stream("alice", "topic=jobs"), bobs = Stream("bob", "topic=jobs");
    Read(*body);
    Read(*bobs);
    const auto began = SseBody::Clock::now();
    boost::asio::post(io, [&] { ends.Tell("s-alice"); });
    EXPECT_THAT(Read(*body), ElementsAre("end LoggedOut"));
    EXPECT_LT(SseBody::Clock::now() - began, std::chrono::milliseconds(250))
        << "told, and not found out";
    EXPECT_THAT(Read(*bobs), ElementsAre("alive"));
}

TEST_F(SseTest, GoesOnWhileTheApiServerIsAway) {
    Allow("alice watch dljobs vision");
    auto body = Stream("alice", "topic=jobs");
    Read(*body);
    Answer(503);
    now += std::chrono::seconds(300);
    stale = std::chrono::system_clock::from_time_t(1'795'946'400);
    EXPECT_THAT(Read(*body), ElementsAre("stale 2026-11-29T10:00:00Z"));
    Put({.uid = "u1"});
    EXPECT_THAT(Read(*body), ElementsAre("row u1 @r101"));
    stale.reset();
    EXPECT_THAT(Read(*body), ElementsAre("stale"));
    now += std::chrono::seconds(3600);
    EXPECT_THAT(Read(*body), ElementsAre("end Renew")) << "but no verdict counts for ever";
}

TEST_F(SseTest, EndsWhenTheServerDrainsAndAfterAnHour) {
    Allow("alice watch dljobs vision");
    auto body = Stream("alice", "topic=jobs");
    body->Stop();
    EXPECT_THAT(Read(*body), ElementsAre("hello", "end Draining @r100"));
    EXPECT_THAT(Read(*body), IsEmpty());
    streams.settings.life = std::chrono::milliseconds(0);
    body = Stream("alice", "topic=jobs");
    EXPECT_THAT(Read(*body), ElementsAre("hello", "end Renew @r100"));
}

TEST_F(SseTest, AJobIsToldWithItsDetail) {
    Allow("alice get dljobs vision/digits");
    Put({.uid = "u1"});
    auto body = Stream("alice", "topic=job/vision/digits");
    EXPECT_THAT(Read(*body), ElementsAre(StartsWith("hello")));
    EXPECT_THAT(Read(*body), ElementsAre(StartsWith("detail Queued")));
    Put({.name = "other", .uid = "u2"});
    Put({.uid = "u1", .status = R"("phase":"Running")"});
    EXPECT_THAT(Read(*body), ElementsAre(StartsWith("detail Running")));
    Put({.uid = "u1"}, true);
    EXPECT_THAT(Read(*body), ElementsAre(StartsWith("gone u1")));
    Put({.uid = "u3", .status = R"("phase":"Starting")"});
    EXPECT_THAT(Read(*body), ElementsAre(StartsWith("detail Starting")));
}

TEST_F(SseTest, ATopicOfWhichNothingComesHoldsUpNoOther) {
    Allow("alice watch dljobs vision");
    auto body = Stream("alice", "topic=cluster&topic=jobs&topic=job/vision/digits");
    EXPECT_THAT(Read(*body), ElementsAre("hello", "denied NotFound", "denied Forbidden @r100"));
    Put({.uid = "u1"});
    EXPECT_THAT(Read(*body), ElementsAre("row u1 @r101"));
    // What goes on, goes on from its id.
    const std::string id = last_id;
    Put({.name = "other", .uid = "u2"});
    body = Stream("alice", "topic=cluster&topic=jobs&topic=job/vision/digits", id);
    EXPECT_THAT(Read(*body), ElementsAre("hello", "denied NotFound", "denied Forbidden @r101"));
    EXPECT_THAT(Read(*body), ElementsAre("row u2 @r102"));
    // Nobody knows whether they may.
    Answer(500);
    now += std::chrono::hours(1);
    const auto away = Open("alice", "topic=cluster&topic=jobs");
    ASSERT_FALSE(away);
    EXPECT_EQ(away.error().status, 503);
    EXPECT_EQ(Open("alice", "topic=cluster").error().status, 400);
}

TEST_F(SseTest, AJobIsToldWithItsPods) {
    Allow("alice get dljobs vision/digits");
    Put({.uid = "u1"});
    pods.AddIndex(kPodsByJob, JobKeysOf);
    jobs.pods = &pods;
    const auto pod = [](int index, const char* phase) {
        return kube::ParseObject(
                   fmt::format(
                       R"({{"metadata":{{"name":"digits-worker-{0}-0","namespace":"vision","uid":"p{0}",
                   "labels":{{"dlworkspace.io/job":"digits","dlworkspace.io/role":"worker",
                   "dlworkspace.io/index":"{0}","dlworkspace.io/attempt":"0"}},"ownerReferences":[{{
                   "kind":"DLJob","name":"digits","uid":"u1","controller":true}}]}},
                   "status":{{"phase":"{1}"}}}})",
                       index, phase))
            .value();
    };
    const auto change = [&](kube::ObjectPtr before, kube::ObjectPtr after) {
        if (after) pods.Put(after);
        hub.PodChanged({std::move(before), std::move(after)});
    };
    change(nullptr, pod(0, "Pending"));
    auto body = Stream("alice", "topic=job/vision/digits");
    EXPECT_THAT(Read(*body), ElementsAre(StartsWith("hello")));
    EXPECT_THAT(Read(*body), ElementsAre(StartsWith("detail Queued")));
    change(pod(0, "Pending"), pod(0, "Running"));
    EXPECT_THAT(Read(*body), ElementsAre("alive"));  // she may not list pods
    Allow("alice list pods vision");
    now += std::chrono::seconds(61);
    EXPECT_THAT(Read(*body), ElementsAre(StartsWith("pod p0 Running")));
    change(pod(0, "Running"), pod(0, "Failed"));
    change(pod(0, "Failed"), pod(0, "Succeeded"));
    change(pod(0, "Succeeded"), nullptr);
    EXPECT_THAT(Read(*body), ElementsAre(StartsWith("pod p0 Succeeded gone")));
    for (int i = 0; i <= int(Subscription::kMostWaiting); ++i)
        hub.PodChanged({nullptr, pod(i, "Running")});
    EXPECT_THAT(Read(*body), ElementsAre(StartsWith("reset"), StartsWith("pod p0 Succeeded")));
}

// 200 people who do not read, while everything changes: what waits for each is bounded, and the
// last state of each job is what they read in the end.
TEST_F(SseTest, SlowReadersHoldNoMoreThanTheNewestState) {
    Allow("alice watch dljobs vision");
    limits = Limits({.most = {32, 500, 8}});
    std::vector<std::shared_ptr<kube::HttpBody>> bodies;
    for (int i = 0; i < 200; ++i) {
        bodies.push_back(Stream("alice", "topic=jobs"));
        Read(*bodies.back());
    }
    for (int i = 0; i < 2000; ++i)
        Put({.name = fmt::format("j{}", i % 10), .uid = fmt::format("u{}", i % 10)});
    for (const auto& body : bodies) {
        const auto events = Read(*body);
        ASSERT_EQ(events.size(), 10u);
        EXPECT_THAT(events.back(), HasSubstr("@r2100"));
    }
}

TEST_F(SseTest, OnePersonHasEightStreams) {
    Allow("alice watch dljobs vision");
    std::vector<std::shared_ptr<kube::HttpBody>> bodies;
    for (int i = 0; i < 8; ++i)
        bodies.push_back(Stream("alice", "topic=jobs"));
    const auto refused = Open("alice", "topic=jobs");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 429);
    bodies.pop_back();
    EXPECT_TRUE(Open("alice", "topic=jobs"));
}

}  // namespace
}  // namespace dlws::portal

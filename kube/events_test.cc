// SPDX-License-Identifier: Apache-2.0
#include "kube/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <set>

#include "kube/testing/imposter.h"
#include "kube/testing/run.h"

namespace dlws::kube {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using std::chrono::milliseconds;
using testing::Imposter;
using ::testing::MatchesRegex;
using testing::Request;
using ::testing::StartsWith;

const std::string kPath = "/apis/events.k8s.io/v1/namespaces/vision/events";
const ObjectReference kJob{"dlworkspace.io/v1", "DLJob", "vision", "digits", "uid-1"};
const std::string kStored =
    R"({"kind":"Event","metadata":{"name":"digits.1","namespace":"vision"}})";

class EventsTest : public ::testing::Test {
  protected:
    EventsTest() {
        settings.series_interval = milliseconds(300);
        server.When("POST", kPath).Reply(201, kStored);
        server.When("PATCH", kPath + "/*").Reply(200, kStored);
    }
    ~EventsTest() override {
        if (!running) return;
        asio::post(io, [this] { cancel.emit(asio::cancellation_type::terminal); });
        EXPECT_TRUE(Until([this] { return ended; }));
    }
    void Start() {
        Make();
        Run();
    }
    void Run() {
        asio::co_spawn(io, recorder->Run(),
                       asio::bind_cancellation_slot(cancel.slot(),
                                                    [this](std::exception_ptr) { ended = true; }));
        running = true;
    }
    void Make() {
        recorder =
            std::make_unique<EventRecorder>(client, "dlworkspace.io/operator", "op-0", settings);
    }
    void Record(const std::string& note = "worker-0 exited with 3") {
        recorder->Record(kJob, "Warning", "PodFailed", "Restart", note);
    }
    template <typename Condition>
    bool Until(Condition condition, milliseconds patience = milliseconds(5000)) {
        return testing::RunUntil(io, condition, patience);
    }
    bool UntilRequests(std::size_t count) {
        return Until([&] { return server.Requests().size() >= count; });
    }
    json::object Body(std::size_t index) const {
        return json::parse(server.Requests().at(index).body).as_object();
    }

    Imposter server;
    asio::io_context io;
    Client client{io.get_executor(), server.ClientConfig()};
    EventRecorder::Settings settings;
    std::unique_ptr<EventRecorder> recorder;
    asio::cancellation_signal cancel;
    bool running = false, ended = false;
};

TEST_F(EventsTest, WritesAnEventWithEverythingDescribeShows) {
    Start();
    Record();
    ASSERT_TRUE(UntilRequests(1));
    const json::object event = Body(0);
    EXPECT_EQ(event.at("apiVersion"), "events.k8s.io/v1");
    EXPECT_EQ(event.at("kind"), "Event");
    EXPECT_THAT(std::string(event.at("metadata").at("name").as_string().c_str()),
                MatchesRegex("digits\\.[0-9a-f]+"));
    EXPECT_EQ(event.at("metadata").at("namespace"), "vision");
    EXPECT_THAT(std::string(event.at("eventTime").as_string().c_str()),
                MatchesRegex("20..-..-..T..:..:..\\.......Z"));
    EXPECT_EQ(event.at("reportingController"), "dlworkspace.io/operator");
    EXPECT_EQ(event.at("reportingInstance"), "op-0");
    EXPECT_EQ(event.at("type"), "Warning");
    EXPECT_EQ(event.at("reason"), "PodFailed");
    EXPECT_EQ(event.at("action"), "Restart");
    EXPECT_EQ(event.at("note"), "worker-0 exited with 3");
    EXPECT_EQ(event.at("regarding").at("kind"), "DLJob");
    EXPECT_EQ(event.at("regarding").at("uid"), "uid-1");
    EXPECT_FALSE(event.contains("series"));
}

TEST_F(EventsTest, RepetitionsBecomeOneSeriesWrittenNowAndThen) {
    Start();
    Record();
    ASSERT_TRUE(UntilRequests(1));
    testing::RunFor(io, milliseconds(20));
    for (int i = 0; i < 5; ++i)
        Record();
    testing::RunFor(io, milliseconds(20));
    EXPECT_EQ(server.Requests().size(), 1u) << "a series is not written at each occurrence";
    ASSERT_TRUE(UntilRequests(2));
    const Request patch = server.Requests().at(1);
    EXPECT_EQ(patch.method, "PATCH");
    EXPECT_THAT(patch.path, StartsWith(kPath + "/digits."));
    EXPECT_EQ(patch.Header("content-type"), "application/merge-patch+json");
    EXPECT_EQ(Body(1).at("series").at("count"), 6);
    EXPECT_TRUE(Body(1).at("series").as_object().contains("lastObservedTime"));
    EXPECT_EQ(Body(1).size(), 1u);  // all else is immutable
}

TEST_F(EventsTest, RepetitionsBeforeTheFirstWriteGoOutWithIt) {
    Make();
    Record();
    Record();
    Record();
    EXPECT_EQ(recorder->Queued(), 1u);
    Run();
    ASSERT_TRUE(UntilRequests(1));
    EXPECT_EQ(Body(0).at("series").at("count"), 3);
}

TEST_F(EventsTest, AnotherNoteIsAnotherEvent) {
    Start();
    Record("one");
    Record("two");
    ASSERT_TRUE(UntilRequests(2));
    EXPECT_EQ(server.Count("POST", kPath), 2u);
    EXPECT_NE(Body(0).at("metadata").at("name"), Body(1).at("metadata").at("name"));
}

TEST_F(EventsTest, AfterTheWindowTheSameIsANewEvent) {
    settings.series_window = milliseconds(50);
    Start();
    Record();
    ASSERT_TRUE(UntilRequests(1));
    testing::RunFor(io, milliseconds(90));
    Record();
    ASSERT_TRUE(UntilRequests(2));
    EXPECT_EQ(server.Count("POST", kPath), 2u);
    EXPECT_FALSE(Body(1).contains("series"));
}

TEST_F(EventsTest, ASeriesWhoseEventHasExpiredStartsAnew) {
    server.When("PATCH", kPath + "/*")
        .Reply(404, R"({"kind":"Status","reason":"NotFound","code":404})");
    Start();
    Record();
    ASSERT_TRUE(UntilRequests(1));
    testing::RunFor(io, milliseconds(20));
    Record();
    ASSERT_TRUE(UntilRequests(3));
    EXPECT_EQ(server.Requests().at(1).method, "PATCH");
    EXPECT_EQ(server.Requests().at(2).method, "POST");
    EXPECT_EQ(Body(2).at("series").at("count"), 2);
}

TEST_F(EventsTest, TheOldestIsDroppedAndCountedWhenTooManyWait) {
    Make();
    for (std::size_t i = 0; i < EventRecorder::kMaxQueued + 25; ++i)
        Record("note " + std::to_string(i));
    EXPECT_EQ(recorder->Queued(), EventRecorder::kMaxQueued);
    EXPECT_EQ(recorder->Dropped(), 25u);
    Run();
    ASSERT_TRUE(UntilRequests(1));
    EXPECT_EQ(Body(0).at("note"), "note 25");
}

TEST_F(EventsTest, AFailureIsForgottenAndTheNextIsWritten) {
    server.When("POST", kPath)
        .Reply(403, R"({"kind":"Status","reason":"Forbidden","code":403})")
        .Misbehave(testing::Fault::kCloseBeforeReply)
        .Reply(201, kStored);
    Start();
    Record("one");
    Record("two");
    Record("three");
    ASSERT_TRUE(UntilRequests(3));
    EXPECT_TRUE(Until([&] { return recorder->Queued() == 0; }));
}

TEST_F(EventsTest, LongTextIsCutBetweenCharacters) {
    Start();
    std::string note = "x";
    for (int i = 0; i < 600; ++i)
        note += "é";
    recorder->Record(kJob, "Normal", std::string(200, 'R'), "", note);
    ASSERT_TRUE(UntilRequests(1));
    EXPECT_EQ(Body(0).at("note").as_string().size(), 1023u);
    EXPECT_EQ(Body(0).at("reason").as_string().size(), 128u);
    EXPECT_EQ(Body(0).at("action").as_string().size(), 128u);  // no action given: the reason
    ObjectReference long_name = kJob;
    long_name.name = std::string(253, 'n');
    recorder->Record(long_name, "Normal", "R", "", "n");
    ASSERT_TRUE(UntilRequests(2));
    EXPECT_EQ(Body(1).at("metadata").at("name").as_string().size(), 253u);
}

TEST_F(EventsTest, AnObjectWithoutNamespaceHasItsEventsInDefault) {
    server.When("POST", "/apis/events.k8s.io/v1/namespaces/default/events").Reply(201, kStored);
    Start();
    recorder->Record({"v1", "Node", "", "n1", "u"}, "Normal", "R", "A", "n");
    ASSERT_TRUE(UntilRequests(1));
    EXPECT_EQ(server.Requests().at(0).path, "/apis/events.k8s.io/v1/namespaces/default/events");
    EXPECT_EQ(Body(0).at("metadata").at("namespace"), "default");
}

}  // namespace
}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#include "kube/informer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "kube/informer_fixture.h"

namespace dlws::kube {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using testing::Imposter;
using ::testing::IsEmpty;
using testing::Query;
using testing::Request;
using testing::Stream;
using ::testing::UnorderedElementsAre;

TEST_F(InformerTest, WatchListFillsTheStoreAtItsEndAndGoesOn) {
    settings.label_selector = "app=x";
    Stream stream = OnWatchList().OpenStream();
    stream.SendEvent("ADDED", Pod("b", 6));
    stream.SendEvent("ADDED", Pod("a", 5));
    stream.SendEvent("ADDED", Pod("c", 4));
    stream.SendEvent("DELETED", Pod("c", 7));
    Start();
    testing::RunFor(io, milliseconds(100));
    EXPECT_FALSE(informer->HasSynced());
    EXPECT_THAT(changes, IsEmpty());
    stream.SendEvent("BOOKMARK", Bookmark(7, true));
    EXPECT_TRUE(testing::Run(io, informer->WaitForSync(milliseconds(5000))));
    EXPECT_THAT(Changes(), ElementsAre(">a@5", ">b@6"));
    EXPECT_EQ(informer->LastResourceVersion(), 7u);

    stream.SendEvent("MODIFIED", Pod("a", 8));
    stream.SendEvent("DELETED", Pod("b", 9));
    stream.SendEvent("ADDED", Pod("d", 10));
    ASSERT_TRUE(UntilVersion(10));
    EXPECT_THAT(Changes(), ElementsAre("a@5>a@8", "b@9>", ">d@10"));
    EXPECT_EQ(progress, 10u);
    EXPECT_EQ(informer->store().Size(), 2u);

    const Query query = Queries().at(0);
    EXPECT_EQ(Get(query, "resourceVersionMatch"), "NotOlderThan");
    EXPECT_EQ(Get(query, "allowWatchBookmarks"), "true");
    EXPECT_EQ(Get(query, "labelSelector"), "app=x");
    EXPECT_EQ(Get(query, "resourceVersion"), "");
    EXPECT_EQ(Queries().size(), 1u);
}

TEST_F(InformerTest, KeepsWhatTheTransformLeaves) {
    settings.watch_list = false;
    settings.transform = [](Object& object) { object.raw.resize(1); };
    OnList().Reply(200, List(7, {Pod("a", 5), Pod("b", 6)}));
    Stream stream = OnWatch(7).OpenStream();
    Start();
    std::string kept;
    informer->OnChange([&](const Change& c) { kept += (c.after ? c.after : c.before)->raw; });
    stream.SendEvent("MODIFIED", Pod("a", 8));
    stream.SendEvent("DELETED", Pod("b", 9));
    ASSERT_TRUE(UntilVersion(9));
    EXPECT_EQ(kept + informer->store().Get({"ns", "a"})->raw, "{{{{{");
}

class InformerFallbackTest : public InformerTest, public ::testing::WithParamInterface<int> {};

TEST_P(InformerFallbackTest, AServerWithoutWatchListIsListedInPagesAndRemembered) {
    OnList()
        .Reply(200, List(7, {Pod("a", 5)}, "token"))
        .Reply(200, List(7, {Pod("b", 6)}))
        .Reply(200, List(20, {Pod("a", 5)}));
    auto watch = OnWatch(7);
    Stream stream = watch.OpenStream();
    Stream later = OnWatch(20).OpenStream();
    OnWatchList().Reply(GetParam(), R"({"kind":"Status","reason":"Invalid","message":"no such",)"
                                    R"("code":)" +
                                        std::to_string(GetParam()) + "}");
    Start();
    ASSERT_TRUE(Until([this] { return informer->HasSynced(); }));
    EXPECT_THAT(Changes(), ElementsAre(">a@5", ">b@6"));
    ASSERT_TRUE(Until([&] { return stream.Taken(); }));
    stream.SendEvent("ERROR", kExpired);
    ASSERT_TRUE(UntilVersion(20));
    EXPECT_THAT(Changes(), ElementsAre("b@6>"));

    const auto queries = Queries();
    ASSERT_GE(queries.size(), 5u);
    EXPECT_EQ(Get(queries[1], "limit"), "500");
    EXPECT_EQ(Get(queries[1], "resourceVersion"), "");
    EXPECT_EQ(Get(queries[2], "continue"), "token");
    EXPECT_EQ(Get(queries[3], "sendInitialEvents"), "");
    EXPECT_EQ(Get(queries[4], "watch"), "");  // a list again, not a WatchList
    EXPECT_EQ(Get(queries[4], "resourceVersion"), "7");
    EXPECT_EQ(Get(queries[4], "resourceVersionMatch"), "NotOlderThan");
}

INSTANTIATE_TEST_SUITE_P(Codes, InformerFallbackTest, ::testing::Values(400, 405, 422));

TEST_F(InformerTest, AServerThatOverlooksTheWishForInitialEventsIsListed) {
    OnList().Reply(200, List(7, {Pod("a", 5)}));
    Stream stream = OnWatchList().OpenStream();
    stream.SendEvent("ADDED", Pod("a", 5));
    stream.SendEvent("BOOKMARK", Bookmark(6));  // an ordinary one
    Stream second = OnWatch(7).OpenStream();
    Start();
    ASSERT_TRUE(Until([this] { return informer->HasSynced(); }));
    EXPECT_TRUE(Until([&] { return second.Taken(); }));
}

TEST_F(InformerTest, WatchListCanBeSwitchedOff) {
    settings.watch_list = false;
    OnList().Reply(200, List(7, {Pod("a", 5)}));
    Stream stream = OnWatch(7).OpenStream();
    Start();
    ASSERT_TRUE(Until([this] { return informer->HasSynced(); }));
    EXPECT_EQ(Get(Queries().at(0), "watch"), "");
}

TEST_F(InformerTest, ABrokenWatchIsResumedFromTheLastVersionSeen) {
    Stream stream = StartSynced();
    Stream second = OnWatch(8).OpenStream();
    stream.SendEvent("MODIFIED", Pod("a", 8));
    ASSERT_TRUE(UntilVersion(8));
    stream.Cut();
    ASSERT_TRUE(Until([&] { return second.Taken(); }));
    EXPECT_EQ(Get(Queries().at(1), "sendInitialEvents"), "");
    Changes();
    Stream third = OnWatch(9).OpenStream();
    second.SendEvent("DELETED", Pod("b", 9));  // deleted while we were away
    ASSERT_TRUE(UntilVersion(9));
    second.End();
    ASSERT_TRUE(Until([&] { return third.Taken(); }));
    EXPECT_THAT(Changes(), ElementsAre("b@9>"));
    EXPECT_EQ(informer->Relists(), 0u);
}

TEST_F(InformerTest, BookmarksMoveTheVersionToResumeFrom) {
    Stream stream = StartSynced();
    Stream second = OnWatch(100).OpenStream();
    stream.SendEvent("BOOKMARK", Bookmark(100));
    ASSERT_TRUE(UntilVersion(100));
    EXPECT_EQ(progress, 100u);
    stream.Reset();
    EXPECT_TRUE(Until([&] { return second.Taken(); }));
    EXPECT_THAT(changes, IsEmpty());
}

TEST_F(InformerTest, A410AsAnswerListsAnewAndHandsOutTheDifference) {
    Stream stream = StartSynced();
    OnWatch(7).Reply(410, kExpired);
    Stream relist =
        server.When("GET", kPath, {{"sendInitialEvents", "true"}, {"resourceVersion", "7"}})
            .OpenStream();
    stream.Cut();
    ASSERT_TRUE(Until([&] { return relist.Taken(); }));
    relist.SendEvent("ADDED", Pod("a", 5));  // as it was: no change
    relist.SendEvent("ADDED", Pod("c", 30));
    testing::RunFor(io, milliseconds(50));
    EXPECT_THAT(changes, IsEmpty());  // not complete yet
    EXPECT_EQ(informer->store().Size(), 2u);
    relist.SendEvent("BOOKMARK", Bookmark(40, true));
    ASSERT_TRUE(UntilVersion(40));
    EXPECT_THAT(Changes(), ElementsAre("b@6>", ">c@30"));
    EXPECT_EQ(informer->Relists(), 1u);
    relist.SendEvent("MODIFIED", Pod("a", 41));
    ASSERT_TRUE(UntilVersion(41));
    EXPECT_THAT(Changes(), ElementsAre("a@5>a@41"));
}

TEST_F(InformerTest, A410InTheStreamDoesTheSame) {
    Stream stream = StartSynced();
    Stream relist =
        server.When("GET", kPath, {{"sendInitialEvents", "true"}, {"resourceVersion", "7"}})
            .OpenStream();
    stream.SendEvent("ERROR", kExpired);
    relist.SendEvent("ADDED", Pod("b", 6));
    relist.SendEvent("BOOKMARK", Bookmark(40, true));
    ASSERT_TRUE(UntilVersion(40));
    EXPECT_THAT(Changes(), ElementsAre("a@5>"));
    EXPECT_EQ(informer->Relists(), 1u);
}

TEST_F(InformerTest, ARelistThatBreaksOffChangesNothing) {
    Stream stream = StartSynced();
    auto rule =
        server.When("GET", kPath, {{"sendInitialEvents", "true"}, {"resourceVersion", "7"}});
    Stream broken = rule.OpenStream();
    Stream whole = rule.OpenStream();
    stream.SendEvent("ERROR", kExpired);
    broken.SendEvent("ADDED", Pod("c", 30));
    ASSERT_TRUE(Until([&] { return broken.Taken(); }));
    testing::RunFor(io, milliseconds(30));
    broken.Cut();
    ASSERT_TRUE(Until([&] { return whole.Taken(); }));
    EXPECT_THAT(changes, IsEmpty());
    whole.SendEvent("ADDED", Pod("a", 5));
    whole.SendEvent("ADDED", Pod("b", 6));
    whole.SendEvent("BOOKMARK", Bookmark(40, true));
    ASSERT_TRUE(UntilVersion(40));
    EXPECT_THAT(changes, IsEmpty());
}

TEST_F(InformerTest, PagesThatExpireAreReadAgainInOnePiece) {
    settings.watch_list = false;
    OnList()
        .Reply(200, List(7, {Pod("a", 5), Pod("gone", 4)}, "token"))
        .Reply(200, List(50, {Pod("a", 5)}));
    server.When("GET", kPath, {{"continue", "token"}}).Reply(410, kExpired);
    Stream stream = OnWatch(50).OpenStream();
    Start();
    ASSERT_TRUE(Until([this] { return informer->HasSynced(); }));
    EXPECT_THAT(Changes(), ElementsAre(">a@5"));
    const auto queries = Queries();
    EXPECT_EQ(Get(queries.at(1), "continue"), "token");
    EXPECT_EQ(Get(queries.at(2), "continue"), "");
    EXPECT_EQ(Get(queries.at(2), "limit"), "");
}

TEST_F(InformerTest, GarbageIsResumedAndAfterThreeTimesListedAnew) {
    Stream stream = StartSynced();
    auto rule = OnWatch(7);
    Stream garbage[] = {rule.OpenStream(), rule.OpenStream(), rule.OpenStream()};
    Stream relist =
        server.When("GET", kPath, {{"sendInitialEvents", "true"}, {"resourceVersion", "7"}})
            .OpenStream();
    stream.SendLine("{\"type\":\"ADDED\",\"object\":42}");
    garbage[0].SendLine("what is this");
    garbage[1].SendLine("{\"type\":\"ADDED\",\"object\":{\"metadata\":{}}}");
    garbage[2].SendLine("[]");
    relist.SendEvent("ADDED", Pod("a", 9));
    relist.SendEvent("BOOKMARK", Bookmark(10, true));
    ASSERT_TRUE(UntilVersion(10));
    EXPECT_THAT(Changes(), ElementsAre("b@6>", "a@5>a@9"));
    EXPECT_EQ(informer->Relists(), 1u);
}

TEST_F(InformerTest, AServerThatEndsEveryWatchAtOnceIsAskedLessAndLessOften) {
    settings.backoff.base = milliseconds(40);
    settings.backoff.max = milliseconds(10'000);
    Stream stream = StartSynced();
    OnWatch(7).Reply(200, "");  // an empty body: the end of the stream
    stream.End();
    testing::RunFor(io, milliseconds(1000));
    const auto requests = server.Requests().size();
    EXPECT_GE(requests, 3u);
    EXPECT_LE(requests, 14u);  // unbraked it is thousands
    EXPECT_EQ(informer->Relists(), 0u);
}

TEST_F(InformerTest, AWatchThatHeldLongIsResumedWithoutDelay) {
    settings.backoff.base = settings.backoff.max = milliseconds(60'000);
    settings.healthy_watch = milliseconds(50);
    Stream stream = StartSynced();
    Stream second = OnWatch(7).OpenStream();
    testing::RunFor(io, milliseconds(80));
    stream.End();
    EXPECT_TRUE(Until([&] { return second.Taken(); }, milliseconds(1000)));
}

TEST_F(InformerTest, AServerThatIsDownForAWhileLosesNothing) {
    Stream stream = StartSynced();
    server.Down();
    testing::RunFor(io, milliseconds(150));
    EXPECT_EQ(informer->store().Size(), 2u);
    Stream second = OnWatch(7).OpenStream();
    second.SendEvent("DELETED", Pod("a", 8));
    server.Up();
    ASSERT_TRUE(UntilVersion(8));
    EXPECT_THAT(Changes(), ElementsAre("a@8>"));
    EXPECT_EQ(informer->Relists(), 0u);
}

TEST_F(InformerTest, ANewIncarnationIsGoneAndAppeared) {
    Stream stream = StartSynced();
    Stream relist =
        server.When("GET", kPath, {{"sendInitialEvents", "true"}, {"resourceVersion", "7"}})
            .OpenStream();
    stream.SendEvent("MODIFIED", Pod("a", 8, "second"));
    ASSERT_TRUE(UntilVersion(8));
    EXPECT_THAT(Changes(), ElementsAre("a@5>", ">a@8"));
    stream.SendEvent("DELETED", Pod("a", 8, "third"));  // not the one we know, and no newer
    stream.SendEvent("BOOKMARK", Bookmark(9));
    ASSERT_TRUE(UntilVersion(9));
    stream.SendEvent("ERROR", kExpired);
    Stream second =
        server.When("GET", kPath, {{"sendInitialEvents", "true"}, {"resourceVersion", "9"}})
            .OpenStream();
    second.SendEvent("ADDED", Pod("b", 20, "second"));
    second.SendEvent("BOOKMARK", Bookmark(21, true));
    Changes();
    ASSERT_TRUE(UntilVersion(21));
    EXPECT_THAT(Changes(), ElementsAre("a@8>", "b@6>", ">b@20"));
}

TEST_F(InformerTest, WhatIsKnownAlreadyIsNoChange) {
    Stream stream = StartSynced();
    stream.SendEvent("MODIFIED", Pod("a", 5));
    stream.SendEvent("ADDED", Pod("b", 4));      // older
    stream.SendEvent("DELETED", Pod("zzz", 8));  // never seen
    stream.SendEvent("BOOKMARK", Bookmark(9));
    ASSERT_TRUE(UntilVersion(9));
    EXPECT_THAT(changes, IsEmpty());
    EXPECT_EQ(informer->store().Get({"ns", "b"})->meta.resource_version, 6u);
}

TEST_F(InformerTest, AHandlerThatThrowsHarmsNobodyElse) {
    Stream stream = OnWatchList().OpenStream();
    stream.SendEvent("ADDED", Pod("a", 5));
    stream.SendEvent("BOOKMARK", Bookmark(7, true));
    informer = std::make_unique<Informer>(client, settings, random);
    int calls = 0;
    informer->OnChange([](const Change&) { throw std::runtime_error("a bug"); });
    informer->OnChange([](const Change&) { throw 42; });
    informer->OnChange([&](const Change&) { ++calls; });
    asio::co_spawn(
        io, informer->Run(),
        asio::bind_cancellation_slot(cancel.slot(), [this](std::exception_ptr) { ended = true; }));
    started = true;
    ASSERT_TRUE(Until([this] { return informer->HasSynced(); }));
    stream.SendEvent("MODIFIED", Pod("a", 8));
    ASSERT_TRUE(UntilVersion(8));
    EXPECT_EQ(calls, 2);
}

TEST_F(InformerTest, AServerWhoseHistoryWentBackIsBelievedAfterAQuorumRead) {
    settings.watch_list = false;
    OnList().Reply(200, List(70, {Pod("a", 50), Pod("b", 60)}));
    Stream stream = OnWatch(70).OpenStream();
    Start();
    ASSERT_TRUE(Until([this] { return informer->HasSynced(); }));
    ASSERT_TRUE(Until([&] { return stream.Taken(); }));
    Changes();
    // etcd was restored from a backup taken at 20.
    OnList().Reply(200, List(20, {Pod("a", 15), Pod("old", 10)}));
    server.When("GET", kPath, {{"resourceVersion", "70"}})
        .Reply(504, R"({"kind":"Status","reason":"Timeout","message":"Too large resource version",)"
                    R"("details":{"causes":[{"reason":"ResourceVersionTooLarge",)"
                    R"("message":"Too large resource version"}]},"code":504})");
    Stream second = OnWatch(20).OpenStream();
    stream.SendEvent("ERROR", kExpired);
    ASSERT_TRUE(UntilVersion(20));
    EXPECT_THAT(Changes(), ElementsAre("b@60>", "a@50>a@15", ">old@10"));
    ASSERT_TRUE(Until([&] { return second.Taken(); }));
    second.SendEvent("MODIFIED", Pod("a", 21));
    ASSERT_TRUE(UntilVersion(21));
    EXPECT_THAT(Changes(), ElementsAre("a@15>a@21"));
}

TEST_F(InformerTest, WaitForSyncGivesUpAtItsDeadline) {
    Stream stream = OnWatchList().OpenStream();
    Start();
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(testing::Run(io, informer->WaitForSync(milliseconds(60))));
    EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(55));
}

TEST_F(InformerTest, StopsWhileWaitingForAnEventForAnAnswerAndInItsBackoff) {
    Stream stream = StartSynced();
    Stop();  // waiting for an event
    EXPECT_TRUE(Until([&] { return stream.Gone(); }));

    ended = false;
    server.When("GET", kPath).Misbehave(testing::Fault::kNeverAnswer);
    Start();
    testing::RunFor(io, milliseconds(50));
    Stop();  // waiting for an answer
    EXPECT_TRUE(ended);

    ended = false;
    settings.backoff.base = settings.backoff.max = milliseconds(60'000);
    server.When("GET", kPath).Reply(403, R"({"kind":"Status","reason":"Forbidden","code":403})");
    Start();
    testing::RunFor(io, milliseconds(50));
    Stop();  // in its backoff
    EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace dlws::kube

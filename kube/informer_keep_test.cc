// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/informer.h"
#include "kube/informer_fixture.h"

namespace dlws::kube {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Stream;

/// Of what is stored and handed out, with each way to list.
class InformerKeepTest : public InformerTest, public ::testing::WithParamInterface<bool> {
  protected:
    InformerKeepTest() {
        settings.watch_list = GetParam();
        settings.keep = [](const Object& object) {
            return object.raw.find("\"no-") == std::string::npos;
        };
        settings.transform = [](Object& object) { object.raw = "transformed"; };
    }
    static std::string Named(const std::string& name, int version, bool kept) {
        std::string pod = Pod(name, version);
        if (!kept) pod.insert(pod.size() - 1, R"(,"x":"no-")");
        return pod;
    }
};
INSTANTIATE_TEST_SUITE_P(Ways, InformerKeepTest, ::testing::Bool());

TEST_P(InformerKeepTest, WhatIsNotKeptIsNeitherStoredNorHandedOut) {
    Stream first = OnWatchList().OpenStream();
    if (GetParam()) {
        first.SendEvent("ADDED", Named("a", 5, true));
        first.SendEvent("ADDED", Named("b", 4, true));
        first.SendEvent("MODIFIED", Named("b", 6, false));
        first.SendEvent("ADDED", Named("c", 3, false));
        first.SendEvent("BOOKMARK", Bookmark(7, true));
    } else {
        OnList().Reply(200,
                       List(7, {Named("a", 5, true), Named("b", 6, false), Named("c", 3, false)}));
    }
    Stream stream = GetParam() ? first : OnWatch(7).OpenStream();
    Start();
    ASSERT_TRUE(UntilVersion(7));
    EXPECT_THAT(Changes(), ElementsAre(">a@5"));
    stream.SendEvent("MODIFIED", Named("c", 8, false));
    stream.SendEvent("DELETED", Named("c", 9, false));
    stream.SendEvent("MODIFIED", Named("b", 10, true));
    stream.SendEvent("MODIFIED", Named("a", 11, false));
    stream.SendEvent("MODIFIED", Named("a", 12, false));
    ASSERT_TRUE(UntilVersion(12));
    EXPECT_THAT(Changes(), ElementsAre(">b@10", "a@5>")) << "gone as it was last kept";
    EXPECT_EQ(informer->store().Size(), 1u);
    EXPECT_EQ(informer->store().Get({"ns", "b"})->raw, "transformed");
    stream.SendEvent("MODIFIED", Named("b", 9, false));  // older than what is known
    stream.SendEvent("BOOKMARK", Bookmark(13));
    ASSERT_TRUE(UntilVersion(13));
    EXPECT_THAT(Changes(), IsEmpty());
    stream.SendEvent("DELETED", Named("b", 14, false));
    ASSERT_TRUE(UntilVersion(14));
    EXPECT_THAT(Changes(), ElementsAre("b@10>"));
}

TEST_F(InformerTest, ARelistDropsWhatIsKeptNoMore) {
    bool keep_all = true;
    settings.keep = [&](const Object& object) { return keep_all || object.meta.name != "a"; };
    Stream stream = StartSynced();
    keep_all = false;
    Stream relist =
        server.When("GET", kPath, {{"sendInitialEvents", "true"}, {"resourceVersion", "7"}})
            .OpenStream();
    relist.SendEvent("ADDED", Pod("a", 8));
    relist.SendEvent("ADDED", Pod("b", 6));
    relist.SendEvent("BOOKMARK", Bookmark(9, true));
    stream.SendEvent("ERROR", kExpired);
    ASSERT_TRUE(UntilVersion(9));
    EXPECT_THAT(Changes(), ElementsAre("a@5>"));
}

TEST_F(InformerTest, KnowsSinceWhenNoWatchIsOpen) {
    const auto began = std::chrono::steady_clock::now();
    Stream stream = OnWatchList().OpenStream();
    Start();
    ASSERT_TRUE(Until([&] { return stream.Taken(); }));
    testing::RunFor(io, milliseconds(20));
    ASSERT_TRUE(informer->BrokenSince()) << "nothing is known yet";
    EXPECT_GE(*informer->BrokenSince(), began);
    stream.SendEvent("BOOKMARK", Bookmark(7, true));
    ASSERT_TRUE(UntilVersion(7));
    EXPECT_FALSE(informer->BrokenSince());

    const auto broke = std::chrono::steady_clock::now();
    server.Down();
    ASSERT_TRUE(Until([&] { return informer->BrokenSince().has_value(); }));
    const auto since = *informer->BrokenSince();
    EXPECT_GE(since, broke);
    testing::RunFor(io, milliseconds(100));
    EXPECT_EQ(informer->BrokenSince(), since) << "attempts do not move it";
    EXPECT_TRUE(informer->HasSynced());
    Stream second = OnWatch(7).OpenStream();
    server.Up();
    EXPECT_TRUE(Until([&] { return !informer->BrokenSince(); })) << "open, though silent";
    EXPECT_TRUE(informer->HasSynced());
}

TEST_F(InformerTest, AListAloneIsNoWatch) {
    settings.watch_list = false;
    OnList().Reply(200, List(7, {}));
    testing::Answer slow;
    slow.fault = testing::Fault::kNeverAnswer;
    OnWatch(7).Reply(slow);
    Start();
    ASSERT_TRUE(Until([&] { return informer->HasSynced(); }));
    testing::RunFor(io, milliseconds(50));
    EXPECT_TRUE(informer->BrokenSince());
}

}  // namespace
}  // namespace dlws::kube

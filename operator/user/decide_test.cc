// SPDX-License-Identifier: Apache-2.0
#include "operator/user/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dlws::user {
namespace {

using model::NodeHome;
using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const model::Time kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 29);

model::DLNode Node(minutes age, std::vector<NodeHome> homes) {
    model::DLNode node;
    node.checkedAt = kNow - age;
    node.homes = std::move(homes);
    return node;
}

TEST(HomesByUser, TheNewestThatTellsOfAFolderCounts) {
    const NodeHome old{"work", "alice", "NoFolder", "move it", 0, 0};
    const NodeHome now{"work", "alice", "", "", 100, 40};
    const NodeHome runs{"jobfiles", "alice", "", "", 50, 50};
    const model::DLNode silent = Node(minutes(4), {{"work", "bob", "", "", 1, 1}});
    const model::DLNode first = Node(minutes(2), {old, runs});
    const model::DLNode second = Node(minutes(1), {now});
    const auto homes = HomesByUser({&silent, &first, &second}, kNow);
    ASSERT_EQ(homes.size(), 1u) << "who is silent does not count";
    EXPECT_THAT(homes.at("alice"), ElementsAre(now, runs));
}

TEST(StatusOfAUser, TellsWhatKeepsJobsFromRunning) {
    model::DLUser alice;
    alice.meta.generation = 3;
    const NodeHome quota{"work", "alice", "", "", 100, 40};
    const NodeHome link{"jobfiles", "alice", "SymbolicLink", "remove it", 0, 0};
    model::UserStatus status = StatusOf(alice, "", {quota, link}, {});
    EXPECT_EQ(status.state, "NoFolder");
    EXPECT_EQ(status.message, "remove it");
    EXPECT_EQ(status.observedGeneration, 3);
    EXPECT_THAT(status.quotas, ElementsAre(model::UserStatus::Quota{"work", 100, 40}));
    status = StatusOf(alice, "two have one uid", {link}, {});
    EXPECT_EQ(status.state, "Refused");
    EXPECT_EQ(status.message, "two have one uid");
    // Nobody tells anything: what was told a while ago.
    status = StatusOf(alice, "", {}, {{"work", 100, 40}});
    EXPECT_EQ(status.state, "Ready");
    EXPECT_THAT(status.quotas, ElementsAre(model::UserStatus::Quota{"work", 100, 40}));
    EXPECT_THAT(StatusOf(alice, "", {link}, {{"work", 100, 40}}).quotas, IsEmpty());
}

TEST(StatusOfAUser, AFewBytesMoreOrLessAreNoNews) {
    const model::UserStatus was{1, "Ready", "", {{"work", 1000, 500}}};
    EXPECT_FALSE(IsNews(was, {1, "Ready", "", {{"work", 1000, 509}}}));
    EXPECT_TRUE(IsNews(was, {1, "Ready", "", {{"work", 1000, 490}}}));
    EXPECT_TRUE(IsNews(was, {1, "Ready", "", {{"work", 1010, 500}}}));
    EXPECT_TRUE(IsNews(was, {1, "Ready", "", {}}));
    EXPECT_TRUE(IsNews(was, {2, "Ready", "", {{"work", 1000, 500}}}));
}

}  // namespace
}  // namespace dlws::user

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/limits.h"

#include <gtest/gtest.h>

#include <vector>

namespace dlws::portal {
namespace {

struct LimitsTest : ::testing::Test {
    Limits::Clock::time_point now{};
    Limits limits{{.most = {3, 2, 1, 10}, .writes_per_second = 4, .now = [this] { return now; }}};
};

TEST_F(LimitsTest, EachPersonAndKindHasItsOwn) {
    std::vector<Limits::Ticket> kept;
    for (int i = 0; i < 3; ++i)
        kept.push_back(limits.Take("alice", Limits::kRequest).value());
    auto over = limits.Take("alice", Limits::kRequest);
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().status, 429);
    EXPECT_TRUE(over.error().retry_after);
    EXPECT_TRUE(limits.Take("alice", Limits::kLogs));
    EXPECT_TRUE(limits.Take("bob", Limits::kRequest));
    kept.pop_back();
    EXPECT_TRUE(limits.Take("alice", Limits::kRequest));
}

TEST_F(LimitsTest, SeveralAtOnceOrNone) {
    auto eight = limits.Take("alice", Limits::kLogSources, 8);
    ASSERT_TRUE(eight);
    EXPECT_FALSE(limits.Take("alice", Limits::kLogSources, 3));
    EXPECT_TRUE(limits.Take("alice", Limits::kLogSources, 2));
    EXPECT_TRUE(limits.Take("bob", Limits::kLogSources, 10));
    eight = Limits::Ticket();
    EXPECT_TRUE(limits.Take("alice", Limits::kLogSources, 10));
}

TEST_F(LimitsTest, WritesLeakAway) {
    now += std::chrono::hours(1);
    for (int i = 0; i < 4; ++i)
        EXPECT_TRUE(limits.Write("alice"));
    EXPECT_FALSE(limits.Write("alice"));
    EXPECT_TRUE(limits.Write("bob"));
    now += std::chrono::milliseconds(500);
    EXPECT_TRUE(limits.Write("alice"));
    EXPECT_TRUE(limits.Write("alice"));
    EXPECT_FALSE(limits.Write("alice"));
}

TEST_F(LimitsTest, WhoHasGoneIsForgotten) {
    for (int i = 0; i < 5'000; ++i) {
        now += std::chrono::seconds(3);
        limits.Take("user-" + std::to_string(i), Limits::kRequest).value();
    }
    EXPECT_LT(limits.People(), 1'100u);
}

}  // namespace
}  // namespace dlws::portal

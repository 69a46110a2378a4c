// SPDX-License-Identifier: Apache-2.0
#include "portal/server/access/refused.h"

#include <gtest/gtest.h>

namespace dlws::portal {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

TEST(RefusedTest, IsBoundedInTime) {
    Refused<sys_seconds> refused(seconds(10), 5);
    const sys_seconds now(seconds(1'000));
    refused.Add("a", now);
    refused.Add("a", now + seconds(5));
    EXPECT_TRUE(refused.Has("a", now + seconds(9)));
    EXPECT_FALSE(refused.Has("b", now + seconds(9)));
    EXPECT_FALSE(refused.Has("a", now + seconds(10)));
    EXPECT_EQ(refused.Size(), 0U);
}

TEST(RefusedTest, IsBoundedInNumber) {
    Refused<sys_seconds> refused(seconds(10), 100);
    const sys_seconds now(seconds(1'000));
    for (int i = 0; i < 1'000; ++i)
        refused.Add(std::to_string(i), now);
    EXPECT_EQ(refused.Size(), 100U);
    EXPECT_FALSE(refused.Has("899", now));
    EXPECT_TRUE(refused.Has("900", now));
}

}  // namespace
}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session_ends.h"

#include <gtest/gtest.h>

namespace dlws::portal {
namespace {

TEST(SessionEndsTest, TellsThoseOfTheSessionOnce) {
    SessionEnds ends;
    int told = 0;
    const auto one = std::make_shared<int>(), two = std::make_shared<int>();
    ends.Add("a", one, [&] { told += 1; });
    ends.Add("a", two, [&] { told += 10; });
    ends.Add("b", two, [&] { told += 100; });
    ends.Add("", two, [&] { told += 1000; });
    ends.Tell("");
    ends.Tell("c");
    EXPECT_EQ(told, 0);
    ends.Tell("a");
    EXPECT_EQ(told, 11);
    ends.Tell("a");
    EXPECT_EQ(told, 11);
    EXPECT_EQ(ends.Waits(), 1U);
}

TEST(SessionEndsTest, KeepsNothingOfWhatHasGone) {
    SessionEnds ends;
    int told = 0;
    const auto stays = std::make_shared<int>();
    ends.Add("a", stays, [&] { ++told; });
    for (int i = 0; i < 100; ++i)
        ends.Add("a", std::make_shared<int>(), [&] { told += 100; });
    EXPECT_EQ(ends.Waits(), 2U);
    ends.Tell("a");
    EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "kube/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dlws::kube {
namespace {

using std::chrono::milliseconds;

struct FakeClock {
    Backoff::Clock::time_point now{std::chrono::hours(1)};
    auto Function() {
        return [this] { return now; };
    }
};

TEST(Backoff, LimitsDoubleUpToTheMaximumWithFullJitter) {
    FakeClock clock;
    Random random(7);
    const milliseconds limits[] = {milliseconds(800),   milliseconds(1600),  milliseconds(3200),
                                   milliseconds(6400),  milliseconds(12800), milliseconds(25600),
                                   milliseconds(30000), milliseconds(30000)};
    std::vector<milliseconds> longest(8), shortest(8, milliseconds::max());
    for (int round = 0; round < 2000; ++round) {
        Backoff backoff({}, random, clock.Function());
        for (std::size_t step = 0; step < 8; ++step) {
            const auto delay = backoff.Next();
            ASSERT_GE(delay.count(), 0);
            ASSERT_LT(delay, limits[step]);
            longest[step] = std::max(longest[step], delay);
            shortest[step] = std::min(shortest[step], delay);
            clock.now += delay;
        }
    }
    for (std::size_t step = 0; step < 8; ++step) {
        EXPECT_GT(longest[step], limits[step] * 9 / 10) << step;
        EXPECT_LT(shortest[step], limits[step] / 10) << step;
    }
}

TEST(Backoff, ForgetsAfterATimeOfHealthAndNotBefore) {
    FakeClock clock;
    Random random(7);
    Backoff backoff({}, random, clock.Function());
    for (int i = 0; i < 6; ++i)
        clock.now += backoff.Next();
    EXPECT_EQ(backoff.Steps(), 6);
    clock.now += milliseconds(119'999);
    clock.now += backoff.Next();
    EXPECT_EQ(backoff.Steps(), 7);
    clock.now += milliseconds(120'000);
    EXPECT_LT(backoff.Next(), milliseconds(800));
    EXPECT_EQ(backoff.Steps(), 1);
}

TEST(Backoff, WaitingIsNoHealth) {
    FakeClock clock;
    Random random(7);
    Backoff backoff({.reset_after = milliseconds(1000)}, random, clock.Function());
    for (int i = 0; i < 20; ++i)
        clock.now += backoff.Next();  // waits far longer than reset_after
    EXPECT_EQ(backoff.Steps(), 20);
}

}  // namespace
}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#include "kube/server_clock.h"

#include <gtest/gtest.h>

namespace dlws::kube {
namespace {

using namespace std::chrono_literals;

const ServerClock::Steady kStart(1000s);

ServerClock::Wall At(std::chrono::milliseconds after) {
    return ServerClock::Wall(784'111'777s) + after;  // Sun, 06 Nov 1994 08:49:37 GMT
}

TEST(ServerClock, IsThisMachinesUntilAnAnswerCame) {
    ServerClock clock;
    const auto before = std::chrono::system_clock::now();
    EXPECT_GE(clock.Now(kStart), before);
    clock.Observe("yesterday", kStart);
    clock.Observe("Sun, 06 Nov 1994 08:49:37 GMT and more", kStart);
    clock.Observe("", kStart);
    EXPECT_GE(clock.Now(kStart), before);
}

TEST(ServerClock, GoesOnWithTheMonotonicClock) {
    ServerClock clock;
    clock.Observe("Sun, 06 Nov 1994 08:49:37 GMT", kStart);
    EXPECT_EQ(clock.Now(kStart), At(0ms));
    EXPECT_EQ(clock.Now(kStart + 2500ms), At(2500ms));
}

TEST(ServerClock, AnAnswerThatAgreesToTheSecondChangesNothing) {
    ServerClock clock;
    clock.Observe("Sun, 06 Nov 1994 08:49:37 GMT", kStart);
    clock.Observe("Sun, 06 Nov 1994 08:49:38 GMT", kStart + 1900ms);
    EXPECT_EQ(clock.Now(kStart + 1900ms), At(1900ms));
    clock.Observe("Sun, 06 Nov 1994 08:49:39 GMT", kStart + 1950ms);
    EXPECT_EQ(clock.Now(kStart + 1950ms), At(2000ms));
}

TEST(ServerClock, FollowsAServerWhoseClockIsSet) {
    ServerClock clock;
    clock.Observe("Sun, 06 Nov 1994 08:49:37 GMT", kStart);
    clock.Observe("Sun, 06 Nov 1994 09:49:37 GMT", kStart + 1s);
    EXPECT_EQ(clock.Now(kStart + 1s), At(1h));
    clock.Observe("Sun, 06 Nov 1994 08:49:37 GMT", kStart + 2s);
    EXPECT_EQ(clock.Now(kStart + 2s), At(1s));
}

}  // namespace
}  // namespace dlws::kube

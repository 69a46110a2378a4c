// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/retention.h"

#include <gtest/gtest.h>

namespace dlws::agent {
namespace {

using std::chrono::seconds;
using Deletions = std::vector<LogDeletion>;
constexpr auto kAge = LogDeletion::kAge;
constexpr auto kSize = LogDeletion::kSize;

std::chrono::sys_seconds At(int second) {
    return std::chrono::sys_seconds(seconds(second));
}

const std::vector<ArchivedJob> kJobs = {
    {"alice", "a0", At(900), 50}, {"alice", "a1", At(100), 10}, {"bob", "b0", At(100), 70},
    {"alice", "a2", {}, 100},     {"bob", "b1", At(950), 30},   {"alice", "a3", At(800), 20},
    {"alice", "a4", At(800), 5},
};

TEST(Retention, NoLimitDeletesNothing) {
    EXPECT_EQ(DecideRetention(kJobs, At(1'000'000), {}), Deletions{});
}

TEST(Retention, ByAgeTheOldestFirst) {
    EXPECT_EQ(DecideRetention(kJobs, At(1000), {.max_age = seconds(150)}),
              (Deletions{{1, kAge}, {2, kAge}, {5, kAge}, {6, kAge}}));
    EXPECT_EQ(DecideRetention(kJobs, At(1000), {.max_age = seconds(900)}), Deletions{})
        << "exactly so old is not too old";
    EXPECT_EQ(DecideRetention(kJobs, At(50), {.max_age = seconds(1)}), Deletions{})
        << "ended in the future";
}

TEST(Retention, BySizeForEachUser) {
    // Alice has 185, of which 100 are still written to; Bob has 100.
    EXPECT_EQ(DecideRetention(kJobs, At(1000), {.max_bytes_per_user = 160}),
              (Deletions{{1, kSize}, {5, kSize}}));
    EXPECT_EQ(DecideRetention(kJobs, At(1000), {.max_bytes_per_user = 100}),
              (Deletions{{1, kSize}, {5, kSize}, {6, kSize}, {0, kSize}}));
    EXPECT_EQ(DecideRetention(kJobs, At(1000), {.max_bytes_per_user = 1}),
              (Deletions{{1, kSize}, {2, kSize}, {5, kSize}, {6, kSize}, {0, kSize}, {4, kSize}}))
        << "what is written to stays";
}

TEST(Retention, WhatIsTooOldCountsNoMore) {
    EXPECT_EQ(
        DecideRetention(kJobs, At(1000), {.max_age = seconds(150), .max_bytes_per_user = 140}),
        (Deletions{{1, kAge}, {2, kAge}, {5, kAge}, {6, kAge}, {0, kSize}}));
}

TEST(Retention, NothingIsDeletedThatFreesNothing) {
    const std::vector<ArchivedJob> jobs = {{"alice", "empty", At(1), 0}, {"alice", "full", {}, 99}};
    EXPECT_EQ(DecideRetention(jobs, At(1000), {.max_bytes_per_user = 10}), Deletions{});
}

}  // namespace
}  // namespace dlws::agent

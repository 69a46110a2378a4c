// SPDX-License-Identifier: Apache-2.0
#include "portal/server/metrics/ask.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dlws::portal {
namespace {

using ::testing::HasSubstr;

std::expected<MetricsAsk, Problem> Read(std::string_view query) {
    static constexpr kube::HttpParameter kKnown[] = {{"metric"}, {"from"}, {"to"}, {"rank", true}};
    return ReadMetricsAsk(kube::ParseHttpQuery(query, kKnown).value());
}

model::Time At(std::string_view text) {
    return model::ParseTime(text).value();
}

TEST(ReadMetricsAsk, WhatIsWrongIsNamed) {
    const auto asked = Read("metric=cpu&rank=2&rank=0&from=2026-11-29T10:00:00.5%2B01:00");
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->ranks, (std::vector{0, 2}));
    EXPECT_EQ(asked->from, At("2026-11-29T09:00:00Z"));
    EXPECT_FALSE(asked->to);
    std::string many = "metric=cpu";
    for (int rank = 0; rank < 65; ++rank)
        many += fmt::format("&rank={}", rank);
    for (const auto& [query, field] : std::vector<std::pair<std::string, std::string>>{
             {"", "query.metric"},
             {"metric=", "query.metric"},
             {"metric=up", "query.metric"},
             {"metric=cpu%7Bx%3D%22y%22%7D", "query.metric"},
             {"metric=cpu&from=yesterday", "query.from"},
             {"metric=cpu&to=", "query.to"},
             {"metric=cpu&from=2026-11-29T10:00:01Z&to=2026-11-29T10:00:00Z", "query.from"},
             {"metric=cpu&rank=-1", "query.rank"},
             {"metric=cpu&rank=10000", "query.rank"},
             {"metric=cpu&rank=1|2", "query.rank"},
             {"metric=cpu&rank=1&rank=1", "query.rank"},
             {many, "query.rank"}}) {
        const auto wrong = Read(query);
        ASSERT_FALSE(wrong) << query;
        EXPECT_EQ(wrong.error().status, 400);
        EXPECT_EQ(wrong.error().errors.at(0).field, field) << query;
    }
}

class Plan : public ::testing::Test {
  protected:
    Plan() {
        job.meta.name = "digits";
        job.meta.ns = "vision";
        job.meta.uid = "uid-1";
        job.meta.creationTimestamp = At("2026-11-29T08:00:00Z");
        job.spec.roles.resize(2);
        job.spec.roles[0].name = "chief";
        job.spec.roles[1].name = "worker";
        job.spec.roles[1].replicas = 40;
        job.status.startTime = At("2026-11-29T08:01:00Z");
    }
    MetricsPlan Of(const MetricsAsk& asked) {
        return PlanMetrics(asked, JobLogs(job, pods), now, 30, ", cluster=\"a\"").value();
    }
    std::string Times(const MetricsAsk& asked) {
        const auto range = Of(asked).range;
        if (!range) return "none";
        const auto text = [](std::int64_t at) {
            return model::FormatTime(model::Time(std::chrono::seconds(at))).substr(11, 8);
        };
        return fmt::format("{} {} {}", text(range->from), text(range->to), range->step);
    }

    model::DLJob job;
    std::vector<model::PodView> pods;
    model::Time now = At("2026-11-29T12:00:00Z");
    MetricsAsk ask;
};

TEST_F(Plan, TheFirstRanksOrThoseThatAreAskedFor) {
    const MetricsPlan plan = Of(ask);
    ASSERT_EQ(plan.ranks.size(), 16u);
    EXPECT_EQ(plan.ranks[0].place, (MetricPlace{"chief", 0}));
    EXPECT_EQ(plan.ranks[15].place, (MetricPlace{"worker", 14}));
    EXPECT_EQ(plan.query.places.size(), 16u);
    EXPECT_EQ(plan.query.matchers, ", cluster=\"a\"");
    EXPECT_EQ(plan.query.window, 120);
    ask.ranks = {3, 40};
    const MetricsPlan few = Of(ask);
    ASSERT_EQ(few.ranks.size(), 2u);
    EXPECT_EQ(few.ranks[1].rank, 40);
    EXPECT_EQ(few.ranks[1].pod, "digits-worker-39-0");
    ask.ranks = {41};
    const auto wrong = PlanMetrics(ask, JobLogs(job, pods), now, 30, "");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().status, 400);
    EXPECT_THAT(wrong.error().detail, HasSubstr("below 41"));
}

TEST_F(Plan, APodIsTheLastOfItsPlace) {
    job.status.launchedAttempt = 2;
    ask.ranks = {1};
    EXPECT_EQ(Of(ask).ranks[0].pod, "digits-worker-0-2");
}

TEST_F(Plan, OfGpusAsManyRanksAsHaveSixtyFour) {
    job.spec.roles[1].gpus = 8;
    ask.metric = Metric::GpuUtilization;
    EXPECT_EQ(Of(ask).ranks.size(), 8u) << "the chief without, and seven with eight each";
    ask.metric = Metric::Cpu;
    EXPECT_EQ(Of(ask).ranks.size(), 16u);
    job.spec.roles[1].gpus = 128;
    ask.metric = Metric::GpuMemory;
    ask.ranks = {5, 6};
    EXPECT_EQ(Of(ask).ranks.size(), 1u);
}

TEST_F(Plan, TheLastHourOrWhatIsAskedFor) {
    EXPECT_EQ(Times(ask), "11:00:00 12:00:00 30");
    now = At("2026-11-29T08:20:00Z");
    EXPECT_EQ(Times(ask), "08:01:00 08:20:00 30") << "from its start";
    now = At("2026-11-29T12:00:00Z");
    job.status.finishTime = At("2026-11-29T10:00:00Z");
    EXPECT_EQ(Times(ask), "09:00:00 10:00:00 30") << "to its end";
    ask.from = At("2026-11-29T09:30:00Z");
    ask.to = At("2026-11-29T09:40:00Z");
    EXPECT_EQ(Times(ask), "09:30:00 09:40:00 30");
}

TEST_F(Plan, NothingFromBeforeItWasMadeOrAfterNow) {
    ask.from = At("2020-01-01T00:00:00Z");
    ask.to = At("2030-01-01T00:00:00Z");
    EXPECT_EQ(Times(ask), "08:00:00 12:00:00 30");
    ask.to = At("2026-11-29T07:00:00Z");
    EXPECT_EQ(Times(ask), "none");
    ask.to.reset();
    ask.from = At("2030-01-01T00:00:00Z");
    EXPECT_EQ(Times(ask), "none");
    job.meta.creationTimestamp.reset();
    ask.from = At("1901-01-01T00:00:00Z");
    ask.to = At("1902-01-01T00:00:00Z");
    EXPECT_EQ(Times(ask), "none");
}

}  // namespace
}  // namespace dlws::portal

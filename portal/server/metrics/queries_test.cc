// SPDX-License-Identifier: Apache-2.0
#include "portal/server/metrics/queries.h"

#include <gtest/gtest.h>

#include <random>

namespace dlws::portal {
namespace {

MetricQuery Digits(Metric metric) {
    MetricQuery query;
    query.metric = metric;
    query.ns = "vision";
    query.job = "digits";
    query.places = {{"chief", 0}, {"worker", 0}, {"worker", 10}};
    return query;
}

// As Prometheus is given them: a change here is a change of what people see.
TEST(PromQl, OfEachMetric) {
    const auto of = [](Metric metric) { return PromQl(Digits(metric)).value(); };
    EXPECT_EQ(
        of(Metric::Cpu),
        R"q(max by (place) (label_replace(sum by (pod) (max by (pod, container) (rate(container_cpu_usage_seconds_total{namespace="vision", pod=~"digits-(?:chief-0|worker-0|worker-10)-[0-9]+", container!="", container!="POD"}[120s]))), "place", "$1", "pod", "(.+)-[0-9]+")))q");
    EXPECT_EQ(
        of(Metric::Memory),
        R"q(max by (place) (label_replace(sum by (pod) (max by (pod, container) (max_over_time(container_memory_working_set_bytes{namespace="vision", pod=~"digits-(?:chief-0|worker-0|worker-10)-[0-9]+", container!="", container!="POD"}[120s]))), "place", "$1", "pod", "(.+)-[0-9]+")))q");
    EXPECT_EQ(
        of(Metric::NetworkReceive),
        R"q(max by (place) (label_replace(sum by (pod) (max by (pod, interface) (rate(container_network_receive_bytes_total{namespace="vision", pod=~"digits-(?:chief-0|worker-0|worker-10)-[0-9]+"}[120s]))), "place", "$1", "pod", "(.+)-[0-9]+")))q");
    EXPECT_EQ(
        of(Metric::NetworkTransmit),
        R"q(max by (place) (label_replace(sum by (pod) (max by (pod, interface) (rate(container_network_transmit_bytes_total{namespace="vision", pod=~"digits-(?:chief-0|worker-0|worker-10)-[0-9]+"}[120s]))), "place", "$1", "pod", "(.+)-[0-9]+")))q");
    EXPECT_EQ(
        of(Metric::GpuUtilization),
        R"q(max by (place, gpu, GPU_I_ID) (label_replace(max by (pod, gpu, GPU_I_ID) (avg_over_time(DCGM_FI_DEV_GPU_UTIL{namespace="vision", pod=~"digits-(?:chief-0|worker-0|worker-10)-[0-9]+"}[120s])), "place", "$1", "pod", "(.+)-[0-9]+") or label_replace(max by (exported_pod, gpu, GPU_I_ID) (avg_over_time(DCGM_FI_DEV_GPU_UTIL{exported_namespace="vision", exported_pod=~"digits-(?:chief-0|worker-0|worker-10)-[0-9]+"}[120s])), "place", "$1", "exported_pod", "(.+)-[0-9]+")))q");
    EXPECT_EQ(
        of(Metric::GpuMemory),
        R"q(max by (place, gpu, GPU_I_ID) (label_replace(max by (pod, gpu, GPU_I_ID) (max_over_time(DCGM_FI_DEV_FB_USED{namespace="vision", pod=~"digits-(?:chief-0|worker-0|worker-10)-[0-9]+"}[120s])), "place", "$1", "pod", "(.+)-[0-9]+") or label_replace(max by (exported_pod, gpu, GPU_I_ID) (max_over_time(DCGM_FI_DEV_FB_USED{exported_namespace="vision", exported_pod=~"digits-(?:chief-0|worker-0|worker-10)-[0-9]+"}[120s])), "place", "$1", "exported_pod", "(.+)-[0-9]+")) * 1048576)q");
}

TEST(PromQl, ByTheClustersLabels) {
    MetricQuery query = Digits(Metric::GpuMemory);
    query.matchers = LabelMatchers({"cluster=a"}).value();
    const std::string text = PromQl(query).value();
    EXPECT_NE(text.find(R"(, cluster="a"}[120s])"), std::string::npos);
    EXPECT_NE(text.find(R"(, cluster="a"}[120s])", text.find("exported_namespace")),
              std::string::npos);
}

// The API server has no such names; what the portal is given some day is not trusted for that.
TEST(PromQl, NoNameGetsOutOfItsString) {
    for (const char* hostile :
         {"", "a\"", "a\"} or up{a=\"", "a\\", ".*", "a|b", "a.b", "a}", "a\n", "A", "a b", "[a]",
          "$1", "a(?i)", "\xc3\xa4", "a'", "a`", "a#", "a+"}) {
        MetricQuery query = Digits(Metric::Cpu);
        query.ns = hostile;
        EXPECT_FALSE(PromQl(query)) << hostile;
        query = Digits(Metric::GpuUtilization);
        query.job = hostile;
        EXPECT_FALSE(PromQl(query)) << hostile;
        query = Digits(Metric::Memory);
        query.places[1].role = hostile;
        EXPECT_FALSE(PromQl(query)) << hostile;
        EXPECT_FALSE(MetricOf(hostile)) << hostile;
    }
    MetricQuery nothing = Digits(Metric::Cpu);
    nothing.places.clear();
    EXPECT_FALSE(PromQl(nothing));
}

TEST(LabelMatchers, AreOfTheConfiguration) {
    EXPECT_EQ(LabelMatchers({}), "");
    EXPECT_EQ(LabelMatchers({"cluster=a-1", "region=eu west"}),
              R"(, cluster="a-1", region="eu west")");
    for (const char* wrong :
         {"cluster", "=a", "cluster=", "c=a\"", "c=a\\", "c=a=b", "1c=a", "c=a\n", "c=a}", "c d=a"})
        EXPECT_FALSE(LabelMatchers({wrong})) << wrong;
}

TEST(Metrics, HaveTheContractsNamesAndUnits) {
    for (const char* name :
         {"gpuUtilization", "gpuMemory", "cpu", "memory", "networkReceive", "networkTransmit"}) {
        const auto metric = MetricOf(name);
        ASSERT_TRUE(metric) << name;
        EXPECT_EQ(ToString(*metric), name);
        EXPECT_EQ(IsOfGpus(*metric), std::string_view(name).starts_with("gpu"));
    }
    EXPECT_FALSE(MetricOf("up"));
    EXPECT_FALSE(MetricOf("CPU"));
    EXPECT_EQ(UnitOf(Metric::GpuUtilization), "percent");
    EXPECT_EQ(UnitOf(Metric::NetworkTransmit), "bytesPerSecond");
}

TEST(RangeOf, HasAFewHundredPointsAtTheSameTimesAgainAndAgain) {
    const std::int64_t noon = 1'796'040'000;
    const auto hour = RangeOf(noon - 3600, noon, 30);
    ASSERT_TRUE(hour);
    EXPECT_EQ(hour->step, 30);
    EXPECT_EQ(hour->from, noon - 3600);
    EXPECT_EQ(hour->to, noon);
    const auto later = RangeOf(noon - 3600 + 7, noon + 7, 30);
    ASSERT_TRUE(later);
    EXPECT_EQ(later->to, hour->to);
    EXPECT_EQ(later->from, hour->from + 30);
    EXPECT_EQ(RangeOf(noon - 86400, noon, 30)->step, 300);
    EXPECT_EQ(RangeOf(noon - 3600, noon, 1)->step, 10);
    EXPECT_EQ(RangeOf(noon - 499 * 30, noon, 30)->step, 30);
    EXPECT_EQ(RangeOf(noon - 500 * 30, noon, 30)->step, 60);
    EXPECT_EQ(RangeOf(noon, noon, 30)->from, noon);
    EXPECT_FALSE(RangeOf(noon + 1, noon, 30));
}

TEST(RangeOf, OfAJobThatHasJustBegunIsItsEnd) {
    const std::int64_t noon = 1'796'040'000;
    const auto range = RangeOf(noon + 1, noon + 29, 30);
    ASSERT_TRUE(range);
    EXPECT_EQ(range->from, noon + 29);
    EXPECT_EQ(range->to, noon + 29);
    EXPECT_EQ(range->step, 30);
}

TEST(RangeOf, NeverHasMoreThanItMay) {
    std::mt19937_64 random(1);  // NOLINT(bugprone-random-generator-seed): the same each time
    for (int i = 0; i < 20'000; ++i) {
        const auto from = std::int64_t(random() % 2'000'000'000);
        const auto to = from + std::int64_t(random() % (1ull << (random() % 31)));
        const int scrape = 1 + int(random() % 3600);
        const auto range = RangeOf(from, to, scrape);
        ASSERT_TRUE(range);
        ASSERT_LE((range->to - range->from) / range->step + 1, std::int64_t(kMaxPoints));
        ASSERT_GE(range->from, from);
        ASSERT_LE(range->to, to);
        ASSERT_LE(range->from, range->to);
        if (range->from != to || range->to != to) {
            ASSERT_EQ(range->from % range->step, 0);
            ASSERT_EQ(range->to % range->step, 0);
        }
        if (range->step < 86400) {
            ASSERT_LT(range->from - from, range->step) << "its beginning is lost";
        }
        ASSERT_TRUE(range->step >= scrape && range->step <= 86400);
    }
}

TEST(WindowOf, HoldsTwoReadings) {
    EXPECT_EQ(WindowOf(30, 30), 120);
    EXPECT_EQ(WindowOf(600, 30), 630);
    EXPECT_EQ(WindowOf(1, 1), 4);
}

}  // namespace
}  // namespace dlws::portal

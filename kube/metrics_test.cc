// SPDX-License-Identifier: Apache-2.0
#include "kube/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace dlws::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, WritesThePrometheusTextFormat) {
    Metrics metrics;
    metrics.Describe("adds_total", "Keys added");
    metrics.Count("adds_total", {{"name", "jobs"}});
    metrics.Count("adds_total", {{"name", "jobs"}}, 2);
    metrics.Count("adds_total", {{"name", "nodes"}});
    metrics.Set("depth", {}, 4);
    metrics.Set("depth", {}, 3);
    const std::string text = metrics.Text();
    EXPECT_THAT(text, HasSubstr("# HELP adds_total Keys added\n# TYPE adds_total counter\n"));
    EXPECT_THAT(text, HasSubstr("adds_total{name=\"jobs\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("adds_total{name=\"nodes\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("# HELP depth depth\n# TYPE depth gauge\ndepth 3\n"));
}

TEST(Metrics, HistogramsCountSecondsFromOneMillisecondToAMinute) {
    Metrics metrics;
    metrics.Observe("work_seconds", {{"name", "jobs"}}, 0.0005);
    metrics.Observe("work_seconds", {{"name", "jobs"}}, 0.2);
    metrics.Observe("work_seconds", {{"name", "jobs"}}, 3600);
    const std::string text = metrics.Text();
    EXPECT_THAT(text, HasSubstr("work_seconds_bucket{name=\"jobs\",le=\"0.001\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("work_seconds_bucket{name=\"jobs\",le=\"0.25\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("work_seconds_bucket{name=\"jobs\",le=\"60\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("work_seconds_bucket{name=\"jobs\",le=\"+Inf\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("work_seconds_count{name=\"jobs\"} 3\n"));
}

TEST(Metrics, LabelsThatConcatenateAlikeAreDifferentSeries) {
    Metrics metrics;
    metrics.Count("calls_total", {{"a", "bc"}, {"d", "e"}});
    metrics.Count("calls_total", {{"a", "b"}, {"d", "ce"}});
    EXPECT_THAT(metrics.Text(), HasSubstr("calls_total{a=\"bc\",d=\"e\"} 1\n"));
    EXPECT_THAT(metrics.Text(), HasSubstr("calls_total{a=\"b\",d=\"ce\"} 1\n"));
}

TEST(Metrics, MisuseIsDroppedNotThrown) {
    Metrics metrics;
    metrics.Count("thing", {});
    metrics.Set("thing", {}, 7);            // already a counter
    metrics.Count("no spaces please", {});  // not a name
    metrics.Count("ok", {{"bad label", "x"}});
    metrics.Count("thing", {}, -1);  // a counter never falls
    const std::string text = metrics.Text();
    EXPECT_THAT(text, HasSubstr("thing 1\n"));
    EXPECT_THAT(text, Not(HasSubstr("bad label")));
    EXPECT_THAT(text, Not(HasSubstr("no spaces")));
}

TEST(Metrics, SeriesOfOneNameAreBounded) {
    Metrics metrics;
    for (std::size_t i = 0; i < Metrics::kMaxSeriesPerName + 50; ++i)
        metrics.Set("wide", {{"user", std::to_string(i)}}, 1);
    const std::string text = metrics.Text();
    EXPECT_THAT(text, HasSubstr("wide{user=\"9999\"} 1"));
    EXPECT_THAT(text, Not(HasSubstr("wide{user=\"10000\"}")));
}

TEST(Metrics, ManyThreadsLoseNothing) {
    Metrics metrics;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&metrics] {
                for (int i = 0; i < 5000; ++i)
                    metrics.Count("hits_total", {{"series", std::to_string(i % 1000)}});
            });
        }
        for (int i = 0; i < 20; ++i)
            (void)metrics.Text();
    }
    const std::string text = metrics.Text();
    EXPECT_THAT(text, HasSubstr("hits_total{series=\"0\"} 20\n"));
    EXPECT_THAT(text, HasSubstr("hits_total{series=\"999\"} 20\n"));
}

}  // namespace
}  // namespace dlws::kube

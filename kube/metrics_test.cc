// SPDX-License-Identifier: Apache-2.0
#include "kube/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <fstream>
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

TEST(Metrics, AHistogramMayHaveBucketsOfItsOwn) {
    Metrics metrics;
    metrics.Describe("start_seconds", "Start", {1, 3600});
    metrics.Prepare("start_seconds", {});
    EXPECT_THAT(metrics.Text(), HasSubstr("start_seconds_bucket{le=\"3600\"} 0\n"));
    metrics.Observe("start_seconds", {}, 1800);
    EXPECT_THAT(metrics.Text(), HasSubstr("start_seconds_bucket{le=\"1\"} 0\n"));
    EXPECT_THAT(metrics.Text(), HasSubstr("start_seconds_bucket{le=\"3600\"} 1\n"));
    EXPECT_THAT(metrics.Text(), Not(HasSubstr("0.001")));
}

TEST(Metrics, CollectorsAreAskedAtEachScrape) {
    Metrics metrics;
    double jobs = 3;
    metrics.AddCollector([&](Samples& out) {
        out.Family("jobs", Samples::kGauge, "Jobs \\ \"now\"");
        out.Add({}, jobs);
        out.Family("job_seconds_total", Samples::kCounter, "Time");
        out.Add({{"name", "a\"b\\c\nd"}, {"zone", ""}}, 0.25);
        out.Add({{"name", "big"}}, 1e20);
    });
    EXPECT_EQ(metrics.Text(),
              "# HELP jobs Jobs \\\\ \"now\"\n# TYPE jobs gauge\njobs 3\n"
              "# HELP job_seconds_total Time\n# TYPE job_seconds_total counter\n"
              "job_seconds_total{name=\"a\\\"b\\\\c\\nd\",zone=\"\"} 0.25\n"
              "job_seconds_total{name=\"big\"} 1e+20\n");
    jobs = 4;
    EXPECT_THAT(metrics.Text(), HasSubstr("\njobs 4\n"));
}

TEST(Metrics, AFamilyIsWrittenOnce) {
    Metrics metrics;
    metrics.Set("thing", {}, 1);
    auto collector = [](Samples& out) {
        for (const char* name : {"thing", "other"}) {
            out.Family(name, Samples::kGauge, "Help");
            out.Add({}, 2);
        }
    };
    metrics.AddCollector(collector);
    metrics.AddCollector(collector);
    const std::string text = metrics.Text();
    EXPECT_THAT(text, HasSubstr("thing 1\n"));
    EXPECT_THAT(text, Not(HasSubstr("thing 2\n")));
    EXPECT_EQ(text.find("other 2\n"), text.rfind("other 2\n"));
}

double ValueOf(const std::string& text, const std::string& name) {
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
}

TEST(ProcessMetrics, SayWhatThisProcessUses) {
    Metrics metrics;
    metrics.AddCollector(CollectProcess);
    const std::string before = metrics.Text();
    EXPECT_GT(ValueOf(before, "process_resident_memory_bytes"), 1e6);
    EXPECT_GE(ValueOf(before, "process_virtual_memory_bytes"),
              ValueOf(before, "process_resident_memory_bytes"));
    EXPECT_GE(ValueOf(before, "process_max_fds"), ValueOf(before, "process_open_fds"));
    const double now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    EXPECT_NEAR(ValueOf(before, "process_start_time_seconds"), now, 600);

    const double cpu = ValueOf(before, "process_cpu_seconds_total");
    EXPECT_GE(cpu, 0);
    const std::clock_t until = std::clock() + CLOCKS_PER_SEC / 5;
    while (std::clock() < until) {
    }
    std::vector<std::ifstream> files(7);
    for (auto& file : files)
        file.open("/dev/null");
    const std::string after = metrics.Text();
    EXPECT_NEAR(ValueOf(after, "process_cpu_seconds_total"), cpu + 0.2, 0.15);
    EXPECT_EQ(ValueOf(after, "process_open_fds"), ValueOf(before, "process_open_fds") + 7);
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

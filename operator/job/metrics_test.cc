// SPDX-License-Identifier: Apache-2.0
#include "operator/job/metrics.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "model/status.h"
#include "operator/job/testing.h"

namespace dlws::job {
namespace {

using model::Phase;
using testing::At;
using ::testing::HasSubstr;
using testing::Job;
using ::testing::Not;

std::string Write(const std::vector<JobFacts>& jobs) {
    std::vector<const JobFacts*> pointers;
    for (const JobFacts& job : jobs)
        pointers.push_back(&job);
    std::string text;
    std::set<std::string, std::less<>> taken;
    kube::Samples out(text, taken);
    WriteSamples(pointers, out);
    return text;
}

model::DLJob FailedJob() {
    model::DLJob job = Job(3);
    job.spec.roles[0].gpus = 2;
    job.meta.creationTimestamp = At(0);
    job.status.phase = Phase::Failed;
    job.status.startTime = At(10);
    job.status.finishTime = At(100);
    job.status.restarts = {.user = 2, .infrastructure = 1};
    job.status.failure = model::Failure{.reason = "OutOfMemory"};
    return job;
}

/// A DLJob as the cache holds it.
kube::ObjectPtr Object(const std::string& name, const std::string& status,
                       const std::string& uid = "u-1") {
    auto object = kube::ParseObject(fmt::format(
        R"({{"apiVersion":"dlworkspace.io/v1","kind":"DLJob","metadata":{{"name":"{}","namespace":"vision","uid":"{}",)"
        R"("resourceVersion":"1","creationTimestamp":"2026-01-01T00:00:00Z"}},"spec":{{"image":"i",)"
        R"("roles":[{{"name":"worker","replicas":2,"gpus":4}}]}},"status":{{{}}}}})",
        name, uid, status));
    EXPECT_TRUE(object) << object.error().message;
    return object.value_or(nullptr);
}

TEST(JobFacts, AreWhatTheJobSays) {
    const JobFacts facts = ToFacts(FailedJob());
    EXPECT_EQ(facts.ns, "vision");
    EXPECT_EQ(facts.name, "digits");
    EXPECT_EQ(facts.gpus, 6);
    EXPECT_EQ(facts.pods, 3);
    EXPECT_EQ(facts.restarts, (model::Restarts{.user = 2, .infrastructure = 1}));
    EXPECT_EQ(facts.finish_reason, "OutOfMemory");
    EXPECT_EQ(facts.completed, At(100));
}

TEST(JobFacts, ReadyPodsOfAllRolesAddUp) {
    model::DLJob job = Job();
    job.status.roles = {{.name = "worker", .ready = 2}, {.name = "evaluator", .ready = 1}};
    EXPECT_EQ(ToFacts(job).ready_pods, 3);
}

TEST(JobFacts, AReasonThatNobodyKnowsIsOther) {
    model::DLJob job = FailedJob();
    job.status.failure->reason = "Sabotage-4711";
    EXPECT_EQ(ToFacts(job).finish_reason, "Other");
    job.status.phase = Phase::Queued;
    job.status.pending = model::Pending{.cls = model::ReasonClass::Ask, .reason = "Weather"};
    EXPECT_EQ(ToFacts(job).pending_reason, "Other");
    EXPECT_EQ(ToFacts(job).finish_reason, "") << "a job that has not ended has no reason for it";
}

TEST(JobSamples, OfAJobThatFailed) {
    const std::string text = Write({ToFacts(FailedJob())});
    for (const char* line : {
             "kube_dlws_dljob_created{namespace=\"vision\",dljob=\"digits\"} 1800000000\n",
             "kube_dlws_dljob_spec_gpus{namespace=\"vision\",dljob=\"digits\"} 6\n",
             "kube_dlws_dljob_spec_pods{namespace=\"vision\",dljob=\"digits\"} 3\n",
             "kube_dlws_dljob_status_ready_pods{namespace=\"vision\",dljob=\"digits\"} 0\n",
             "kube_dlws_dljob_status_start_time{namespace=\"vision\",dljob=\"digits\"} "
             "1800000010\n",
             "kube_dlws_dljob_status_completion_time{namespace=\"vision\",dljob=\"digits\"} "
             "1800000100\n",
             "kube_dlws_dljob_status_phase{namespace=\"vision\",dljob=\"digits\",phase=\"Failed\"} "
             "1\n",
             "kube_dlws_dljob_status_restarts{namespace=\"vision\",dljob=\"digits\",cause="
             "\"User\"} 2\n",
             "kube_dlws_dljob_status_restarts{namespace=\"vision\",dljob=\"digits\",cause="
             "\"Infrastructure\"} 1\n",
         })
        EXPECT_THAT(text, HasSubstr(line));
    EXPECT_THAT(text, Not(HasSubstr("pending{"))) << "it waits for nothing";
}

TEST(JobSamples, OfAJobThatWaits) {
    model::DLJob job = Job();
    job.status.phase = Phase::Queued;
    job.status.pending = model::Pending{.cls = model::ReasonClass::Ask, .reason = "QuotaExceeded"};
    const std::string text = Write({ToFacts(job)});
    EXPECT_THAT(text, HasSubstr("pending{namespace=\"vision\",dljob=\"digits\",class=\"Ask\","
                                "reason=\"QuotaExceeded\"} 1\n"));
    EXPECT_THAT(text, Not(HasSubstr("start_time{")));
    EXPECT_THAT(text, Not(HasSubstr("completion_time{")));
}

TEST(JobSamples, AJobWithoutStatusIsInAnUnknownPhase) {
    EXPECT_THAT(Write({ToFacts(Job())}), HasSubstr("phase=\"Unknown\"} 1\n"));
}

TEST(JobSamples, EachFamilyIsWrittenOnceAndAlsoWithoutJobs) {
    const std::string text = Write({});
    EXPECT_EQ(std::ranges::count(text, '\n'), 2 * 9) << "HELP and TYPE of nine\n" << text;
}

class Published : public ::testing::Test {
  protected:
    kube::Metrics metrics;
    bool leading = true;
    JobMetrics jobs{metrics, [this] { return leading; }};

    void Change(const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
        jobs.OnJob(before, after);
    }
};

TEST_F(Published, ADeletedJobTakesItsSeriesWithIt) {
    auto a = Object("a", ""), b = Object("b", "");
    Change(nullptr, a);
    Change(nullptr, b);
    EXPECT_THAT(metrics.Text(), HasSubstr("dljob=\"a\""));
    Change(a, nullptr);
    EXPECT_THAT(metrics.Text(), Not(HasSubstr("dljob=\"a\"")));
    EXPECT_THAT(metrics.Text(), HasSubstr("dljob=\"b\""));
}

TEST_F(Published, OnlyTheLeaderPublishesAndCounts) {
    leading = false;
    auto starting = Object("a", R"("phase":"Starting")");
    auto done = Object("a", R"("phase":"Succeeded")");
    Change(nullptr, starting);
    Change(starting, done);
    EXPECT_THAT(metrics.Text(), Not(HasSubstr("kube_dlws")));
    leading = true;  // it knows at once what it did not publish
    EXPECT_THAT(metrics.Text(), HasSubstr("dljob=\"a\",phase=\"Succeeded\"} 1\n"));
    EXPECT_THAT(metrics.Text(),
                HasSubstr("finished_total{outcome=\"Succeeded\",reason=\"Succeeded\"} 0\n"));
}

TEST_F(Published, AnEndIsCountedOnce) {
    auto running = Object("a", R"("phase":"Running")");
    auto failed = Object("a", R"("phase":"Failed","failure":{"reason":"OutOfMemory"})");
    Change(nullptr, running);
    Change(running, failed);
    Change(failed, failed);
    EXPECT_THAT(metrics.Text(),
                HasSubstr("finished_total{outcome=\"Failed\",reason=\"OutOfMemory\"} 1\n"));
}

TEST_F(Published, AJobThatHadEndedBeforeWeCameIsNotCounted) {
    Change(nullptr, Object("a", R"("phase":"Succeeded")"));
    EXPECT_THAT(metrics.Text(), HasSubstr("reason=\"Succeeded\"} 0\n"));
}

TEST_F(Published, ANewJobUnderAnOldNameIsAnother) {
    auto old = Object("a", R"("phase":"Running")", "u-1");
    Change(nullptr, old);
    Change(old, Object("a", R"("phase":"Succeeded")", "u-2"));
    EXPECT_THAT(metrics.Text(), HasSubstr("reason=\"Succeeded\"} 0\n"));
}

TEST_F(Published, TheTimeToStartIsMeasuredOnce) {
    auto starting = Object("a", R"("phase":"Starting")");
    auto running = Object("a", R"("phase":"Running","startTime":"2026-01-01T00:00:07Z")");
    auto again = Object("a", R"("phase":"Restarting","startTime":"2026-01-01T00:00:07Z")");
    Change(nullptr, starting);
    Change(starting, running);
    Change(running, again);
    EXPECT_THAT(metrics.Text(), HasSubstr("dlws_dljob_start_seconds_count 1\n"));
    EXPECT_THAT(metrics.Text(), HasSubstr("dlws_dljob_start_seconds_sum 7\n"));
    EXPECT_THAT(metrics.Text(), HasSubstr("dlws_dljob_start_seconds_bucket{le=\"86400\"} 1\n"));
}

TEST_F(Published, PodsOfJobsAreCountedAndNoOthers) {
    auto pod = [](const char* owner) {
        return kube::ParseObject(
                   fmt::format(R"({{"kind":"Pod","metadata":{{"name":"p","namespace":"vision",)"
                               R"("uid":"p-1","ownerReferences":[{{"kind":"{}","name":"a",)"
                               R"("uid":"u-1","controller":true}}]}}}})",
                               owner))
            .value();
    };
    jobs.OnPod(nullptr, pod("DLJob"));
    jobs.OnPod(pod("DLJob"), pod("DLJob"));
    jobs.OnPod(pod("DLJob"), nullptr);
    jobs.OnPod(nullptr, pod("Job"));
    EXPECT_THAT(metrics.Text(), HasSubstr("dlws_pods_created_total 1\n"));
}

TEST_F(Published, TooManyJobsAreCutAndThoseThatEndedGoFirst) {
    auto name = [](std::size_t i) { return fmt::format("job-{:06}", i); };
    for (std::size_t i = 0; i < JobMetrics::kMaxJobs + 10; ++i)
        Change(nullptr, Object(name(i), i % 2 ? R"("phase":"Running")" : R"("phase":"Failed")"));
    const std::string text = metrics.Text();
    EXPECT_THAT(text, HasSubstr("dlws_dljob_metrics_omitted 10\n"));
    EXPECT_THAT(text, HasSubstr(name(JobMetrics::kMaxJobs + 9)));
    EXPECT_THAT(text, Not(HasSubstr(name(JobMetrics::kMaxJobs + 8))));
}

// A scrape answers between two steps of the one thread that also reconciles.
TEST_F(Published, TenThousandJobs) {
    constexpr int kJobs = 10'000;
    for (int i = 0; i < kJobs; ++i)
        Change(nullptr, Object(fmt::format("training-run-of-a-team-{:06}", i),
                               R"("phase":"Running","startTime":"2026-01-01T00:00:07Z","roles":)"
                               R"([{"name":"worker","replicas":2,"running":2,"ready":2}])",
                               fmt::format("u-{}", i)));
    const auto began = std::chrono::steady_clock::now();
    const std::string text = metrics.Text();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
    const auto series = std::ranges::count(text, '\n');
    fmt::print("figure metrics_10000_jobs_series {} series goal <= 100000\n", series);
    fmt::print("figure metrics_10000_jobs_bytes {} bytes goal <= 12000000\n", text.size());
    fmt::print("figure metrics_10000_jobs_ms {:.1f} ms\n", took.count());
    EXPECT_LE(series, 100'000);
    EXPECT_LE(text.size(), 12'000'000U);
}

}  // namespace
}  // namespace dlws::job

// SPDX-License-Identifier: Apache-2.0
// No finalizer of ours: what is deleted goes, however much of it there is and whoever runs.
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "test/e2e/fixture.h"

namespace dlws::e2e {
namespace {

using Seconds = std::chrono::seconds;

constexpr const char* kDeployment =
    "/apis/apps/v1/namespaces/dlws-system/deployments/dlworkspace-operator";

class Removal : public E2e {
  protected:
    std::string NamespacePath() const { return "/api/v1/namespaces/" + ns_; }
    void DeleteNamespaceAndWait(int seconds) {
        ASSERT_TRUE(api().Delete(NamespacePath()).ok());
        WaitUntil(
            "the namespace is gone", [&] { return api().Get(NamespacePath()).code == 404; },
            seconds);
    }
};

TEST_F(Removal, OfANamespaceWith100RunningJobs) {
    MustShell("script/cluster up --nodes 4", Seconds(300));
    constexpr int kJobs = 100;
    for (int i = 0; i < kJobs; ++i)
        Submit(Job(fmt::format("many-{}", i), R"(
command: [sleep, '600']
podOverrides:
  nodeSelector: {type: kwok}
  tolerations: [{key: kwok.x-k8s.io/node, operator: Exists}])"));
    WaitUntil("all of them run", [&] {
        Reply jobs = api().Get(JobPath(""));
        int running = 0;
        for (const Json& job : List(jobs.body, "items"))
            running += Text(job, "status/phase") == "Running";
        return running == kJobs;
    });
    const auto began = std::chrono::steady_clock::now();
    DeleteNamespaceAndWait(90);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    PrintFigure("namespace_of_100_jobs_removed_seconds", took.count(), "s", "<= 60");
    for (const auto& [pod, times] : cluster().PodCreates(audit_, ns_))
        EXPECT_EQ(times, 1) << pod;
}

TEST_F(Removal, DoesNotWaitForAnOperatorThatIsNotThere) {
    Submit(Job("orphan", "command: [sleep, '600']\nroles: [{name: worker, replicas: 2}]"));
    Submit(Job("other", "command: [sleep, '600']"));
    WaitForPhase("orphan", "Running");
    WaitForPhase("other", "Running");
    ASSERT_TRUE(api().Patch(kDeployment, FromYaml("{spec: {replicas: 0}}")).ok());
    WaitUntil("no operator runs", [&] { return cluster().OperatorPods().empty(); });

    ASSERT_TRUE(api().Delete(JobPath("orphan")).ok());
    WaitUntil("the job and its pods are gone",
              [&] { return api().Get(JobPath("orphan")).code == 404 && Pods("orphan").empty(); });
    DeleteNamespaceAndWait(60);
    ASSERT_TRUE(api().Patch(kDeployment, FromYaml("{spec: {replicas: 2}}")).ok());
    cluster().WaitForOperator();
}

}  // namespace
}  // namespace dlws::e2e

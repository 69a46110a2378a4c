// SPDX-License-Identifier: Apache-2.0
// What people know of Kubeflow's training operator, under the names it has there: runPolicy and
// elasticPolicy of kubeflow.org/v1, https://www.kubeflow.org/docs/components/trainer/legacy-v1/.
#include <fmt/format.h>

#include <thread>

#include "test/e2e/fixture.h"

namespace dlws::e2e {
namespace {

using ::testing::HasSubstr;

// One pod ends well, which is the job's success; the other would run on.
constexpr const char* kOneRunsOn = R"(
command: [bash, -c, '[ $DLWS_INDEX = 0 ] || exec sleep 600']
roles: [{name: worker, replicas: 2}]
success: {policy: RankZero}
)";

class Kubeflow : public E2e {
  protected:
    std::string PhaseOf(const std::string& pod) { return Text(Pod(pod), "status/phase"); }
    std::string Kubectl(const std::string& line) {
        return Shell("script/cluster kubectl -n " + ns_ + " " + line).text;
    }
    int Running(const std::string& job) {
        int n = 0;
        for (const Json& pod : Pods(job))
            n += Text(pod, "status/phase") == "Running" &&
                 Text(pod, "metadata/deletionTimestamp").empty();
        return n;
    }
};

TEST_F(Kubeflow, CleanPodPolicyAllDeletesEveryPod) {
    Submit(Job("tidy", std::string(kOneRunsOn) + "cleanupPods: All"));
    WaitForPhase("tidy", "Succeeded");
    WaitUntil("no pod is left", [&] { return Pods("tidy").empty(); }, 20);
}

TEST_F(Kubeflow, CleanPodPolicyRunningKeepsWhatHasEnded) {
    Submit(Job("kept", std::string(kOneRunsOn) + "cleanupPods: Running"));
    WaitForPhase("kept", "Succeeded");
    WaitUntil("the pod that ran is gone", [&] { return PhaseOf("kept-worker-1-0").empty(); }, 20);
    EXPECT_EQ(PhaseOf("kept-worker-0-0"), "Succeeded");
}

TEST_F(Kubeflow, CleanPodPolicyNoneLetsThemRunUntilStop) {
    Submit(Job("server", std::string(kOneRunsOn) + "cleanupPods: None"));
    WaitForPhase("server", "Succeeded");
    std::this_thread::sleep_for(std::chrono::seconds(2));
    EXPECT_EQ(PhaseOf("server-worker-1-0"), "Running");
    PatchSpec("server", "{stop: true}");
    WaitUntil("nothing runs any more", [&] { return Running("server") == 0; }, 20);
    EXPECT_EQ(Text(WaitForPhase("server", "Succeeded"), "status/phase"), "Succeeded")
        << "finished once and for ever";
}

TEST_F(Kubeflow, ElasticPolicyFollowsKubectlScaleWithoutARestart) {
    Submit(Job("rubber", R"(
command: [sleep, '600']
roles: [{name: chief}, {name: worker}]
elastic: {role: worker, replicas: 1, minReplicas: 1, maxReplicas: 3})"));
    WaitForPhase("rubber", "Running");
    const std::string chief = Text(Pod("rubber-chief-0-0"), "metadata/uid");

    EXPECT_THAT(Kubectl("scale dljob rubber --replicas 3"), HasSubstr("scaled"));
    Json job = WaitForJob("rubber", "running with four pods", [](const Json& j) {
        return Text(j, "status/ready") == "4/4" && Text(j, "status/elastic/replicas") == "3";
    });
    EXPECT_EQ(Text(job, "status/phase"), "Running");
    EXPECT_EQ(Text(job, "status/elastic/selector"),
              "dlworkspace.io/job=rubber,dlworkspace.io/role=worker");

    EXPECT_THAT(Kubectl("scale dljob rubber --replicas 4"), HasSubstr("maxReplicas"));
    EXPECT_THAT(Kubectl("scale dljob rubber --replicas 2"), HasSubstr("scaled"));
    WaitUntil("three pods are left", [&] { return Pods("rubber").size() == 3; });
    EXPECT_EQ(PhaseOf("rubber-worker-2-0"), "") << "the one with the highest index goes";
    job = WaitForJob("rubber", "running with three pods",
                     [](const Json& j) { return Text(j, "status/ready") == "3/3"; });
    EXPECT_EQ(Text(job, "status/attempt"), "0");
    EXPECT_EQ(Text(Pod("rubber-chief-0-0"), "metadata/uid"), chief);
}

}  // namespace
}  // namespace dlws::e2e

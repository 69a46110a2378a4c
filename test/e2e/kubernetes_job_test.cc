// SPDX-License-Identifier: Apache-2.0
// What people know of Kubernetes' own Job, under the names it has there: batch/v1 JobSpec,
// https://kubernetes.io/docs/concepts/workloads/controllers/job/.
#include <thread>

#include "test/e2e/fixture.h"

namespace dlws::e2e {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class KubernetesJob : public E2e {};

TEST_F(KubernetesJob, ActiveDeadlineSecondsFailsTheJobAfterAWarning) {
    Submit(Job("late", "command: [sleep, '600']\nactiveDeadlineSeconds: 10"));
    Json job = WaitForPhase("late", "Failed");
    EXPECT_EQ(Text(job, "status/failure/reason"), "DeadlineExceeded");
    EXPECT_THAT(Text(job, "status/message"), HasSubstr("held its pods for 10 s"));
    Json warning;
    WaitUntil("there is an event DeadlineNear", [&] {
        for (const Json& event : Events())
            if (Text(event, "reason") == "DeadlineNear") warning = event;
        return !warning.is_null();
    });
    EXPECT_EQ(Text(warning, "type"), "Warning");
    EXPECT_EQ(Text(warning, "involvedObject/name"), "late");
    EXPECT_THAT(Text(warning, "message"), HasSubstr("activeDeadlineSeconds"));
    for (const Json& pod : Pods("late"))
        EXPECT_NE(Text(pod, "status/phase"), "Running");
}

TEST_F(KubernetesJob, ActiveDeadlineSecondsDoesNotCountSuspendedTime) {
    Submit(Job("rests", R"(
command: [bash, -c, '[ $DLWS_ATTEMPT = 1 ] || exec sleep 600']
activeDeadlineSeconds: 7)"));
    WaitForPhase("rests", "Running");
    PatchSpec("rests", "{suspend: true}");
    WaitForPhase("rests", "Suspended");
    std::this_thread::sleep_for(std::chrono::seconds(8));
    PatchSpec("rests", "{suspend: false}");
    WaitForPhase("rests", "Succeeded");
}

TEST_F(KubernetesJob, TtlSecondsAfterFinishedDeletesTheJobAndItsPods) {
    Submit(Job("shortlived", "command: ['true']\nttlSecondsAfterFinished: 3"));
    Json job = WaitForPhase("shortlived", "Succeeded");
    EXPECT_EQ(Pods("shortlived").size(), 1u) << "for three seconds everything stays";
    WaitUntil(
        "the job and its pod are gone",
        [&] { return api().Get(JobPath("shortlived")).code == 404 && Pods("shortlived").empty(); },
        20);
}

TEST_F(KubernetesJob, BackoffLimitEndsTheRetries) {
    Submit(Job("hopeless", "command: [bash, -c, 'echo no way; exit 3']\nretry: {limit: 1}"));
    Json job = WaitForPhase("hopeless", "Failed");
    EXPECT_EQ(Text(job, "status/restarts/user"), "1");
    EXPECT_EQ(List(job, "status/attempts").size(), 2u);
    EXPECT_EQ(Text(job, "status/message"),
              "Pod hopeless-worker-0-1 ended with exit code 3: no way. It was restarted 1 times, "
              "which is retry.limit.");
    EXPECT_THAT(
        cluster().PodCreates(audit_, ns_),
        UnorderedElementsAre(Pair("hopeless-worker-0-0", 1), Pair("hopeless-worker-0-1", 1)));
}

// A Job makes a failed pod anew and leaves the others alone; here that is a choice.
TEST_F(KubernetesJob, PodReplacementLeavesTheOthersRunning) {
    Submit(Job("replaced", R"(
command: [bash, -c, '[ $DLWS_INDEX$DLWS_ATTEMPT = 10 ] || exec sleep 600; sleep 2; exit 3']
roles: [{name: worker, replicas: 2}]
retry: {limit: 1, scope: Pod})"));
    WaitUntil("the first pod is there",
              [&] { return Text(Pod("replaced-worker-0-0"), "metadata/uid") != ""; });
    const std::string first = Text(Pod("replaced-worker-0-0"), "metadata/uid");
    Json job = WaitForJob("replaced", "running after a restart", [](const Json& j) {
        return Text(j, "status/restarts/user") == "1" && Text(j, "status/phase") == "Running";
    });
    EXPECT_EQ(Text(job, "status/ready"), "2/2");
    EXPECT_EQ(Text(job, "status/attempts/0/failure/pod"), "replaced-worker-1-0");
    EXPECT_EQ(Text(Pod("replaced-worker-0-0"), "metadata/uid"), first);
    EXPECT_EQ(Text(Pod("replaced-worker-0-0"), "status/phase"), "Running");
    EXPECT_THAT(cluster().PodCreates(audit_, ns_),
                UnorderedElementsAre(Pair("replaced-worker-0-0", 1), Pair("replaced-worker-1-0", 1),
                                     Pair("replaced-worker-1-1", 1)));
}

TEST_F(KubernetesJob, PodFailurePolicyFailJobForgoesTheRetries) {
    Submit(Job("final", R"(
command: [bash, -c, exit 42]
roles: [{name: worker, exitCodes: [{codes: '40-42', action: Fail}]}]
retry: {limit: 5})"));
    Json job = WaitForPhase("final", "Failed");
    EXPECT_EQ(Text(job, "status/failure/exitCode"), "42");
    EXPECT_THAT(cluster().PodCreates(audit_, ns_), ElementsAre(Pair("final-worker-0-0", 1)));
}

TEST_F(KubernetesJob, PodFailurePolicyIgnoreDoesNotCountTowardsTheBackoffLimit) {
    Submit(Job("excused", R"(
command: [bash, -c, '[ $DLWS_ATTEMPT = 1 ] || exit 41']
roles: [{name: worker, exitCodes: [{codes: '41', action: Retry}]}])"));
    Json job = WaitForPhase("excused", "Succeeded");
    EXPECT_EQ(Text(job, "status/attempt"), "1");
    EXPECT_EQ(Number(job, "status/restarts/user"), 0);
    EXPECT_EQ(Text(job, "status/restarts/infrastructure"), "1");
    EXPECT_EQ(Text(job, "status/attempts/0/failure/cause"), "Infrastructure");
}

// One step beyond Kubernetes: a code that is no failure at all.
TEST_F(KubernetesJob, ExitCodeThatCountsAsSuccess) {
    Submit(Job("fine", R"(
command: [bash, -c, 'exit $((DLWS_INDEX * 3))']
roles: [{name: worker, replicas: 2, exitCodes: [{codes: '3', action: Ignore}]}])"));
    Json job = WaitForPhase("fine", "Succeeded");
    EXPECT_EQ(Text(job, "status/attempt"), "0");
}

TEST_F(KubernetesJob, OutOfMemoryIsAFaultOfTheJob) {
    Submit(Job("greedy", R"(
command: [bash, -c, '[ $DLWS_ATTEMPT = 1 ] || exec tail /dev/zero']
roles: [{name: worker, resources: {memory: 32Mi}}]
retry: {limit: 1})"));
    Json job = WaitForPhase("greedy", "Succeeded");
    EXPECT_EQ(Text(job, "status/attempts/0/failure/reason"), "OutOfMemory");
    EXPECT_EQ(Text(job, "status/attempts/0/failure/cause"), "User");
    EXPECT_EQ(Text(job, "status/restarts/user"), "1");
}

TEST_F(KubernetesJob, SuccessPolicyOfIndexZeroEndsTheOthers) {
    Submit(Job("leader", R"(
command: [bash, -c, '[ $DLWS_INDEX = 0 ] || exec sleep 600; sleep 1']
roles: [{name: worker, replicas: 2}]
success: {policy: RankZero})"));
    Json job = WaitForPhase("leader", "Succeeded");
    EXPECT_EQ(Text(job, "status/message"), "The job's success policy is met.");
    for (const Json& pod : Pods("leader"))
        EXPECT_NE(Text(pod, "status/phase"), "Running") << Text(pod, "metadata/name");
}

// The same field in JobSet and Kubeflow (runPolicy.managedBy): MultiKueue hands a job on with it.
TEST_F(KubernetesJob, ManagedBySomebodyElseIsLeftAlone) {
    Submit(Job("theirs", "command: ['true']\nmanagedBy: example.org/dispatcher"));
    Submit(Job("ours", "command: ['true']\nmanagedBy: dlworkspace.io/operator"));
    WaitForPhase("ours", "Succeeded");
    EXPECT_TRUE(Pods("theirs").empty());
    EXPECT_EQ(Text(api().Get(JobPath("theirs")).body, "status"), "");
    for (const Audited& w : cluster().Writes(audit_, ns_))
        EXPECT_THAT(w.name, ::testing::Not(HasSubstr("theirs"))) << w.ToString();
}

}  // namespace
}  // namespace dlws::e2e

// SPDX-License-Identifier: Apache-2.0
// What people know of JobSet, under the names it has there: jobset.x-k8s.io/v1alpha2,
// https://jobset.sigs.k8s.io/docs/concepts/.
#include "test/e2e/fixture.h"

namespace dlws::e2e {
namespace {

class JobSet : public E2e {
  protected:
    // RFC 3339 times in UTC sort as text.
    std::string CreatedAt(const std::string& pod) {
        return Text(Pod(pod), "metadata/creationTimestamp");
    }
};

TEST_F(JobSet, SuccessPolicyAnyEndsTheOthers) {
    Submit(Job("first", R"(
command: [bash, -c, '[ $DLWS_INDEX = 1 ] || exec sleep 600; sleep 1']
roles: [{name: worker, replicas: 3}]
success: {policy: Any})"));
    WaitForPhase("first", "Succeeded");
    for (const Json& pod : Pods("first"))
        EXPECT_NE(Text(pod, "status/phase"), "Running") << Text(pod, "metadata/name");
    EXPECT_EQ(Text(Pod("first-worker-1-0"), "status/phase"), "Succeeded") << "its log stays";
}

TEST_F(JobSet, SuccessPolicyOfTargetReplicatedJobs) {
    Submit(Job("driven", R"(
roles:
- {name: server, command: [sleep, '600']}
- {name: driver, replicas: 2, command: [sleep, '1']}
success: {role: driver, policy: All})"));
    WaitForPhase("driven", "Succeeded");
    EXPECT_NE(Text(Pod("driven-server-0-0"), "status/phase"), "Running");
    EXPECT_EQ(Text(Pod("driven-driver-1-0"), "status/phase"), "Succeeded");
}

TEST_F(JobSet, DependsOnReady) {
    Submit(Job("ordered", R"(
roles:
- {name: server, replicas: 2}
- {name: worker, startAfter: [{role: server}]}
command: [sleep, '600'])"));
    WaitForPhase("ordered", "Running");
    for (const char* name : {"ordered-server-0-0", "ordered-server-1-0"}) {
        Json pod = Pod(name);
        std::string started = Text(pod, "status/containerStatuses/0/state/running/startedAt");
        EXPECT_NE(started, "");
        EXPECT_GE(CreatedAt("ordered-worker-0-0"), started);
    }
}

TEST_F(JobSet, DependsOnReadyHoldsBackWhatDependsOnAServerThatIsNotReady) {
    Submit(Job("held", R"(
roles:
- {name: server, command: [sleep, '600'], env: [{name: T, valueFrom: {secretKeyRef: {name: t, key: k}}}]}
- {name: worker, command: [sleep, '1'], startAfter: [{role: server}]}
success: {role: worker})"));
    WaitForPending("held", "ContainerConfig");
    EXPECT_EQ(Pods("held").size(), 1u);
    Submit("{apiVersion: v1, kind: Secret, metadata: {name: t}, stringData: {k: v}}");
    WaitForPhase("held", "Succeeded", 90);
}

TEST_F(JobSet, DependsOnComplete) {
    Submit(Job("prepared", R"(
roles:
- {name: prepare, replicas: 2, command: [sleep, '1']}
- {name: train, command: ['true'], startAfter: [{role: prepare, when: Succeeded}]})"));
    WaitForPhase("prepared", "Succeeded");
    for (const char* name : {"prepared-prepare-0-0", "prepared-prepare-1-0"}) {
        Json pod = Pod(name);
        EXPECT_EQ(Text(pod, "status/phase"), "Succeeded");
        EXPECT_GE(CreatedAt("prepared-train-0-0"),
                  Text(pod, "status/containerStatuses/0/state/terminated/finishedAt"));
    }
}

// failurePolicy: a rule may restart the whole set without counting (maxRestarts is 0 here).
TEST_F(JobSet, RestartJobSetAndIgnoreMaxRestarts) {
    Submit(Job("whole", R"(
command: [bash, -c, 'if [ $DLWS_ATTEMPT = 1 ]; then exit 0; fi; [ $DLWS_INDEX = 1 ] || exec sleep 600; exit 17']
roles: [{name: worker, replicas: 2, exitCodes: [{codes: '17', action: Retry}]}])"));
    Json job = WaitForPhase("whole", "Succeeded");
    EXPECT_EQ(Text(job, "status/attempts/0/failure/pod"), "whole-worker-1-0");
    EXPECT_EQ(cluster().PodCreates(audit_, ns_).size(), 4u) << "both pods start anew";
}

}  // namespace
}  // namespace dlws::e2e

// SPDX-License-Identifier: Apache-2.0
// How a job says that it failed: one sentence with the pod's name and what happened to it.
#include <fmt/format.h>

#include "test/e2e/fixture.h"

namespace dlws::e2e {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class Failure : public E2e {
  protected:
    // The failed job, after what every failure has in common was checked.
    Json WaitForFailure(const std::string& name, const std::string& reason) {
        Json job = WaitForPhase(name, "Failed");
        EXPECT_EQ(Condition(job, "Finished"), "True");
        EXPECT_EQ(Text(job, "status/failure/reason"), reason) << Text(job, "status");
        EXPECT_EQ(Text(job, "status/message"), Text(job, "status/failure/message"));
        for (const Json& pod : Pods(name))
            EXPECT_NE(Text(pod, "status/phase"), "Running") << Text(pod, "metadata/name");
        return job;
    }
};

TEST_F(Failure, CommandThatExits3) {
    // The second pod fails, and the first, which would run on, is ended with it.
    Submit(Job("three", R"(
command: [bash, -c, '[ $DLWS_INDEX = 0 ] && exec sleep 600; echo the disk is full; exit 3']
roles: [{name: worker, replicas: 2}])"));
    Json job = WaitForFailure("three", "ExitCode");
    EXPECT_EQ(Text(job, "status/failure/pod"), "three-worker-1-0");
    EXPECT_EQ(Text(job, "status/failure/exitCode"), "3");
    EXPECT_THAT(Text(job, "status/failure/node"), HasSubstr("dlws-node-"));
    EXPECT_EQ(Text(job, "status/message"),
              "Pod three-worker-1-0 ended with exit code 3: the disk is full.");
}

TEST_F(Failure, ContainerKilledForItsMemory) {
    Submit(Job("hungry", R"(
command: [tail, /dev/zero]
roles: [{name: worker, resources: {memory: 32Mi}}])"));
    Json job = WaitForFailure("hungry", "OutOfMemory");
    EXPECT_THAT(Text(job, "status/message"),
                HasSubstr("Pod hungry-worker-0-0 was killed because it used more memory than its "
                          "limit (exit code 137)"));
}

TEST_F(Failure, CommandThatIsNotInTheImage) {
    Submit(Job("typo", "command: [pyhton3, train.py]"));
    Json job = WaitForFailure("typo", "CannotStart");
    EXPECT_THAT(Text(job, "status/message"), HasSubstr("Pod typo-worker-0-0 could not start"));
    EXPECT_THAT(Text(job, "status/message"), HasSubstr("pyhton3"));
}

TEST_F(Failure, CommandEndedByASignal) {
    // By the convention of shells; a first process of a container cannot signal itself to death.
    Submit(Job("signal", "command: [bash, -c, exit 139]"));
    Json job = WaitForFailure("signal", "Signal");
    EXPECT_EQ(Text(job, "status/failure/signal"), "11");
    EXPECT_THAT(Text(job, "status/message"), HasSubstr("ended by signal 11 (exit code 139)"));
}

TEST_F(Failure, PodThatSomebodyDeletes) {
    Submit(Job("victim", R"(
command: [sleep, '600']
roles: [{name: worker, replicas: 2}]
retry: {infrastructureLimit: 0})"));
    WaitForPhase("victim", "Running");
    DeletePod("victim-worker-1-0");
    Json job = WaitForFailure("victim", "PodDeleted");
    EXPECT_EQ(Text(job, "status/failure/pod"), "victim-worker-1-0");
    EXPECT_EQ(Text(job, "status/message"),
              "Pod victim-worker-1-0 was deleted by somebody while the job ran. It was restarted 0 "
              "times, which is retry.infrastructureLimit.");
}

// By itself the whole gang starts anew: somebody's kubectl delete is no fault of the job.
TEST_F(Failure, PodThatSomebodyDeletesIsMadeAnewWithItsGang) {
    Submit(Job("healed", R"(
command: [sleep, '600']
roles: [{name: worker, replicas: 2}]
podOverrides: {terminationGracePeriodSeconds: 1})"));
    WaitForPhase("healed", "Running");
    DeletePod("healed-worker-1-0");
    Json job = WaitForJob("healed", "attempt 1 runs", [](const Json& j) {
        return Text(j, "status/attempt") == "1" && Text(j, "status/phase") == "Running";
    });
    EXPECT_EQ(Text(job, "status/restarts/infrastructure"), "1");
    EXPECT_EQ(Text(job, "status/ready"), "2/2");
    EXPECT_THAT(cluster().PodCreates(audit_, ns_),
                ::testing::UnorderedElementsAre(::testing::Pair("healed-worker-0-0", 1),
                                                ::testing::Pair("healed-worker-1-0", 1),
                                                ::testing::Pair("healed-worker-0-1", 1),
                                                ::testing::Pair("healed-worker-1-1", 1)));
}

TEST_F(Failure, FailingRankRestartsTheGangUntilItSucceeds) {
    Submit(Job("again", R"(
command: [sh, -c, 'if [ "$DLWS_INDEX$DLWS_ATTEMPT" = 10 ]; then sleep 1; exit 3; fi; sleep 3']
roles: [{name: worker, replicas: 2}]
retry: {limit: 1}
podOverrides: {terminationGracePeriodSeconds: 1})"));
    Json job = WaitForPhase("again", "Succeeded");
    EXPECT_EQ(Text(job, "status/attempt"), "1");
    EXPECT_EQ(Text(job, "status/restarts/user"), "1");
    EXPECT_EQ(Text(job, "status/failure/reason"), "");
    EXPECT_EQ(Text(job, "status/attempts/0/failure/pod"), "again-worker-1-0");
    EXPECT_EQ(Text(job, "status/attempts/0/failure/exitCode"), "3");
}

// Not final: the image may appear. The sentence says which pod and which image.
TEST_F(Failure, ImageThatDoesNotExist) {
    Submit(Job("noimage", "image: dlworkspace.io/no-such-image:7\ncommand: ['true']"));
    Json job = WaitForPending("noimage", "ImageCannotBePulled", 90);
    EXPECT_EQ(Text(job, "status/pending/class"), "Change");
    EXPECT_THAT(Text(job, "status/message"), HasSubstr("Pod noimage-worker-0-0 cannot start"));
    EXPECT_THAT(Text(job, "status/message"), HasSubstr("dlworkspace.io/no-such-image:7"));
    EXPECT_EQ(Condition(job, "Finished"), "False");
}

// Final: no node can ever read such a name.
TEST_F(Failure, ImageNameThatCannotBeRead) {
    Submit(Job("badname", "image: 'dlworkspace.io/UPPER/image::1'\ncommand: ['true']"));
    Json job = WaitForFailure("badname", "ImageNameInvalid");
    EXPECT_THAT(Text(job, "status/message"), HasSubstr("Pod badname-worker-0-0"));
}

}  // namespace
}  // namespace dlws::e2e

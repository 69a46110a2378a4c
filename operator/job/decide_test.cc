// SPDX-License-Identifier: Apache-2.0
#include "operator/job/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/reason.h"
#include "operator/job/testing.h"

namespace dlws::job {
namespace {

using namespace testing;
using model::Phase;
using model::PodPhase;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A world whose gang was launched and whose status is what the operator would have published.
World Launched(std::vector<model::PodView> pods, int replicas = 2) {
    World world = WorldOf(Job(replicas));
    world.service_exists = replicas > 1;
    world.job.status = Published(world, Decide(world));
    world.pods = std::move(pods);
    return world;
}

TEST(Decide, NewJobGetsServiceThenPodsThenStatus) {
    World world = WorldOf(Job(3));
    Decision d = Decide(world);
    ASSERT_THAT(d.writes, SizeIs(4));
    EXPECT_TRUE(std::holds_alternative<CreateService>(d.writes[0]));
    EXPECT_TRUE(std::holds_alternative<CreateFences>(d.writes[1]));
    ASSERT_TRUE(std::holds_alternative<CreatePods>(d.writes[2]));
    EXPECT_THAT(std::get<CreatePods>(d.writes[2]).slots, SizeIs(3));
    auto status = Published(world, d);
    EXPECT_EQ(status.phase, Phase::Starting);
    EXPECT_EQ(status.launchedAttempt, 0);
    EXPECT_EQ(status.ready, "0/3");
    EXPECT_EQ(status.gpus, 3);
    EXPECT_EQ(status.observedGeneration, 1);
}

TEST(Decide, OnePodJobCostsItsFenceItsPodAndOneStatus) {
    World world = WorldOf(Job(1));
    Decision d = Decide(world);
    ASSERT_THAT(d.writes, SizeIs(3));
    EXPECT_TRUE(std::holds_alternative<CreateFences>(d.writes[0]));
    EXPECT_TRUE(std::holds_alternative<CreatePods>(d.writes[1]));
    EXPECT_TRUE(std::holds_alternative<Publish>(d.writes[2]));
}

TEST(Decide, FilesBecomeAConfigMapBeforeThePods) {
    World world = WorldOf(Job(1));
    world.job.spec.files = {{.name = "train.py", .content = "print(1)"}};
    Decision d = Decide(world);
    ASSERT_THAT(d.writes, SizeIs(4));
    EXPECT_TRUE(std::holds_alternative<CreateFiles>(d.writes[0]));
}

World Mpi(std::vector<model::PodView> pods) {
    World world = WorldOf(Job(2));
    world.job.spec.framework = model::Framework::MPI;
    world.job.spec.roles.insert(world.job.spec.roles.begin(), {.name = "launcher"});
    world.job.spec.success.role = "launcher";  // as ParseDLJob sets it
    world.service_exists = true;
    world.job.status = Published(world, Decide(world));
    world.pods = std::move(pods);
    return world;
}

TEST(Decide, KeysOfAnMpiJobComeAfterItsFilesAndBeforeItsPods) {
    World world = Mpi({});
    world.job.status = {};
    Decision d = Decide(world);
    ASSERT_THAT(d.writes, SizeIs(5));
    EXPECT_TRUE(std::holds_alternative<CreateFiles>(d.writes[0]));
    EXPECT_TRUE(std::holds_alternative<CreateSshKeys>(d.writes[1]));
    EXPECT_TRUE(std::holds_alternative<CreateFences>(d.writes[2]));
    EXPECT_TRUE(std::holds_alternative<CreatePods>(d.writes[3]));
}

// Kubeflow's MPIJob: the launcher's end is the job's; workers wait for ever and are ended.
TEST(Decide, TheLaunchersSuccessEndsAnMpiJobAndItsWorkers) {
    World world =
        Mpi({Pod("launcher", 0, 0, PodPhase::Succeeded), Pod("worker", 0, 0, PodPhase::Running),
             Pod("worker", 1, 0, PodPhase::Running)});
    Decision d = Decide(world);
    EXPECT_EQ(Published(world, d).phase, Phase::Stopping);
    ASSERT_TRUE(Find<DeletePods>(d));
    EXPECT_THAT(Find<DeletePods>(d)->pods, SizeIs(2));
    world.job.status = Published(world, d);
    world.pods = {Pod("launcher", 0, 0, PodPhase::Succeeded),
                  PodThatFailed("worker", 0, 0, 137)};  // killed as it was ended: no failure
    world.closed_fences = {"digits-attempt-0"};
    d = Decide(world);
    EXPECT_EQ(Published(world, d).phase, Phase::Succeeded);
    EXPECT_EQ(Published(world, d).message, "Every pod of role launcher ended with exit code 0.");
}

TEST(Decide, AFailedWorkerFailsAnMpiJob) {
    World world = Mpi({Pod("launcher", 0, 0, PodPhase::Running), PodThatFailed("worker", 0, 0, 255),
                       Pod("worker", 1, 0, PodPhase::Running)});
    EXPECT_EQ(Published(world, Decide(world)).failure->pod, "digits-worker-0-0");
}

TEST(Decide, ACircleInStartAfterIsTheUsersToChange) {
    World world = WorldOf(Job(1));
    world.job.spec.roles.push_back({.name = "server", .startAfter = {{"worker"}}});
    world.job.spec.roles[0].startAfter = {{"server"}};
    Decision d = Decide(world);
    ASSERT_THAT(d.writes, SizeIs(1)) << "nothing is made";
    auto status = Published(world, d);
    ASSERT_TRUE(status.pending);
    EXPECT_EQ(status.pending->cls, model::ReasonClass::Change);
    EXPECT_EQ(status.pending->reason, model::reason::kSpecInvalid.name);
    EXPECT_THAT(status.message, HasSubstr("Roles worker, server wait for one another in a circle"));
}

TEST(Decide, CreatesOnlyWhatIsMissing) {
    World world = WorldOf(Job(3));
    world.service_exists = true;
    world.pods = {Pod("worker", 1, 0)};
    Decision d = Decide(world);
    const auto* create = Find<CreatePods>(d);
    ASSERT_TRUE(create);
    EXPECT_THAT(create->slots, ::testing::ElementsAre(Slot{0, 0}, Slot{0, 2}));
    EXPECT_FALSE(Find<CreateService>(d));
}

TEST(Decide, WritesNothingWhenNothingChanged) {
    World world = Settled(Launched({Pod("worker", 0, 0), Pod("worker", 1, 0)}));
    world.now = At(100);
    EXPECT_THAT(Decide(world).writes, IsEmpty());
}

TEST(Decide, RunningWhenEveryPodRuns) {
    World world =
        Launched({Pod("worker", 0, 0, PodPhase::Running), Pod("worker", 1, 0, PodPhase::Running)});
    auto status = Published(world, Decide(world));
    EXPECT_EQ(status.phase, Phase::Running);
    EXPECT_EQ(status.ready, "2/2");
    EXPECT_TRUE(status.startTime);
    EXPECT_TRUE(model::IsTrue(status.conditions, model::kConditionRunning));
    EXPECT_FALSE(status.pending);
}

TEST(Decide, ALostStorageIsToldAndItsReturnToo) {
    World world = Settled(Launched({Pod("worker", 0, 0, PodPhase::Running)}, 1));
    world.storage_trouble = "Storage work is Hung on node n1, where pod digits-worker-0-0 runs.";
    const Decision lost = Decide(world);
    world.job.status = Published(world, lost);
    EXPECT_TRUE(model::IsTrue(world.job.status.conditions, model::kConditionStorageLost));
    EXPECT_EQ(world.job.status.phase, Phase::Running) << "it may still come back";
    const auto* publish = std::get_if<Publish>(&lost.writes.back());
    ASSERT_TRUE(publish);
    ASSERT_THAT(publish->events, SizeIs(1));
    EXPECT_EQ(publish->events[0].note, world.storage_trouble);
    EXPECT_THAT(Decide(world).writes, IsEmpty()) << "once";
    world.storage_trouble.clear();
    world.job.status = Published(world, Decide(world));
    EXPECT_FALSE(model::IsTrue(world.job.status.conditions, model::kConditionStorageLost));
    EXPECT_THAT(Decide(world).writes, IsEmpty());
}

TEST(Decide, AGangWhoseStorageWasMountedAnewIsRestartedByTheCluster) {
    World world = Settled(
        Launched({Pod("worker", 0, 0, PodPhase::Running), Pod("worker", 1, 0, PodPhase::Running)}));
    world.stale_pods["digits-worker-1-0"] = "Pod digits-worker-1-0 does not reach it any more.";
    world.pods_listed = true;
    world.job.status = Published(world, Decide(world));
    ASSERT_THAT(world.job.status.attempts, SizeIs(1));
    const model::Failure& failure = world.job.status.attempts[0].failure;
    EXPECT_EQ(failure.reason, "StorageRemounted");
    EXPECT_EQ(failure.cause, model::Cause::Infrastructure);
    EXPECT_EQ(failure.message, "Pod digits-worker-1-0 does not reach it any more.");
    EXPECT_EQ(world.job.status.phase, Phase::Restarting);
    EXPECT_THAT(world.job.status.avoidedNodes, IsEmpty()) << "the node is well again";
}

TEST(Decide, AFailureWaitsUntilItIsKnownWhetherAStorageIsToBlame) {
    World world = Settled(Launched({Pod("worker", 0, 0, PodPhase::Running)}, 1));
    world.job.spec.retry.limit = 0;
    world.pods = {PodThatFailed("worker", 0, 0, 7, At(10))};
    world.storage_checks["node-1"].at = At(10);
    world.now = At(11);
    world.pods_listed = true;
    world.closed_fences = {"digits-attempt-0"};
    // As if somebody had suspended it just now, too: that ends no job before its failure does.
    for (const bool suspend : {false, true}) {
        world.job.spec.suspend = suspend;
        const Decision waits = Decide(world);
        EXPECT_THAT(waits.writes, IsEmpty());
        EXPECT_EQ(waits.look_again, At(12));
    }
    world.job.spec.suspend = false;
    world.storage_checks["node-1"].at = At(11);
    EXPECT_EQ(Published(world, Decide(world)).failure->reason, "ExitCode");
    world.storage_checks["node-1"].losses = {
        {"Storage work is ReadOnly on node node-1", At(11), model::Time::max()}};
    const auto status = Published(world, Decide(world));
    EXPECT_FALSE(status.failure);
    ASSERT_THAT(status.attempts, SizeIs(1));
    EXPECT_EQ(status.attempts[0].failure.reason, "StorageFailed");
    EXPECT_EQ(status.restarts.infrastructure, 1);
    EXPECT_EQ(status.restarts.user, 0);
    EXPECT_THAT(status.avoidedNodes, IsEmpty()) << "its label keeps pods away, as long as it must";
}

TEST(Decide, AStoragesFailureExplainsThoseOfTheSameSecond) {
    World world = Settled(
        Launched({Pod("worker", 0, 0, PodPhase::Running), Pod("worker", 1, 0, PodPhase::Running)}));
    world.job.spec.retry.limit = 0;
    world.pods = {PodThatFailed("worker", 0, 0, 1, At(10)),
                  PodThatFailed("worker", 1, 0, 7, At(10))};
    world.pods[1].node = "node-2";
    world.now = At(11);
    world.pods_listed = true;
    world.closed_fences = {"digits-attempt-0"};
    world.storage_checks["node-1"].at = At(11);
    world.storage_checks["node-2"].at = At(10);
    EXPECT_THAT(Decide(world).writes, IsEmpty()) << "one of them is not judged yet";
    world.storage_checks["node-2"] = {
        .at = At(11), .losses = {{"Storage work is Missing", At(11), model::Time::max()}}};
    EXPECT_EQ(Published(world, Decide(world)).attempts.at(0).failure.reason, "StorageFailed");
    // What follows later changes nothing about the first.
    world.storage_checks["node-2"] = {.at = At(10), .losses = {}};
    world.pods[1].main.finishedAt = At(11);
    EXPECT_EQ(Published(world, Decide(world)).failure->pod, "digits-worker-0-0");
}

TEST(Decide, WhoWaitsForANodeIsToldWhichStorageKeepsIt) {
    auto pod = Pod("worker", 0, 0, PodPhase::Pending);
    pod.scheduled = {.status = "False", .reason = "Unschedulable", .message = "0/1 nodes"};
    World world = Settled(Launched({pod}, 1));
    world.storage_trouble = "Storage work is healthy on 0 of 1 nodes; n1: Hung.";
    const auto status = Published(world, Decide(world));
    EXPECT_THAT(status.message, HasSubstr("waits for a node: 0/1 nodes. Storage work is healthy"));
    world.job.status = status;
    EXPECT_THAT(Decide(world).writes, IsEmpty());
}

TEST(Decide, CountsAloneAreNotUrgent) {
    World world = Settled(Launched({Pod("worker", 0, 0), Pod("worker", 1, 0)}));
    world.pods[0] = Pod("worker", 0, 0, PodPhase::Running);
    Decision d = Decide(world);
    const auto* publish = Find<Publish>(d);
    ASSERT_TRUE(publish);
    EXPECT_FALSE(publish->urgent);
    world.pods[1] = Pod("worker", 1, 0, PodPhase::Running);
    d = Decide(world);
    ASSERT_TRUE(Find<Publish>(d));
    EXPECT_TRUE(Find<Publish>(d)->urgent);
}

TEST(Decide, SucceededIsFinished) {
    World world = Launched(
        {Pod("worker", 0, 0, PodPhase::Succeeded), Pod("worker", 1, 0, PodPhase::Succeeded)});
    // Somebody may delete these pods later: a creation that comes then must not run.
    EXPECT_THAT(Decide(world).close_fences, ElementsAre("digits-attempt-0"));
    world.closed_fences = {"digits-attempt-0"};
    auto status = Published(world, Decide(world));
    EXPECT_EQ(status.phase, Phase::Succeeded);
    EXPECT_TRUE(model::IsTrue(status.conditions, model::kConditionFinished));
    EXPECT_TRUE(status.finishTime);
}

TEST(Decide, AFailureIsRecordedBeforeAPodIsDeleted) {
    World world =
        Launched({PodThatFailed("worker", 0, 0, 3), Pod("worker", 1, 0, PodPhase::Running)});
    Decision d = Decide(world);
    ASSERT_THAT(d.writes, SizeIs(2));
    ASSERT_TRUE(std::holds_alternative<Publish>(d.writes[0]));
    ASSERT_TRUE(std::holds_alternative<DeletePods>(d.writes[1]));
    auto status = Published(world, d);
    EXPECT_EQ(status.phase, Phase::Stopping);
    EXPECT_FALSE(model::IsTrue(status.conditions, model::kConditionFinished));
    ASSERT_TRUE(status.failure);
    EXPECT_EQ(status.failure->exitCode, 3);
    EXPECT_THAT(status.message, HasSubstr("digits-worker-0-0 ended with exit code 3"));
    EXPECT_THAT(std::get<DeletePods>(d.writes[1]).pods, SizeIs(1));
}

TEST(Decide, TheFirstFailureIsToldAndStaysTheFirst) {
    World world = Launched(
        {PodThatFailed("worker", 0, 0, 1, At(9)), PodThatFailed("worker", 1, 0, 3, At(5))});
    world.closed_fences = {"digits-attempt-0"};
    world = Settled(std::move(world));
    EXPECT_EQ(world.job.status.phase, Phase::Failed);
    EXPECT_EQ(world.job.status.failure->index, 1);
    EXPECT_EQ(world.job.status.failure->exitCode, 3);
    EXPECT_THAT(Decide(world).writes, IsEmpty());
}

TEST(Decide, FailedOnlyWhenEveryPodHasEnded) {
    World world = Settled(
        Launched({PodThatFailed("worker", 0, 0, 3), Pod("worker", 1, 0, PodPhase::Running)}));
    world.pods[1].deleting = true;
    EXPECT_THAT(Decide(world).writes, IsEmpty());
    world.pods.pop_back();
    world.closed_fences = {"digits-attempt-0"};
    auto status = Published(world, Decide(world));
    EXPECT_EQ(status.phase, Phase::Failed);
    EXPECT_TRUE(model::IsTrue(status.conditions, model::kConditionFinished));
    EXPECT_EQ(status.message, "Pod digits-worker-0-0 ended with exit code 3.");
}

TEST(Decide, AMissingPodOfALaunchedGangIsAFailureNotACreate) {
    World world = Launched({Pod("worker", 0, 0, PodPhase::Running)});
    world.pods_listed = false;
    Decision d = Decide(world);
    EXPECT_THAT(d.writes, IsEmpty()) << "the cache may be behind: ask first";
    EXPECT_TRUE(d.list_pods);
    world.pods_listed = true;
    d = Decide(world);
    EXPECT_FALSE(Find<CreatePods>(d));
    auto status = Published(world, d);
    ASSERT_THAT(status.attempts, SizeIs(1));
    EXPECT_EQ(status.attempts[0].failure.reason, model::reason::kPodDeleted.name);
    EXPECT_EQ(status.attempts[0].failure.pod, "digits-worker-1-0");
    EXPECT_EQ(status.restarts.infrastructure, 1);
}

TEST(Decide, AFailureIsRecordedOnlyIfTheApiServerShowsIt) {
    World world =
        Launched({Pod("worker", 0, 0, PodPhase::Running), PodThatFailed("worker", 1, 0, 3)});
    world.pods_listed = false;
    Decision d = Decide(world);
    EXPECT_THAT(d.writes, IsEmpty()) << "the cache may show the pod that had the name before";
    EXPECT_TRUE(d.list_pods);
}

TEST(Decide, FinishedJobsOnlyLoseStrayPods) {
    World world = Launched(
        {Pod("worker", 0, 0, PodPhase::Succeeded), Pod("worker", 1, 0, PodPhase::Succeeded)});
    world.closed_fences = {"digits-attempt-0"};
    world = Settled(std::move(world));
    world.pods.push_back(Pod("worker", 0, 1, PodPhase::Pending));
    world.job.spec.stop = true;
    Decision d = Decide(world);
    ASSERT_THAT(d.writes, SizeIs(1));
    ASSERT_TRUE(Find<DeletePods>(d));
    EXPECT_EQ(Find<DeletePods>(d)->pods[0].name, "digits-worker-0-1");
}

TEST(Decide, SuspendSaysSoDeletesAllThenIsSuspended) {
    World world = Settled(
        Launched({Pod("worker", 0, 0, PodPhase::Running), Pod("worker", 1, 0, PodPhase::Running)}));
    world.job.spec.suspend = true;
    Decision d = Decide(world);
    ASSERT_THAT(d.writes, SizeIs(2));
    EXPECT_TRUE(std::holds_alternative<Publish>(d.writes[0]));
    EXPECT_THAT(Find<DeletePods>(d)->pods, SizeIs(2));
    world = Settled(std::move(world));
    // SIGTERM makes them fail: that is no failure of the job.
    world.pods = {PodThatFailed("worker", 0, 0, 143)};
    world.pods[0].deleting = true;
    EXPECT_FALSE(Published(world, Decide(world)).failure);
    world.pods.clear();
    world = Settled(std::move(world));
    EXPECT_EQ(world.job.status.phase, Phase::Suspended);
    EXPECT_EQ(world.job.status.ready, "0/2");
    EXPECT_THAT(Decide(world).writes, IsEmpty());
}

TEST(Decide, ResumeIsANewAttemptRecordedFirst) {
    World world = Settled(
        Launched({Pod("worker", 0, 0, PodPhase::Running), Pod("worker", 1, 0, PodPhase::Running)}));
    world.job.spec.suspend = true;
    world = Settled(std::move(world));
    world.job.spec.suspend = false;  // while the old pods still end
    for (auto& p : world.pods)
        p.deleting = true;
    world = Settled(std::move(world));
    EXPECT_EQ(world.job.status.attempt, 0) << "old pods still run";
    world.pods.clear();
    Decision d = Decide(world);
    EXPECT_THAT(d.writes, IsEmpty()) << "first the fence";
    ASSERT_THAT(d.close_fences, ElementsAre("digits-attempt-0"));
    world.closed_fences = d.close_fences;
    world = Settled(std::move(world));
    EXPECT_EQ(world.job.status.attempt, 1);
    d = Decide(world);
    ASSERT_TRUE(Find<CreatePods>(d));
    EXPECT_EQ(Find<CreatePods>(d)->attempt.pod, 1);
}

TEST(Decide, CreatedSuspendedStartsWithAttemptZero) {
    World world = WorldOf(Job());
    world.job.spec.suspend = true;
    world = Settled(std::move(world));
    EXPECT_EQ(world.job.status.phase, Phase::Suspended);
    world.job.spec.suspend = false;
    world = Settled(std::move(world));
    ASSERT_TRUE(Find<CreatePods>(Decide(world)));
    EXPECT_EQ(Find<CreatePods>(Decide(world))->attempt.pod, 0);
}

TEST(Decide, StopIsOneWayAndCountsNoFailure) {
    World world = Settled(
        Launched({Pod("worker", 0, 0, PodPhase::Running), Pod("worker", 1, 0, PodPhase::Running)}));
    world.job.spec.stop = true;
    world = Settled(std::move(world));
    EXPECT_EQ(world.job.status.phase, Phase::Stopping);
    world.pods = {PodThatFailed("worker", 0, 0, 143), PodThatFailed("worker", 1, 0, 137)};
    world.closed_fences = {"digits-attempt-0"};
    world = Settled(std::move(world));
    EXPECT_EQ(world.job.status.phase, Phase::Stopped);
    EXPECT_FALSE(world.job.status.failure);
}

TEST(Decide, WithoutDLClusterSomebodyMustAct) {
    World world = WorldOf(Job());
    world.cluster = nullptr;
    auto status = Published(world, Decide(world));
    EXPECT_EQ(status.phase, Phase::Queued);
    ASSERT_TRUE(status.pending);
    EXPECT_EQ(status.pending->cls, model::ReasonClass::Ask);
    EXPECT_THAT(status.message, HasSubstr("administrator"));
}

TEST(Decide, ARefusedWriteIsToldAndTriedAgain) {
    World world = WorldOf(Job());
    world.service_exists = true;
    world.problem = WriteProblem{model::ReasonClass::Ask, "QuotaExceeded", "exceeded quota"};
    Decision d = Decide(world);
    ASSERT_TRUE(std::holds_alternative<Publish>(d.writes[0]));
    EXPECT_EQ(std::get<Publish>(d.writes[0]).status.pending->reason, "QuotaExceeded");
    EXPECT_EQ(std::get<Publish>(d.writes[0]).status.launchedAttempt, std::nullopt);
    EXPECT_TRUE(Find<CreatePods>(d));
    // The second time the status says it already.
    world.job.status = std::get<Publish>(d.writes[0]).status;
    d = Decide(world);
    EXPECT_TRUE(std::holds_alternative<CreateFences>(d.writes[0]));
}

TEST(Decide, ImageProblemsWeighMoreThanWaitingForANode) {
    World world = Launched({Pod("worker", 0, 0), Pod("worker", 1, 0)});
    world.pods[0].scheduled = {"False", "Unschedulable", "0/1 nodes are available"};
    world.pods[1].main = {.state = model::ContainerView::Waiting,
                          .reason = "ImagePullBackOff",
                          .message = "not found"};
    auto status = Published(world, Decide(world));
    ASSERT_TRUE(status.pending);
    EXPECT_EQ(status.pending->cls, model::ReasonClass::Change);
    EXPECT_THAT(status.message, HasSubstr("digits-worker-1-0"));
}

TEST(Decide, ADeletedServiceOfARunningGangIsMadeAgain) {
    World world = Settled(
        Launched({Pod("worker", 0, 0, PodPhase::Running), Pod("worker", 1, 0, PodPhase::Running)}));
    EXPECT_THAT(Decide(world).writes, IsEmpty());
    world.service_exists = false;
    EXPECT_TRUE(Find<CreateService>(Decide(world)));
}

TEST(Decide, ADeletedJobIsLeftToTheGarbageCollector) {
    World world = WorldOf(Job());
    world.job.meta.deletionTimestamp = At(0);
    EXPECT_THAT(Decide(world).writes, IsEmpty());
}

TEST(Decide, NoEndIsSaidBeforeTheApiServerHasListedThePods) {
    World world = WorldOf(Job(2));
    world.pods_listed = false;
    world.job.spec.suspend = true;
    EXPECT_TRUE(Decide(world).list_pods);
    EXPECT_TRUE(Decide(world).writes.empty());
    world.pods_listed = true;
    EXPECT_EQ(Published(world, Decide(world)).phase, Phase::Suspended);
    world.job.spec.stop = true;
    EXPECT_THAT(Decide(world).close_fences, ElementsAre("digits-attempt-0"))
        << "which lists them, too";
    EXPECT_TRUE(Decide(world).writes.empty());
}

}  // namespace
}  // namespace dlws::job

// SPDX-License-Identifier: Apache-2.0
// Decide where a job starts anew, and the other turns of its life that first light did not have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/reason.h"
#include "operator/job/decide.h"
#include "operator/job/policy.h"
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

// A launched gang of two whose user allows so many restarts.
World Running(int limit) {
    World world = WorldOf(Job(2));
    world.job.spec.retry.limit = limit;
    world.service_exists = true;
    world = Settled(std::move(world));
    world.pods = {Pod("worker", 0, 0, PodPhase::Running), Pod("worker", 1, 0, PodPhase::Running)};
    return Settled(std::move(world));
}

void FailOne(World& world, int exit_code = 3) {
    world.pods[1] = PodThatFailed("worker", 1, world.job.status.attempt, exit_code, world.now);
}

// The old gang ends, its fence is closed, the next one is created and runs.
World NextAttempt(World world) {
    for (auto& pod : world.pods)
        if (!pod.Terminal()) pod = PodThatFailed("worker", pod.index, pod.attempt, 143, world.now);
    Decision d = Decide(world);
    EXPECT_FALSE(d.close_fences.empty());
    world.closed_fences = d.close_fences;
    world = Settled(std::move(world));
    world = Settled(std::move(world));
    const int attempt = world.job.status.attempt;
    for (int i : {0, 1})
        world.pods.push_back(Pod("worker", i, attempt, PodPhase::Running));
    return Settled(std::move(world));
}

TEST(Restart, AFailureEndsTheWholeAttemptRecordedFirst) {
    World world = Running(1);
    FailOne(world);
    Decision d = Decide(world);
    ASSERT_THAT(d.writes, SizeIs(2));
    EXPECT_TRUE(std::holds_alternative<Publish>(d.writes[0]));
    ASSERT_TRUE(std::holds_alternative<DeletePods>(d.writes[1]));
    EXPECT_THAT(std::get<DeletePods>(d.writes[1]).pods, SizeIs(1));
    auto status = Published(world, d);
    EXPECT_EQ(status.phase, Phase::Restarting);
    EXPECT_FALSE(status.failure);
    EXPECT_EQ(status.restarts.user, 1);
    ASSERT_THAT(status.attempts, SizeIs(1));
    EXPECT_EQ(status.attempts[0].failure.exitCode, 3);
    EXPECT_EQ(status.attempts[0].failure.index, 1);
    EXPECT_TRUE(status.attempts[0].startTime);
}

TEST(Restart, NothingNewWhileAnOldPodRuns) {
    World world = Running(1);
    FailOne(world);
    world = Settled(std::move(world));
    world.pods[0].deleting = true;
    Decision d = Decide(world);
    EXPECT_THAT(d.writes, IsEmpty());
    EXPECT_TRUE(d.close_fences.empty());
}

TEST(Restart, TheFenceIsClosedBeforeTheNextAttempt) {
    World world = Running(1);
    FailOne(world);
    world = Settled(std::move(world));
    world.pods[0] = PodThatFailed("worker", 0, 0, 143);
    Decision d = Decide(world);
    EXPECT_THAT(d.writes, IsEmpty());
    ASSERT_THAT(d.close_fences, ElementsAre("digits-attempt-0"));
    world.closed_fences = d.close_fences;
    // One that landed before the fence was closed: only the API server's list shows it.
    world.pods[0] = Pod("worker", 0, 0, PodPhase::Running);
    d = Decide(world);
    EXPECT_TRUE(Find<DeletePods>(d));
    EXPECT_EQ(Published(world, d).attempt, 0);
    world.pods[0] = PodThatFailed("worker", 0, 0, 143);
    EXPECT_EQ(Published(world, Decide(world)).attempt, 1);
}

TEST(Restart, TheNewAttemptHasItsOwnNamesAndFence) {
    World world = Running(1);
    FailOne(world);
    world = Settled(std::move(world));
    world.pods[0] = PodThatFailed("worker", 0, 0, 143);
    world.closed_fences = {"digits-attempt-0"};
    world = Settled(std::move(world));
    Decision d = Decide(world);
    ASSERT_TRUE(Find<CreateFences>(d));
    EXPECT_THAT(Find<CreateFences>(d)->names, ElementsAre("digits-attempt-1"));
    ASSERT_TRUE(Find<CreatePods>(d));
    EXPECT_EQ(Find<CreatePods>(d)->attempt.pod, 1);
    EXPECT_THAT(Find<CreatePods>(d)->slots, SizeIs(2));
    EXPECT_EQ(Published(world, d).launchedAttempt, 1);
}

TEST(Restart, TheLimitOfTheUserEndsTheJob) {
    World world = Running(1);
    FailOne(world);
    world = NextAttempt(Settled(std::move(world)));
    EXPECT_EQ(world.job.status.phase, Phase::Running);
    EXPECT_EQ(world.job.status.attempt, 1);
    world.pods[3] = PodThatFailed("worker", 1, 1, 4, world.now);
    auto status = Published(world, Decide(world));
    ASSERT_TRUE(status.failure);
    EXPECT_EQ(status.failure->exitCode, 4);
    EXPECT_THAT(status.failure->message, HasSubstr("retry.limit"));
    EXPECT_EQ(status.restarts.user, 1);
    EXPECT_THAT(status.attempts, SizeIs(2));
}

TEST(Restart, FaultsOfTheClusterDoNotCountAgainstTheUser) {
    World world = Running(0);
    world.pods[1].deleting = world.pods[1].disrupted = true;
    world.pods[1].disruptionReason = "DeletionByTaintManager";
    auto status = Published(world, Decide(world));
    EXPECT_EQ(status.phase, Phase::Restarting);
    EXPECT_EQ(status.restarts, (model::Restarts{0, 1}));
    ASSERT_THAT(status.avoidedNodes, SizeIs(1));
    EXPECT_EQ(status.avoidedNodes[0].node, "node-1");
}

TEST(Restart, AFailRuleEndsTheJobWhateverTheLimit) {
    World world = Running(5);
    world.job.spec.roles[0].exitCodes = {{*model::ParseExitCodes("3"), model::ExitAction::Fail}};
    FailOne(world);
    EXPECT_TRUE(Published(world, Decide(world)).failure);
}

TEST(Restart, ANodeThatDoesNotAnswerIsNamedAndWaitedFor) {
    World world = Running(1);
    FailOne(world);
    world = Settled(std::move(world));
    world.pods[0].deleting = true;
    world.pods[0].deletionTimestamp = At(30);
    world.now = At(40);
    EXPECT_EQ(Decide(world).look_again, At(60));
    world.now = At(60);
    Decision d = Decide(world);
    EXPECT_THAT(Published(world, d).message, HasSubstr("node node-1 does not answer"));
    EXPECT_FALSE(Find<DeletePods>(d));
    world.job.spec.retry.onNodeLost = model::OnNodeLost::ForceDelete;
    d = Decide(world);
    ASSERT_TRUE(Find<DeletePods>(d));
    EXPECT_TRUE(Find<DeletePods>(d)->pods[0].force);
}

TEST(Restart, ShortAttemptsAreRepeatedLaterAndLater) {
    model::JobStatus status;
    EXPECT_EQ(RestartDelay(status).count(), 0);
    for (int delay : {0, 10, 20, 40, 80, 160, 300, 300}) {
        status.attempts.push_back({.startTime = At(0), .finishTime = At(5)});
        EXPECT_EQ(RestartDelay(status).count(), delay);
    }
    status.attempts.push_back({.startTime = At(0), .finishTime = At(600)});
    EXPECT_EQ(RestartDelay(status).count(), 0) << "a long one begins a new count";
}

TEST(Life, ADeadlineWarnsThenEndsTheJob) {
    World world = WorldOf(Job(1));
    world.job.spec.activeDeadlineSeconds = 100;
    world = Settled(std::move(world));
    world.pods = {Pod("worker", 0, 0, PodPhase::Running)};
    world = Settled(std::move(world));
    EXPECT_EQ(Decide(world).look_again, At(90));
    world.now = At(90);
    Decision d = Decide(world);
    ASSERT_TRUE(Find<Publish>(d));
    EXPECT_THAT(Find<Publish>(d)->events, SizeIs(1));
    world = Settled(std::move(world));
    EXPECT_THAT(Decide(world).writes, IsEmpty()) << "warned once";
    world.now = At(100);
    auto status = Published(world, Decide(world));
    ASSERT_TRUE(status.failure);
    EXPECT_EQ(status.failure->reason, model::reason::kDeadlineExceeded.name);
}

TEST(Life, SuspendedTimeDoesNotCount) {
    World world = WorldOf(Job(1));
    world.job.spec.activeDeadlineSeconds = 100;
    world = Settled(std::move(world));
    world.now = At(60);
    world.pods = {Pod("worker", 0, 0, PodPhase::Running)};
    world.job.spec.suspend = true;
    world = Settled(std::move(world));
    world.pods.clear();
    world = Settled(std::move(world));
    world.now = At(500);
    world.job.spec.suspend = false;
    world.closed_fences = {"digits-attempt-0"};
    world = Settled(std::move(world));
    world = Settled(std::move(world));
    EXPECT_EQ(world.job.status.attempt, 1);
    EXPECT_EQ(ActiveTime(world.job.status, At(520)).count(), 80);
}

TEST(Life, ATimeAfterItsEndTheJobIsDeleted) {
    World world = WorldOf(Job(1));
    world.job.spec.ttlSecondsAfterFinished = 60;
    world = Settled(std::move(world));
    world.pods = {Pod("worker", 0, 0, PodPhase::Succeeded)};
    world.closed_fences = {"digits-attempt-0"};
    world = Settled(std::move(world));
    EXPECT_EQ(Decide(world).look_again, At(60));
    world.now = At(60);
    EXPECT_TRUE(Find<DeleteJob>(Decide(world)));
}

TEST(Life, SuccessOfRankZeroEndsTheOthers) {
    World world = Running(0);
    world.job.spec.success.policy = model::Success::RankZero;
    world.pods[0].phase = PodPhase::Succeeded;
    Decision d = Decide(world);
    EXPECT_TRUE(Find<DeletePods>(d));
    world = Settled(std::move(world));
    EXPECT_EQ(world.job.status.phase, Phase::Stopping);
    // Also when the record of rank 0 is lost meanwhile.
    world.pods = {PodThatFailed("worker", 1, 0, 143)};
    world.closed_fences = {"digits-attempt-0"};
    EXPECT_EQ(Published(world, Decide(world)).phase, Phase::Succeeded);
}

TEST(Life, CleanupNoneLeavesWhatRuns) {
    World world = Running(0);
    world.job.spec.success.policy = model::Success::RankZero;
    world.job.spec.cleanupPods = model::CleanupPods::None;
    world.pods[0].phase = PodPhase::Succeeded;
    EXPECT_FALSE(Find<DeletePods>(Decide(world)));
    world.closed_fences = {"digits-attempt-0"};
    world = Settled(std::move(world));
    EXPECT_EQ(world.job.status.phase, Phase::Succeeded);
    EXPECT_THAT(Decide(world).writes, IsEmpty());
    world.job.spec.stop = true;
    EXPECT_TRUE(Find<DeletePods>(Decide(world)));
}

TEST(Life, ARoleStartsAfterAnother) {
    World world = WorldOf(Job(1));
    world.job.spec.roles.push_back({.name = "client", .startAfter = {{.role = "worker"}}});
    Decision d = Decide(world);
    EXPECT_THAT(Find<CreatePods>(d)->slots, ElementsAre(Slot{0, 0}));
    auto status = Published(world, d);
    EXPECT_FALSE(status.launchedAttempt);
    ASSERT_TRUE(status.pending);
    EXPECT_EQ(status.pending->reason, model::reason::kWaitsForRole.name);
    world.job.status = status;
    world.service_exists = true;
    world.pods = {Pod("worker", 0, 0, PodPhase::Running)};
    d = Decide(world);
    EXPECT_THAT(Find<CreatePods>(d)->slots, ElementsAre(Slot{1, 0}));
    EXPECT_EQ(Published(world, d).launchedAttempt, 0);
}

TEST(Life, AnotherManagersJobIsLeftAlone) {
    World world = WorldOf(Job(1));
    world.job.spec.managedBy = "example.org/dispatcher";
    EXPECT_THAT(Decide(world).writes, IsEmpty());
}

TEST(Elastic, GrowsAndShrinksWithoutAFailure) {
    World world = Running(0);
    world.job.spec.elastic = model::Elastic{"worker", 2, 1, 4};
    world.job.status.elastic = model::ElasticStatus{.replicas = 2, .launched = 2};
    world = Settled(std::move(world));
    auto scale = [&](int n) {
        world.job.spec.elastic->replicas = world.job.spec.roles[0].replicas = n;
    };
    scale(3);
    Decision d = Decide(world);
    ASSERT_TRUE(Find<CreatePods>(d));
    EXPECT_THAT(Find<CreatePods>(d)->slots, ElementsAre(Slot{0, 2}));
    EXPECT_EQ(Published(world, d).elastic->launched, 3);
    world = Settled(std::move(world));
    world.pods.push_back(Pod("worker", 2, 0, PodPhase::Running));
    world = Settled(std::move(world));
    scale(1);
    d = Decide(world);
    ASSERT_TRUE(Find<DeletePods>(d));
    EXPECT_THAT(Find<DeletePods>(d)->pods, SizeIs(2));
    world = Settled(std::move(world));
    world.pods.resize(1);
    world = Settled(std::move(world));
    EXPECT_EQ(world.job.status.phase, Phase::Running);
    scale(2);
    d = Decide(world);
    ASSERT_TRUE(Find<CreatePods>(d));
    EXPECT_THAT(Find<CreatePods>(d)->slots, ElementsAre(Slot{0, 1}));
}

TEST(Elastic, ThatItShrankIsRecordedBeforeAPodIsDeleted) {
    World world = Running(0);
    world.job.spec.elastic = model::Elastic{"worker", 1, 1, 4};
    world.job.spec.roles[0].replicas = 1;
    world.job.status.elastic = model::ElasticStatus{.replicas = 2, .launched = 2};
    Decision d = Decide(world);
    ASSERT_TRUE(std::holds_alternative<Publish>(d.writes.at(0)));
    EXPECT_EQ(std::get<Publish>(d.writes[0]).status.elastic->launched, 1);
}

// Somebody else's ConfigMap has the name, say.
TEST(FenceThatCannotBeClosed, KeepsNoJobFromItsEndAndTellsARestart) {
    const WriteProblem problem{model::ReasonClass::Change,
                               std::string(model::reason::kNameTaken.name), "It is taken."};
    World ending = Running(0);
    ending.job.spec.stop = true;
    ending.pods = {PodThatFailed("worker", 0, 0, 143), PodThatFailed("worker", 1, 0, 143)};
    EXPECT_THAT(Decide(ending).writes, IsEmpty());
    ending.fence_problem = problem;
    EXPECT_EQ(Published(ending, Decide(ending)).phase, Phase::Stopped);

    World restarting = Running(1);
    FailOne(restarting);
    restarting = Settled(std::move(restarting));
    restarting.pods[0] = PodThatFailed("worker", 0, 0, 143);
    restarting.fence_problem = problem;
    model::JobStatus status = Published(restarting, Decide(restarting));
    EXPECT_EQ(status.attempt, 0);
    EXPECT_THAT(status.message, HasSubstr("It is taken."));
}

TEST(FenceAtTheEnd, StaysOpenWhereWhatRunsMayGoOn) {
    World world = Running(0);
    world.job.spec.success.policy = model::Success::RankZero;
    world.job.spec.cleanupPods = model::CleanupPods::None;
    world.pods[0].phase = PodPhase::Succeeded;
    world.pods[1].phase = PodPhase::Pending;  // its image is being pulled
    EXPECT_EQ(Published(world, Decide(world)).phase, Phase::Succeeded);
}

World Alone() {
    World world = Running(1);
    world.job.spec.retry.scope = model::RetryScope::Pod;
    return world;
}

TEST(ReplacedAlone, OnlyTheFailedPodIsMadeAnew) {
    World world = Alone();
    world.pods[1] = PodThatFailed("worker", 1, 0, 3);
    Decision d = Decide(world);
    EXPECT_FALSE(Find<DeletePods>(d));
    EXPECT_THAT(d.close_fences, IsEmpty()) << "recorded first";
    model::JobStatus status = Published(world, d);
    EXPECT_EQ(status.restarts.user, 1);
    EXPECT_EQ(status.attempt, 1);
    EXPECT_THAT(status.message, HasSubstr("alone"));
    EXPECT_THAT(status.replaced, ElementsAre(model::ReplacedPod{"worker", 1, 1, 0, false}));

    world.job.status = status;
    d = Decide(world);
    EXPECT_THAT(d.writes, IsEmpty()) << "a late creation of the old pod must not start beside it";
    ASSERT_THAT(d.close_fences, ElementsAre("digits-worker-1-0"));
    world.closed_fences = d.close_fences;
    d = Decide(world);
    ASSERT_TRUE(Find<CreatePods>(d));
    EXPECT_EQ(Find<CreatePods>(d)->attempt.pod, 1);
    EXPECT_EQ(Find<CreatePods>(d)->attempt.gang, 0);
    EXPECT_THAT(Find<CreateFences>(d)->names, ElementsAre("digits-attempt-0", "digits-worker-1-1"));
    EXPECT_THAT(Find<CreatePods>(d)->slots, ElementsAre(Slot{0, 1}));
    EXPECT_TRUE(Published(world, d).replaced[0].created);

    // One that is missing afterwards was deleted by somebody, under its new name.
    world.job.status = Published(world, d);
    EXPECT_EQ(Published(world, Decide(world)).attempts.back().failure.pod, "digits-worker-1-1");
}

TEST(ReplacedAlone, SaysWhyTheFenceCannotBeClosed) {
    World world = Alone();
    world.pods[1] = PodThatFailed("worker", 1, 0, 3);
    world = Settled(std::move(world));
    world.fence_problem = WriteProblem{model::ReasonClass::Change, "NameTaken", "It is taken."};
    Decision d = Decide(world);
    EXPECT_FALSE(Find<CreatePods>(d));
    EXPECT_EQ(Published(world, d).message, "It is taken.");
}

TEST(ReplacedAlone, TheOldPodMustHaveEnded) {
    World world = Alone();
    world.pods[1].deleting = true;
    world = Settled(std::move(world));
    ASSERT_THAT(world.job.status.replaced, SizeIs(1));
    Decision d = Decide(world);
    EXPECT_FALSE(Find<CreatePods>(d));
    EXPECT_THAT(d.close_fences, IsEmpty());
    EXPECT_EQ(Published(world, d).pending->reason, model::reason::kTerminatingPods.name);
}

TEST(ReplacedAlone, APlaceThatIsNotWantedAnyMoreIsNotReplaced) {
    World world = Alone();
    world.job.spec.elastic = model::Elastic{"worker", 2, 1, 4};
    world = Settled(std::move(world));
    world.pods[1] = PodThatFailed("worker", 1, 0, 3);
    world = Settled(std::move(world));
    world.job.spec.elastic->replicas = world.job.spec.roles[0].replicas = 1;
    world = Settled(std::move(world));
    EXPECT_FALSE(world.job.status.replaced.at(0).created);
    world.pods.resize(1);
    world = Settled(std::move(world));
    EXPECT_EQ(world.job.status.phase, Phase::Running);
    world.job.spec.elastic->replicas = world.job.spec.roles[0].replicas = 2;
    EXPECT_THAT(Decide(world).close_fences, ElementsAre("digits-worker-1-0"))
        << "it was never closed";
}

TEST(ReplacedAlone, AResumedJobBeginsAsAWhole) {
    World world = Alone();
    world.job.status.attempt = 2;
    world.job.status.replaced = {{"worker", 1, 2, 0, true}};
    world.pods[1] = Pod("worker", 1, 2, PodPhase::Running);
    world.job.spec.suspend = true;
    world = Settled(std::move(world));
    world.pods.clear();
    world = Settled(std::move(world));
    ASSERT_EQ(world.job.status.phase, Phase::Suspended);
    world.job.spec.suspend = false;
    Decision d = Decide(world);
    EXPECT_THAT(d.close_fences, ElementsAre("digits-attempt-0"));
    world.closed_fences = d.close_fences;
    model::JobStatus status = Published(world, Decide(world));
    EXPECT_EQ(status.attempt, 3);
    EXPECT_THAT(status.replaced, IsEmpty());
}

TEST(Elastic, SaysThatItHasSucceededBeforeItsFenceIsClosed) {
    World world = Running(0);
    world.job.spec.elastic = model::Elastic{"worker", 2, 1, 4};
    world = Settled(std::move(world));
    for (auto& pod : world.pods)
        pod.phase = PodPhase::Succeeded;
    world.pods_listed = false;
    EXPECT_TRUE(Decide(world).list_pods) << "a pod of before it shrank may have succeeded";
    world.pods_listed = true;
    Decision d = Decide(world);
    EXPECT_THAT(d.close_fences, IsEmpty()) << "somebody may scale it up at this moment";
    world = Settled(std::move(world));
    EXPECT_EQ(world.job.status.phase, Phase::Stopping);
    EXPECT_THAT(Decide(world).close_fences, ElementsAre("digits-attempt-0"));
}

}  // namespace
}  // namespace dlws::job

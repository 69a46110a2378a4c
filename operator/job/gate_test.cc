// SPDX-License-Identifier: Apache-2.0
// What stands before a job's first pod, decision by decision. Its races are in
// sim/approval_test.cc.
#include "operator/job/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/reason.h"
#include "operator/job/sim/workloads.h"
#include "operator/job/testing.h"

namespace dlws::job {
namespace {

using model::ApprovalStatus;
using model::Phase;
using ::testing::HasSubstr;
using namespace testing;

std::string Pending(const World& world) {
    const model::JobStatus status = Published(world, Decide(world));
    return status.pending ? status.pending->reason : "";
}

TEST(Gate, JobsRunInManagedNamespacesAlone) {
    World world = WorldOf(Job());
    world.namespace_managed = false;
    const Decision decision = Decide(world);
    EXPECT_EQ(Find<CreatePods>(decision), nullptr);
    const model::JobStatus status = Published(world, decision);
    EXPECT_EQ(status.pending->reason, model::reason::kNamespaceNotManaged.name);
    EXPECT_EQ(status.pending->cls, model::ReasonClass::Ask);
    EXPECT_THAT(status.message, HasSubstr("kubectl label namespace vision dlworkspace.io/managed"));
    world.namespace_managed = true;
    EXPECT_NE(Find<CreatePods>(Decide(world)), nullptr);
}

TEST(Gate, AJobThatAsksForNothingNeedsNoApproval) {
    World world = WorldOf(Job());
    world.admission_problem = "the policy p is missing.";
    const Decision decision = Decide(world);
    EXPECT_NE(Find<CreatePods>(decision), nullptr);
    EXPECT_FALSE(decision.permit);
    const model::JobStatus status = Published(world, decision);
    const auto* approved = model::FindCondition(status.conditions, model::kConditionApproved);
    ASSERT_TRUE(approved);
    EXPECT_EQ(approved->status + approved->reason, "TrueNotRequired");
}

World Asking() {
    World world = WorldOf(sim::AskingJob(2));
    world.cluster = sim::CautiousCluster();
    return world;
}
job::Kept KeptOf(const World& world) {
    auto rendered = model::Render(world.job, *world.cluster);
    return {model::Sha256Hex(model::CanonicalBytes(*rendered)),
            std::make_shared<const model::Rendered>(*rendered)};
}
// The same, with what it runs read from its ControllerRevision.
World Kept() {
    World world = Asking();
    world.kept = KeptOf(world);
    return world;
}
World Awaiting() {
    World world = Kept();
    world.job.status = Published(world, Decide(world));
    return world;
}
model::Approval Yes(const World& world) {
    model::Approval a;
    a.meta.name = "digits-1";
    a.meta.ns = "vision";
    a.meta.uid = "approval-uid";
    a.meta.creationTimestamp = At(0);
    a.jobName = "digits";
    a.jobUid = "job-uid";
    a.templateHash = world.job.status.approval->templateHash;
    a.classes = world.job.status.approval->classes;
    a.approves = true;
    a.approver = model::Approver{{"carol", ""}, {}};
    return a;
}
World Approved() {
    World world = Awaiting();
    world.approvals = {Yes(world)};
    // What is written before the first pod.
    world.job.status = std::get<Publish>(Decide(world).writes.front()).status;
    return world;
}
World Running() {
    World world = Approved();
    world.pods = {Pod("worker", 0, 0, model::PodPhase::Running),
                  Pod("worker", 1, 0, model::PodPhase::Running)};
    world.job.status = Published(world, Decide(world));
    EXPECT_EQ(world.job.status.phase, Phase::Running);
    return world;
}

TEST(Gate, WhatIsAskedForIsKeptFirst) {
    const Decision decision = Decide(Asking());
    EXPECT_TRUE(decision.keep_template);
    EXPECT_TRUE(decision.rendered);
    EXPECT_TRUE(decision.writes.empty());
}

TEST(Gate, ThenSomebodyIsAsked) {
    const World world = Kept();
    const Decision decision = Decide(world);
    EXPECT_EQ(Find<CreatePods>(decision), nullptr);
    const model::JobStatus status = Published(world, decision);
    EXPECT_EQ(status.phase, Phase::AwaitingApproval);
    EXPECT_EQ(status.pending->cls, model::ReasonClass::Ask);
    EXPECT_THAT(status.message, HasSubstr("kubectl -n vision get dljob digits -o jsonpath="
                                          "'{.status.approval.manifest}' | kubectl create -f -"));
    ASSERT_TRUE(status.approval);
    EXPECT_EQ(status.approval->state, ApprovalStatus::Awaiting);
    EXPECT_EQ(status.approval->templateHash, world.kept->hash);
    EXPECT_THAT(status.approval->diff, HasSubstr("+ spec.hostNetwork: true"));
    EXPECT_THAT(status.approval->mayDecide, HasSubstr("but not alice"));
    EXPECT_EQ(model::FindCondition(status.conditions, model::kConditionApproved)->status, "False");
}

TEST(Gate, AnApprovalLetsItsPodsBeCreated) {
    World world = Awaiting();
    EXPECT_EQ(Find<CreatePods>(Decide(world)), nullptr);
    world.approvals = {Yes(world)};
    const Decision decision = Decide(world);
    EXPECT_NE(Find<CreatePods>(decision), nullptr);
    ASSERT_TRUE(decision.permit);
    EXPECT_EQ(decision.permit->approval.meta.uid, "approval-uid");
    // Recorded first: pods that are found without one end the job.
    ASSERT_TRUE(std::holds_alternative<Publish>(decision.writes.front()));
    const auto& first = std::get<Publish>(decision.writes.front()).status;
    EXPECT_EQ(first.approval->state, ApprovalStatus::Approved);
    EXPECT_EQ(first.approval->approver, "carol");
    EXPECT_TRUE(model::IsTrue(first.conditions, model::kConditionApproved));
}

TEST(Gate, AnApprovalThatDoesNotCountLetsNothing) {
    for (const auto& spoil : std::vector<std::function<void(model::Approval&)>>{
             [](auto& a) { a.approver->username = "alice"; },
             [](auto& a) { a.approver->uid = "uid-of-alice"; }, [](auto& a) { a.approver.reset(); },
             [](auto& a) { a.jobUid = "other"; },
             [](auto& a) { a.templateHash[0] = a.templateHash[0] == '0' ? '1' : '0'; },
             [](auto& a) { a.classes = {model::PermissionClass::Privileged}; },
             [](auto& a) { a.expiresAt = At(0); },
             [](auto& a) { a.meta.creationTimestamp = At(-20); }}) {
        World world = Awaiting();
        world.admission_since = At(-10);
        world.approvals = {Yes(world)};
        spoil(world.approvals[0]);
        EXPECT_EQ(Find<CreatePods>(Decide(world)), nullptr);
    }
}

TEST(Gate, NothingReachesANodeWhilePoliciesAreNotWhole) {
    World world = Approved();
    world.admission_problem = "the policy p is missing.";
    EXPECT_EQ(Pending(world), model::reason::kAdmissionNotEnforced.name);
    EXPECT_EQ(Find<CreatePods>(Decide(world)), nullptr);
}

TEST(Gate, OtherBytesUnderTheNameAreRefused) {
    World world = Kept();
    world.kept->hash = std::string(64, '0');
    EXPECT_EQ(Pending(world), model::reason::kNameTaken.name);
    world.kept->rendered.reset();
    EXPECT_EQ(Pending(world), model::reason::kNameTaken.name);
}

TEST(Gate, ADenialEndsTheJobWithItsReason) {
    World world = Awaiting();
    world.approvals = {Yes(world)};
    world.approvals[0].approves = false;
    world.approvals[0].reason = "use the shared storage";
    EXPECT_TRUE(Decide(world).read_approvals) << "not on the word of a cache";
    world.approvals_read = true;
    world.closed_fences = {"digits-attempt-0"};
    const model::JobStatus status = Published(world, Decide(world));
    ASSERT_TRUE(status.failure);
    EXPECT_EQ(status.failure->reason, model::reason::kApprovalDenied.name);
    EXPECT_THAT(status.failure->message, HasSubstr("carol denied"));
    EXPECT_THAT(status.failure->message, HasSubstr("use the shared storage"));
    EXPECT_EQ(status.approval->state, ApprovalStatus::Denied);
    EXPECT_EQ(status.approval->approver, "carol");
    EXPECT_THAT(status.approval->reason, HasSubstr("use the shared storage"));
    EXPECT_EQ(status.approval->approval, world.approvals[0].meta.name);
}

TEST(Gate, TakenBackOrEndedItEndsTheRun) {
    World world = Running();
    world.approvals.clear();
    EXPECT_TRUE(Decide(world).read_approvals);
    world.approvals_read = true;
    Decision decision = Decide(world);
    EXPECT_EQ(Published(world, decision).failure->reason, model::reason::kApprovalRevoked.name);
    ASSERT_NE(Find<DeletePods>(decision), nullptr);
    EXPECT_EQ(Find<DeletePods>(decision)->pods.size(), 2U);

    world = Running();
    world.approvals[0].expiresAt = At(100);
    EXPECT_EQ(Decide(world).look_again, At(100));
    world.now = At(100);
    world.approvals_read = true;
    EXPECT_EQ(Published(world, Decide(world)).failure->reason,
              model::reason::kApprovalExpired.name);
}

TEST(Gate, WhereTheAdministratorSaysSoPodsGoOn) {
    World world = Running();
    world.cluster = sim::CautiousCluster(model::OnRevoke::Continue);
    world.approvals.clear();
    world.approvals_read = true;
    const Decision decision = Decide(world);
    EXPECT_EQ(Find<DeletePods>(decision), nullptr);
    const model::JobStatus status = Published(world, decision);
    EXPECT_EQ(status.approval->state, ApprovalStatus::Revoked);
    EXPECT_FALSE(model::IsTrue(status.conditions, model::kConditionApproved));
    EXPECT_FALSE(status.failure);
}

TEST(Gate, ItSaysWhoMayDecide) {
    World world = Kept();
    EXPECT_THAT(
        Published(world, Decide(world)).approval->mayDecide,
        ::testing::AllOf(HasSubstr("permissionclasses hostNetwork"), HasSubstr("but not alice")));
    world.job.spec.submittedBy->username = "system:serviceaccount:vision:ci";
    world.kept = KeptOf(world);
    EXPECT_THAT(Published(world, Decide(world)).approval->mayDecide,
                ::testing::AllOf(HasSubstr("Nobody: "), HasSubstr("submit the job as a person")));
}

// Somebody wants the pods off their nodes; whether an approval is there does not matter to that.
TEST(Gate, ASuspensionWaitsForNoApproval) {
    World world = Running();
    world.approvals.clear();
    world.job.spec.suspend = true;
    Decision decision = Decide(world);
    EXPECT_FALSE(decision.read_approvals);
    EXPECT_FALSE(decision.writes.empty());
    world.job.status = Published(world, decision);
    decision = Decide(world);
    EXPECT_FALSE(decision.read_approvals);
    EXPECT_NE(Find<DeletePods>(decision), nullptr);
}

// Whatever the cluster allows by now.
TEST(Gate, ADeletedServiceIsMadeAgain) {
    World world = Running();
    world.cluster = Cluster();  // everything is denied by now
    world.service_exists = false;
    const Decision decision = Decide(world);
    ASSERT_NE(Find<CreateService>(decision), nullptr);
    EXPECT_EQ(decision.rendered->service, world.kept->rendered->service);
}

TEST(Gate, AJobOfSomebodyWhoIsNotKnownWaits) {
    World world = WorldOf(Job());
    world.user = std::unexpected(model::RenderError{model::ReasonClass::Ask, "UserUnknown",
                                                    "There is no DLUser for carol."});
    const Decision decision = Decide(world);
    EXPECT_EQ(Find<CreatePods>(decision), nullptr);
    const model::JobStatus status = Published(world, decision);
    EXPECT_EQ(status.pending->reason, "UserUnknown");
    EXPECT_EQ(status.message, "There is no DLUser for carol.");
}

// What is approved is who runs it, too.
TEST(Gate, AnotherUserIsAnotherQuestion) {
    World world = Asking();
    const std::string before = model::CanonicalBytes(*Decide(world).rendered);
    world.user = model::PodUser{5001, 5001, "alice", {}};
    EXPECT_NE(model::CanonicalBytes(*Decide(world).rendered), before);
}

// A finalizer of somebody's keeps a deleted job for ever; its pods it does not keep.
TEST(Gate, ADeletedJobsPodsEnd) {
    World world = Running();
    world.job.meta.deletionTimestamp = At(0);
    const Decision decision = Decide(world);
    ASSERT_NE(Find<DeletePods>(decision), nullptr);
    EXPECT_EQ(Find<DeletePods>(decision)->pods.size(), 2U);
}

TEST(Gate, ALaterEditOfTheClusterChangesNothingThatIsApproved) {
    World world = Approved();
    world.cluster = Cluster();  // everything is denied by now
    const Decision decision = Decide(world);
    ASSERT_NE(Find<CreatePods>(decision), nullptr);
    EXPECT_EQ(decision.rendered, world.kept->rendered);
    World waiting = Awaiting();
    waiting.cluster = Cluster();
    EXPECT_EQ(Pending(waiting), model::reason::kPermissionDenied.name);
}

TEST(Gate, AnAlteredPodFailsTheJob) {
    World world = Approved();
    world.problem =
        WriteProblem{model::reason::kPodAltered.cls, std::string(model::reason::kPodAltered.name),
                     "Pod x was altered."};
    world.closed_fences = {"digits-attempt-0"};
    EXPECT_EQ(Published(world, Decide(world)).failure->reason, model::reason::kPodAltered.name);
}

}  // namespace
}  // namespace dlws::job

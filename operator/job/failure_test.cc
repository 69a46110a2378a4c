// SPDX-License-Identifier: Apache-2.0
#include "operator/job/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/reason.h"
#include "operator/job/testing.h"

namespace dlws::job {
namespace {

using namespace testing;
using ::testing::HasSubstr;

// What the pod means where its role has no rules.
std::optional<model::Failure> ClassifyPod(const model::PodView& pod) {
    auto verdict = job::ClassifyPod(pod, model::Role{});
    if (!verdict) return std::nullopt;
    return std::move(verdict->failure);
}

TEST(ClassifyPod, HealthyPodsAreNoFailure) {
    EXPECT_FALSE(ClassifyPod(Pod("worker", 0, 0, model::PodPhase::Running)));
    EXPECT_FALSE(ClassifyPod(Pod("worker", 0, 0, model::PodPhase::Succeeded)));
}

TEST(ClassifyPod, ExitCodeNamesPodAndCode) {
    auto f = ClassifyPod(PodThatFailed("worker", 1, 0, 3));
    ASSERT_TRUE(f);
    EXPECT_EQ(f->reason, model::reason::kExitCode.name);
    EXPECT_EQ(f->exitCode, 3);
    EXPECT_EQ(f->message, "Pod digits-worker-1-0 ended with exit code 3.");
}

TEST(ClassifyPod, OfALogTheLastLineIsTold) {
    auto pod = PodThatFailed("worker", 1, 0, 1);
    pod.main.message = "Traceback:\n  File train.py\nValueError: no data\n\n";
    EXPECT_EQ(ClassifyPod(pod)->message,
              "Pod digits-worker-1-0 ended with exit code 1: ValueError: no data.");
}

StorageCheck LookedAt(int seconds, std::vector<StorageCheck::Loss> losses = {}) {
    return {.at = At(seconds), .losses = std::move(losses)};
}

TEST(JudgeByStorage, WhoeverLostItsStorageIsNotToBlame) {
    const auto pod = PodThatFailed("worker", 0, 0, 7, At(20));
    const auto judged = [&](model::Time since, model::Time until, int exit_code = 7) {
        Verdict verdict = *job::ClassifyPod(PodThatFailed("worker", 0, 0, exit_code), {});
        const StorageChecks checks{
            {"node-1", LookedAt(21, {{"Storage work is Hung on node node-1", since, until}})}};
        EXPECT_TRUE(JudgeByStorage(verdict, pod, checks, At(21)));
        return verdict.failure;
    };
    const model::Failure f = judged(At(21), model::Time::max());
    EXPECT_EQ(f.reason, "StorageFailed");
    EXPECT_EQ(f.cause, model::Cause::Infrastructure);
    EXPECT_EQ(f.exitCode, 7);
    EXPECT_EQ(f.message,
              "Storage work is Hung on node node-1; pod digits-worker-0-0 exited with 7.");
    EXPECT_EQ(judged(At(5), At(20), 135).reason, "StorageFailed") << "SIGBUS, and it is back";
    EXPECT_EQ(judged(At(5), At(19)).reason, "ExitCode") << "it was back before";
    EXPECT_EQ(judged(At(30), model::Time::max()).reason, "StorageFailed");
    EXPECT_EQ(judged(At(31), model::Time::max()).reason, "ExitCode") << "it was lost later";
}

TEST(JudgeByStorage, WaitsUntilTheAgentHasLooked) {
    const auto pod = PodThatFailed("worker", 0, 0, 7, At(20));
    const auto known = [&](const StorageChecks& checks, int now) {
        Verdict verdict = *job::ClassifyPod(pod, {});
        const bool judged = JudgeByStorage(verdict, pod, checks, At(now));
        EXPECT_EQ(verdict.failure.cause, model::Cause::User);
        return judged;
    };
    EXPECT_FALSE(known({{"node-1", LookedAt(20)}}, 20)) << "it may have begun before the end";
    EXPECT_TRUE(known({{"node-1", LookedAt(21)}}, 21));
    EXPECT_FALSE(known({{"node-1", StorageCheck()}}, 29));
    EXPECT_TRUE(known({{"node-1", StorageCheck()}}, 30)) << "not for ever";
    EXPECT_TRUE(known({{"node-1", StorageCheck()}}, 10)) << "the node's clock is wrong";
    EXPECT_TRUE(known({{"node-2", StorageCheck()}}, 20)) << "nobody looks there";
}

TEST(JudgeByStorage, RulesAndWhatHasAnotherCauseStay) {
    const StorageChecks lost{
        {"node-1", LookedAt(0, {{"Storage work is Hung", At(0), model::Time::max()}})}};
    const auto judged = [&](const model::PodView& pod, const model::Role& role = {}) {
        Verdict verdict = *job::ClassifyPod(pod, role);
        EXPECT_TRUE(JudgeByStorage(verdict, pod, lost, At(0)));
        return verdict.failure.reason;
    };
    auto pod = PodThatFailed("worker", 0, 0, 7);
    EXPECT_EQ(judged(pod), "StorageFailed");
    model::Role role;
    role.exitCodes.resize(1);
    role.exitCodes[0].codes.set(7);
    role.exitCodes[0].action = model::ExitAction::Fail;
    EXPECT_EQ(judged(pod, role), "ExitCode");
    role.exitCodes[0].action = model::ExitAction::Retry;
    EXPECT_EQ(judged(pod, role), "ExitCode") << "it is the cluster's already";
    pod.main.reason = "OOMKilled";
    EXPECT_EQ(judged(pod), "OutOfMemory");
}

TEST(ClassifyPod, OutOfMemory) {
    auto pod = PodThatFailed("worker", 0, 0, 137);
    pod.main.reason = "OOMKilled";
    auto f = ClassifyPod(pod);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->reason, model::reason::kOutOfMemory.name);
    EXPECT_THAT(f->message, HasSubstr("exit code 137"));
    EXPECT_THAT(f->message, HasSubstr("resources.memory"));
}

TEST(ClassifyPod, SignalsByTheShellsConvention) {
    auto f = ClassifyPod(PodThatFailed("worker", 0, 0, 139));
    ASSERT_TRUE(f);
    EXPECT_EQ(f->reason, model::reason::kSignal.name);
    EXPECT_EQ(f->signal, 11);
    EXPECT_EQ(ClassifyPod(PodThatFailed("worker", 0, 0, 255))->reason,
              model::reason::kExitCode.name);
}

TEST(ClassifyPod, CommandThatCannotStart) {
    auto pod = PodThatFailed("worker", 0, 0, 128);
    pod.main.reason = "StartError";
    pod.main.message = "exec: \"pyhton\": executable file not found in $PATH";
    auto f = ClassifyPod(pod);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->reason, model::reason::kCannotStart.name);
    EXPECT_THAT(f->message, HasSubstr("pyhton"));
}

TEST(ClassifyPod, EvictionAndRefusalByTheNode) {
    auto pod = Pod("worker", 0, 0, model::PodPhase::Failed);
    pod.reason = "Evicted";
    EXPECT_EQ(ClassifyPod(pod)->reason, model::reason::kEvicted.name);
    pod.reason = "UnexpectedAdmissionError";
    EXPECT_EQ(ClassifyPod(pod)->reason, model::reason::kNodeRefused.name);
    pod.reason = "";
    EXPECT_EQ(ClassifyPod(pod)->reason, model::reason::kPodFailed.name);
}

TEST(ClassifyPod, InitContainerIsNamed) {
    auto pod = Pod("worker", 0, 0, model::PodPhase::Failed);
    pod.init = {.state = model::ContainerView::Terminated, .reason = "Error", .exitCode = 2};
    pod.initName = "prepare";
    auto f = ClassifyPod(pod);
    EXPECT_THAT(f->message, HasSubstr("init container prepare"));
    EXPECT_EQ(f->exitCode, 2);
}

TEST(ClassifyPod, DeletedBySomebodyOrEvictedByTheCluster) {
    auto pod = Pod("worker", 0, 0, model::PodPhase::Running);
    pod.deleting = true;
    EXPECT_EQ(ClassifyPod(pod)->reason, model::reason::kPodDeleted.name);
    pod.disrupted = true;
    pod.disruptionReason = "EvictionByEvictionAPI";
    EXPECT_EQ(ClassifyPod(pod)->reason, model::reason::kEvicted.name);
    pod.disruptionReason = "DeletionByTaintManager";
    EXPECT_EQ(ClassifyPod(pod)->reason, model::reason::kNodeLost.name);
    pod.phase = model::PodPhase::Succeeded;
    EXPECT_FALSE(ClassifyPod(pod)) << "its work is done";
}

TEST(ClassifyPod, AnImageNameNobodyCanReadIsFinal) {
    auto pod = Pod("worker", 0, 0);
    pod.main = {.state = model::ContainerView::Waiting, .reason = "InvalidImageName"};
    EXPECT_EQ(ClassifyPod(pod)->reason, model::reason::kImageNameInvalid.name);
    pod.main.reason = "ImagePullBackOff";
    EXPECT_FALSE(ClassifyPod(pod)) << "a registry may come back";
}

TEST(ClassifyPod, WhoseFaultItIs) {
    using model::Cause;
    EXPECT_EQ(ClassifyPod(PodThatFailed("worker", 0, 0, 3))->cause, Cause::User);
    auto pod = Pod("worker", 0, 0, model::PodPhase::Failed);
    pod.reason = "Evicted";
    EXPECT_EQ(ClassifyPod(pod)->cause, Cause::Infrastructure);
    pod.message = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.";
    EXPECT_EQ(ClassifyPod(pod)->cause, Cause::User) << "no other node helps";
    pod.reason = "OutOfnvidia.com/gpu";
    EXPECT_EQ(ClassifyPod(pod)->cause, Cause::Infrastructure);
    auto ended = PodThatFailed("worker", 0, 0, 143);
    EXPECT_EQ(ClassifyPod(ended)->cause, Cause::User);
    ended.deleting = true;
    EXPECT_EQ(ClassifyPod(ended)->reason, model::reason::kPodDeleted.name) << "deleted, so TERM";
    ended.disrupted = true;
    ended.disruptionReason = "PreemptionByScheduler";
    EXPECT_EQ(ClassifyPod(ended)->reason, model::reason::kEvicted.name);
    EXPECT_EQ(ClassifyPod(ended)->cause, Cause::Infrastructure);
    auto own = PodThatFailed("worker", 0, 0, 3);
    own.deleting = true;
    EXPECT_EQ(ClassifyPod(own)->reason, model::reason::kExitCode.name)
        << "it failed before somebody deleted it";
    auto image = Pod("worker", 0, 0);
    image.main = {.state = model::ContainerView::Waiting, .reason = "InvalidImageName"};
    EXPECT_EQ(ClassifyPod(image)->cause, Cause::Change);
}

TEST(ClassifyPod, ExitCodeRules) {
    model::Role role;
    role.exitCodes = {{*model::ParseExitCodes("3"), model::ExitAction::Fail},
                      {*model::ParseExitCodes("3-9"), model::ExitAction::Retry},
                      {*model::ParseExitCodes("10"), model::ExitAction::Ignore}};
    auto verdict = job::ClassifyPod(PodThatFailed("worker", 0, 0, 3), role);
    ASSERT_TRUE(verdict);
    EXPECT_TRUE(verdict->final) << "the first rule counts";
    verdict = job::ClassifyPod(PodThatFailed("worker", 0, 0, 4), role);
    EXPECT_FALSE(verdict->final);
    EXPECT_EQ(verdict->failure.cause, model::Cause::Infrastructure);
    EXPECT_FALSE(job::ClassifyPod(PodThatFailed("worker", 0, 0, 10), role));
    EXPECT_TRUE(EndedWell(PodThatFailed("worker", 0, 0, 10), role));
    EXPECT_FALSE(EndedWell(PodThatFailed("worker", 0, 0, 4), role));
    auto evicted = PodThatFailed("worker", 0, 0, 10);
    evicted.reason = "Evicted";
    EXPECT_TRUE(job::ClassifyPod(evicted, role)) << "rules are for what ended by itself";
}

TEST(WaitedTooLong, AMissingSecretIsNotWaitedForForEver) {
    auto pod = Pod("worker", 0, 0);
    pod.main = {.state = model::ContainerView::Waiting, .reason = "CreateContainerConfigError"};
    model::Pending since = *PodProblem(pod);
    since.since = At(0);
    std::optional<model::Time> again;
    EXPECT_FALSE(WaitedTooLong(pod, since, At(299), again));
    EXPECT_EQ(again, At(300));
    again = At(15);
    EXPECT_FALSE(WaitedTooLong(pod, since, At(10), again));
    EXPECT_EQ(again, At(15)) << "what is due sooner, a deadline say, is not put off";
    auto verdict = WaitedTooLong(pod, since, At(300), again);
    ASSERT_TRUE(verdict);
    EXPECT_TRUE(verdict->final);
    EXPECT_EQ(verdict->failure.cause, model::Cause::Change);
    since.reason = model::reason::kUnschedulable.name;
    EXPECT_FALSE(WaitedTooLong(pod, since, At(900), again)) << "it waited for something else";
}

TEST(PodProblem, ImageAndScheduling) {
    auto pod = Pod("worker", 0, 0);
    EXPECT_FALSE(PodProblem(pod));
    pod.scheduled = {"False", "Unschedulable", "0/1 nodes are available: 1 Insufficient gpu."};
    EXPECT_EQ(PodProblem(pod)->cls, model::ReasonClass::Wait);
    EXPECT_EQ(
        PodProblem(pod)->message,
        "Pod digits-worker-0-0 waits for a node: 0/1 nodes are available: 1 Insufficient gpu.");
    pod.main = {.state = model::ContainerView::Waiting, .reason = "ErrImagePull", .message = "no"};
    EXPECT_EQ(PodProblem(pod)->cls, model::ReasonClass::Change);
}

TEST(Before, EarlierThenLowerRank) {
    job::FailedPod a{.at = At(1), .rank = 1}, b{.at = At(2), .rank = 0}, c{.at = At(1), .rank = 0};
    EXPECT_TRUE(Before(a, b));
    EXPECT_TRUE(Before(c, a));
    EXPECT_FALSE(Before(a, c));
}

}  // namespace
}  // namespace dlws::job

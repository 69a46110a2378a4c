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

// SPDX-License-Identifier: Apache-2.0
#include "model/pod.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace dlws::model {
namespace {

// Every pod of these tests is also read from its projection.
std::expected<PodView, std::string> ParseBoth(std::string_view json) {
    auto pod = ParsePod(json);
    const std::string kept = PodProjection(json);
    const auto again = ParsePod(kept);
    EXPECT_EQ(again, pod) << "the projection lacks something: " << kept;
    EXPECT_EQ(PodProjection(kept), kept);
    return pod;
}

PodView Parse(std::string_view json) {
    const auto pod = ParseBoth(json);
    EXPECT_TRUE(pod) << pod.error();
    return pod.value_or(PodView{});
}

PodView WithStatus(std::string_view status) {
    return Parse(fmt::format(R"({{"metadata":{{"name":"p","uid":"u"}},"status":{}}})", status));
}

TEST(ParsePod, ReadsARunningPod) {
    const PodView pod = Parse(R"({"kind":"Pod","apiVersion":"v1",
      "metadata":{"name":"digits-worker-1-2","namespace":"vision","uid":"u2","resourceVersion":"88",
        "creationTimestamp":"2026-01-02T03:04:05Z",
        "labels":{"dlworkspace.io/job":"digits","dlworkspace.io/role":"worker",
          "dlworkspace.io/index":"1","dlworkspace.io/attempt":"2"},
        "ownerReferences":[{"kind":"Other","uid":"no"},{"kind":"DLJob","uid":"u1","controller":true}]},
      "spec":{"nodeName":"node-1","containers":[
          {"name":"main","resources":{"requests":{"cpu":"1","nvidia.com/gpu":"8"},"limits":{"nvidia.com/gpu":"9"}}},
          {"name":"helper","resources":{"requests":{"nvidia.com/gpu":1}}},{"name":"sidecar"}]},
      "status":{"phase":"Running","conditions":[
          {"type":"PodScheduled","status":"True"},{"type":"Ready","status":"True"}],
        "containerStatuses":[
          {"name":"sidecar","state":{"terminated":{"exitCode":1}}},
          {"name":"main","ready":true,"state":{"running":{"startedAt":"2026-01-02T03:04:06Z"}}}]}})");
    EXPECT_EQ(pod.name, "digits-worker-1-2");
    EXPECT_EQ(pod.ns, "vision");
    EXPECT_EQ(pod.uid, "u2");
    EXPECT_EQ(pod.resourceVersion, "88");
    EXPECT_EQ(pod.job, "digits");
    EXPECT_EQ(pod.role, "worker");
    EXPECT_EQ(pod.index, 1);
    EXPECT_EQ(pod.attempt, 2);
    EXPECT_EQ(pod.ownerUid, "u1");
    EXPECT_EQ(pod.phase, PodPhase::Running);
    EXPECT_EQ(pod.node, "node-1");
    EXPECT_TRUE(pod.ready);
    EXPECT_EQ(pod.gpus, 9);
    EXPECT_FALSE(pod.deleting);
    EXPECT_FALSE(pod.Terminal());
    EXPECT_EQ(pod.scheduled.status, "True");
    EXPECT_EQ(pod.main.state, ContainerView::Running);
    EXPECT_EQ(FormatTime(*pod.creationTimestamp), "2026-01-02T03:04:05Z");
}

TEST(ParsePod, ReadsWhyAPodDoesNotRun) {
    PodView pod = WithStatus(R"({"phase":"Pending","conditions":[{"type":"PodScheduled",
        "status":"False","reason":"Unschedulable","message":"0/3 nodes are available"}]})");
    EXPECT_EQ(pod.scheduled, (ScheduledView{"False", "Unschedulable", "0/3 nodes are available"}));
    EXPECT_EQ(pod.main.state, ContainerView::None);
    pod = WithStatus(R"({"phase":"Pending","containerStatuses":[{"name":"main","state":
        {"waiting":{"reason":"ImagePullBackOff","message":"Back-off pulling image"}}}]})");
    EXPECT_EQ(pod.main.state, ContainerView::Waiting);
    EXPECT_EQ(pod.main.reason, "ImagePullBackOff");
    EXPECT_EQ(WaitingProblem(pod.main.reason), &reason::kImageCannotBePulled);
    pod = WithStatus(R"({"phase":"Pending","initContainerStatuses":[
        {"name":"first","state":{"terminated":{"exitCode":0}}},
        {"name":"side","started":true,"state":{"running":{}}},
        {"name":"third","state":{"waiting":{"reason":"ErrImagePull"}}},
        {"name":"fourth","state":{"waiting":{"reason":"PodInitializing"}}}]})");
    EXPECT_EQ(pod.initName, "third");
    EXPECT_EQ(pod.init.reason, "ErrImagePull");
}

TEST(ParsePod, ReadsHowAPodEnded) {
    PodView pod = WithStatus(R"({"phase":"Failed","containerStatuses":[{"name":"main","state":
        {"terminated":{"exitCode":137,"signal":9,"reason":"OOMKilled","message":"m",
         "finishedAt":"2026-01-02T03:04:05Z"}}}]})");
    EXPECT_TRUE(pod.Terminal());
    EXPECT_EQ(pod.main.state, ContainerView::Terminated);
    EXPECT_EQ(pod.main.exitCode, 137);
    EXPECT_EQ(pod.main.signal, 9);
    EXPECT_EQ(pod.main.reason, "OOMKilled");
    EXPECT_EQ(FormatTime(*pod.main.finishedAt), "2026-01-02T03:04:05Z");
    pod =
        WithStatus(R"({"phase":"Failed","reason":"Evicted","message":"low on memory","conditions":[
        {"type":"DisruptionTarget","status":"True","reason":"TerminationByKubelet"}]})");
    EXPECT_EQ(pod.reason, "Evicted");
    EXPECT_EQ(pod.message, "low on memory");
    EXPECT_TRUE(pod.disrupted);
    EXPECT_EQ(pod.disruptionReason, "TerminationByKubelet");
    EXPECT_TRUE(WithStatus(R"({"phase":"Succeeded"})").Terminal());
}

TEST(ParsePod, DeletionIsSeen) {
    const PodView pod =
        Parse(R"({"metadata":{"uid":"u","deletionTimestamp":"2026-01-02T03:04:05Z"}})");
    EXPECT_TRUE(pod.deleting);
    EXPECT_TRUE(pod.deletionTimestamp);
}

TEST(ParsePod, ForeignLabelsAreNobodysIndex) {
    for (std::string_view value : {"", "x", "1x", "-1", " 1", "99999999999"}) {
        const PodView pod = Parse(fmt::format(
            R"({{"metadata":{{"uid":"u","labels":{{"dlworkspace.io/index":"{}"}}}}}})", value));
        EXPECT_EQ(pod.index, -1) << value;
        EXPECT_EQ(pod.attempt, -1);
    }
}

TEST(ParsePod, RefusesWhatIsNoPod) {
    EXPECT_EQ(ParseBoth(R"({"metadata":{"name":"p"}})").error(), "metadata.uid is missing");
    EXPECT_FALSE(ParseBoth("nonsense"));
    EXPECT_EQ(ParseBoth(R"({"metadata":{"uid":"u"},"status":{"containerStatuses":[
        {"name":"main","state":{"terminated":{"exitCode":"1"}}}]}})")
                  .error(),
              "status.containerStatuses[0].state.terminated.exitCode must be a whole number");
}

// https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
TEST(ParsePod, CountsGpusAsTheSchedulerDoes) {
    const auto gpus = [](std::string_view init, std::string_view containers) {
        const auto list = [](std::string_view counts) {
            std::string items;
            for (const char c : counts) {
                const bool sidecar = c >= 'a';
                items += fmt::format(
                    R"({}{{{}"resources":{{"requests":{{"nvidia.com/gpu":"{}"}}}}}})",
                    items.empty() ? "" : ",", sidecar ? R"("restartPolicy":"Always",)" : "",
                    sidecar ? c - 'a' : c - '0');
            }
            return items;
        };
        return Parse(fmt::format(R"({{"metadata":{{"name":"p","uid":"u"}},"spec":)"
                                 R"({{"initContainers":[{}],"containers":[{}]}}}})",
                                 list(init), list(containers)))
            .gpus;
    };
    EXPECT_EQ(gpus("", "12"), 3);
    EXPECT_EQ(gpus("5", "12"), 5) << "an init container runs alone";
    EXPECT_EQ(gpus("c", "12"), 5) << "c: a sidecar with 2";
    EXPECT_EQ(gpus("c4", "1"), 6) << "which runs beside later init containers";
    EXPECT_EQ(gpus("4c", "1"), 4) << "but not beside earlier ones";
}

TEST(PodProjection, KeepsWhatIsRead) {
    EXPECT_EQ(PodProjection(R"({"kind":"Pod","metadata":{"name":"p","annotations":{"a":"b"},
        "labels":{"app":"x","dlworkspace.io/role":"wörk\ner"},
        "ownerReferences":[{"kind":"DLJob","uid":"u","controller":true}]},
        "spec":{"containers":[{"name":"main","image":"i","resources":{"requests":{"cpu":"1","nvidia.com/gpu":"2"}}}],"nodeName":"n"},
        "status":{"podIP":"10.0.0.1","containerStatuses":[{"name":"main","imageID":"x","state":
          {"terminated":{"exitCode":1,"containerID":"c"}}}]}})"),
              R"({"metadata":{"name":"p","labels":{"dlworkspace.io/role":"wörk\ner"},)"
              R"("ownerReferences":[{"uid":"u","controller":true}]},"spec":{"containers":)"
              R"([{"resources":{"requests":{"nvidia.com/gpu":"2"}}}],"nodeName":"n"},)"
              R"("status":{"containerStatuses":[{"name":"main","state":)"
              R"({"terminated":{"exitCode":1}}}]}})");
}

TEST(PodProjection, WrongTypesAreLeftToParsePod) {
    for (
        std::string_view pod :
        {R"({"metadata":7})", R"({"metadata":{"uid":"u","labels":[{"dlworkspace.io/job":"x"}]}})",
         R"({"metadata":{"uid":"u","labels":"x"}})", R"({"metadata":{"uid":"u"},"spec":[1]})",
         R"({"metadata":{"uid":"u"},"status":{"conditions":{"type":"Ready"}}})",
         R"({"metadata":{"uid":"u"},"status":{"containerStatuses":[null,3]}})",
         R"({"metadata":{"uid":"u"},"spec":{"containers":{"resources":1}}})",
         R"({"metadata":{"uid":"u"},"spec":{"containers":[{"resources":{"requests":{"nvidia.com/gpu":[]}}}]}})",
         R"({"metadata":{"uid":"u"},"status":null})", "[]", ""}) [[maybe_unused]]
        const auto whatever = ParseBoth(pod);
}

TEST(WaitingProblem, KnowsWhatTheKubeletSays) {
    EXPECT_EQ(WaitingProblem("ContainerCreating"), nullptr);
    EXPECT_EQ(WaitingProblem("PodInitializing"), nullptr);
    EXPECT_EQ(WaitingProblem(""), nullptr);
    EXPECT_EQ(WaitingProblem("InvalidImageName"), &reason::kImageNameInvalid);
    EXPECT_EQ(WaitingProblem("CreateContainerConfigError"), &reason::kContainerConfig);
    EXPECT_EQ(WaitingProblem("ErrImageNeverPull"), &reason::kImageCannotBePulled);
}

}  // namespace
}  // namespace dlws::model

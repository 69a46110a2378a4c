// SPDX-License-Identifier: Apache-2.0
#include "model/node_facts.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dlws::model {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kLabel = "dlworkspace.io/gpu-type";

// Every node of these tests is also read from its projection.
NodeFacts Parse(std::string_view json, std::string_view label = kLabel) {
    const auto facts = ParseNode(json, label);
    const std::string kept = NodeProjection(json);
    EXPECT_EQ(ParseNode(kept, label), facts) << "the projection lacks something: " << kept;
    EXPECT_EQ(NodeProjection(kept), kept);
    EXPECT_TRUE(facts) << facts.error();
    return facts.value_or(NodeFacts{});
}

std::string Node(std::string_view labels, std::string_view conditions = "",
                 std::string_view spec = "") {
    return fmt::format(
        R"({{"metadata":{{"name":"node-1","uid":"u","labels":{{{}}}}},"spec":{{{}}},"status":{{)"
        R"("capacity":{{"cpu":"64","nvidia.com/gpu":"8"}},"allocatable":{{"nvidia.com/gpu":"7"}},)"
        R"("conditions":[{}{{"type":"Ready","status":"True","message":"kubelet is posting"}}]}}}})",
        labels, spec, conditions);
}

TEST(ParseNode, ReadsAHealthyOne) {
    EXPECT_EQ(
        Parse(Node(R"("dlworkspace.io/gpu-type":"A100","nvidia.com/gpu.product":"NVIDIA-A100")",
                   R"({"type":"MemoryPressure","status":"False"},)"
                   R"({"type":"EtcdIsVoter","status":"True"},)")),
        (NodeFacts{.name = "node-1", .gpuType = "A100", .gpus = 8, .allocatable = 7}));
}

TEST(ParseNode, TheTypeIsThatOfTheNamedLabelElseWhatIsDiscovered) {
    const std::string nvidia = R"("nvidia.com/gpu.product":"Tesla-T4","pool":"big")";
    EXPECT_EQ(Parse(Node(nvidia)).gpuType, "Tesla-T4");
    EXPECT_EQ(Parse(Node(nvidia), "pool").gpuType, "big");
    EXPECT_EQ(Parse(Node("")).gpuType, "unknown");
    EXPECT_EQ(Parse(Node(R"("dlworkspace.io/gpu-type":"")")).gpuType, "unknown");
    EXPECT_EQ(Parse(R"({"metadata":{"name":"n","labels":{"pool":"big"}}})", "pool").gpuType, "")
        << "it has no GPUs";
}

TEST(ParseNode, NotReadyIsTheWorst) {
    const auto facts = Parse(
        R"({"metadata":{"name":"n"},"status":{"conditions":[)"
        R"({"type":"KernelDeadlock","status":"True","message":"a"},)"
        R"({"type":"Ready","status":"Unknown","message":"Kubelet stopped posting node status.",)"
        R"("lastTransitionTime":"2026-01-02T03:04:05Z"}]}})");
    EXPECT_EQ(facts.trouble, (NodeTrouble{"NotReady", "Kubelet stopped posting node status.",
                                          *ParseTime("2026-01-02T03:04:05Z")}));
    EXPECT_EQ(Parse(R"({"metadata":{"name":"n"}})").trouble->reason, "NotReady")
        << "it has never been";
}

TEST(ParseNode, OtherConditionsCountWhenTheyAreTrue) {
    const auto reason = [](std::string_view type, std::string_view status) {
        const auto facts =
            Parse(Node("", fmt::format(R"({{"type":"{}","status":"{}"}},)", type, status)));
        return facts.trouble ? facts.trouble->reason : "";
    };
    EXPECT_EQ(reason("DiskPressure", "True"), "DiskPressure");
    EXPECT_EQ(reason("DiskPressure", "Unknown"), "");
    EXPECT_EQ(reason("GpuNotReady", "True"), "GpuNotReady");
    EXPECT_EQ(reason("ContainerRuntimeUnhealthy", "True"), "ContainerRuntimeUnhealthy");
    EXPECT_EQ(reason("NetworkHealthy", "True"), "");
    EXPECT_EQ(reason(std::string(300, 'x'), "True"), std::string(256, 'x'));
}

TEST(ParseNode, TaintsOfKubernetesAreTroubleAndACordonIsACordon) {
    const auto with = [](std::string_view key, std::string_view effect) {
        return Parse(
            Node("", "",
                 fmt::format(R"("unschedulable":true,"taints":[{{"key":"{}","effect":"{}"}}])", key,
                             effect)));
    };
    const NodeFacts cordoned = with("node.kubernetes.io/unschedulable", "NoSchedule");
    EXPECT_TRUE(cordoned.cordoned);
    EXPECT_FALSE(cordoned.trouble);
    EXPECT_FALSE(cordoned.cordonedSince);
    EXPECT_EQ(
        Parse(Node("", "",
                   R"("unschedulable":true,"taints":[{"key":"node.kubernetes.io/unschedulable",)"
                   R"("effect":"NoSchedule","timeAdded":"2026-01-02T03:04:05Z"}])"))
            .cordonedSince,
        ParseTime("2026-01-02T03:04:05Z"));
    EXPECT_FALSE(with("nvidia.com/gpu", "NoSchedule").trouble) << "the administrator's";
    EXPECT_FALSE(with("node.kubernetes.io/out-of-service", "PreferNoSchedule").trouble);
    for (const char* key :
         {"node.kubernetes.io/out-of-service", "node.cloudprovider.kubernetes.io/shutdown",
          "ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted"})
        EXPECT_EQ(with(key, "NoExecute").trouble, (NodeTrouble{"Tainted", key, std::nullopt}));
}

TEST(ParseNode, NumbersAreBounded) {
    EXPECT_EQ(GpuCount("8"), 8);
    EXPECT_EQ(GpuCount("-3"), 0);
    EXPECT_EQ(GpuCount("9223372036854775"), kMostGpus);
    EXPECT_EQ(GpuCount("many"), 0);
    EXPECT_EQ(GpuCount(""), 0);
}

TEST(ParseNode, AWrongValueIsNamed) {
    for (const char* json :
         {R"({"metadata":{"name":5}})", R"({"status":{"conditions":3}})", "[]", "{"}) {
        const auto facts = ParseNode(json, kLabel);
        EXPECT_FALSE(facts) << json;
        EXPECT_EQ(ParseNode(NodeProjection(json), kLabel), facts);
    }
}

TEST(NodeProjection, KeepsWhatMayNameATypeAndNoMore) {
    std::string labels = R"("pool":"big","nvidia.com/mig.capable":"true")";
    for (int i = 0; i < 100; ++i)
        labels += fmt::format(R"(,"feature.node.kubernetes.io/cpu-cpuid.{}":"x")", i);
    const std::string kept = NodeProjection(Node(labels));
    EXPECT_THAT(kept, HasSubstr(R"("labels":{"pool":"big"})"));
    EXPECT_THAT(kept, Not(HasSubstr("posting")));
    EXPECT_LT(kept.size(), 250U);
    EXPECT_THAT(NodeProjection(R"({"metadata":{"name":"n","labels":{"pool":"big"}}})"),
                Not(HasSubstr("pool")))
        << "no GPUs";
}

}  // namespace
}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#include "operator/node/manager.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/job/pod_cache.h"
#include "operator/manager_fixture.h"
#include "operator/resources.h"

namespace dlws::node {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Node(int version, const std::string& spec = "{}") {
    return fmt::format(
        R"({{"metadata":{{"name":"node-1","uid":"n","resourceVersion":"{}","labels":)"
        R"({{"dlworkspace.io/gpu-type":"A100","pool":"big"}}}},"spec":{},"status":{{"capacity":)"
        R"({{"nvidia.com/gpu":"8"}},"allocatable":{{"nvidia.com/gpu":"8"}},)"
        R"("conditions":[{{"type":"Ready","status":"True"}}]}}}})",
        version, spec);
}

std::string Pod(int version, const std::string& phase) {
    return fmt::format(
        R"({{"metadata":{{"name":"digits-worker-0-0","namespace":"vision","uid":"p",)"
        R"("resourceVersion":"{}","labels":{{"dlworkspace.io/job":"digits"}},"ownerReferences":)"
        R"([{{"kind":"DLJob","name":"digits","uid":"j","controller":true}}]}},"spec":)"
        R"({{"nodeName":"node-1","containers":[{{"name":"main","resources":)"
        R"({{"requests":{{"nvidia.com/gpu":"3"}}}}}}]}},"status":{{"phase":"{}"}}}})",
        version, phase);
}

constexpr const char* kJob =
    R"({"metadata":{"name":"digits","namespace":"vision","uid":"j","resourceVersion":"4"},"spec":)"
    R"({"image":"i","roles":[{"name":"worker"}],"submittedBy":{"username":"alice"}}})";

class NodeManagerTest : public ManagerFixture {
  protected:
    NodeManagerTest()
        : nodes_(Watch("/api/v1/nodes")),
          pods_(Watch("/api/v1/pods")),
          jobs_(Watch("/apis/dlworkspace.io/v1/dljobs")) {
        nodes_.SendEvent("ADDED", Node(1));
        pods_.SendEvent("ADDED", Pod(2, "Running"));
        jobs_.SendEvent("ADDED", kJob);
        for (const Stream& stream : {nodes_, pods_, jobs_})
            SendEnd(stream);
        for (kube::Informer* informer : {&node_cache_, &pod_cache_, &job_cache_})
            Spawn(informer->Run());
        Until([this] {
            return node_cache_.HasSynced() && pod_cache_.HasSynced() && job_cache_.HasSynced();
        });
    }
    ~NodeManagerTest() override { StopAll(); }

    model::NodeReport Report() { return manager_.Observe(cluster_); }
    bool UntilFree(int gpus) {
        return Until([&] { return Report().gpus.free == gpus; });
    }

    Stream nodes_, pods_, jobs_;
    kube::Informer node_cache_{
        client_,
        {.resource = kube::kNodes,
         .transform = [](kube::Object& node) { node.raw = model::NodeProjection(node.raw); }},
        random_};
    kube::Informer pod_cache_{client_, job::PodCacheSettings(), random_};
    kube::Informer job_cache_{client_, {.resource = kDLJobs}, random_};
    bool leading_ = true;
    Manager manager_{node_cache_, pod_cache_, job_cache_, metrics_, [this] { return leading_; }};
    model::DLCluster cluster_;
};

TEST_F(NodeManagerTest, FollowsNodesPodsAndJobs) {
    const model::NodeReport report = Report();
    EXPECT_EQ(report.gpus, (model::GpuCounts{.total = 8, .allocatable = 8, .used = 3, .free = 5}));
    ASSERT_EQ(report.jobs.items.size(), 1U);
    EXPECT_EQ(report.jobs.items[0], (model::GpuHolder{"vision", "digits", "alice", 3}));
    pods_.SendEvent("MODIFIED", Pod(6, "Succeeded"));
    EXPECT_TRUE(UntilFree(8));
    pods_.SendEvent("MODIFIED", Pod(7, "Running"));
    EXPECT_TRUE(UntilFree(5));
    pods_.SendEvent("DELETED", Pod(8, "Running"));
    EXPECT_TRUE(UntilFree(8));
    nodes_.SendEvent("MODIFIED", Node(9, R"({"unschedulable":true})"));
    EXPECT_TRUE(UntilFree(0));
    EXPECT_EQ(Report().problems.items[0].reason, "Cordoned");
    nodes_.SendEvent("DELETED", Node(10));
    jobs_.SendEvent("DELETED", kJob);
    EXPECT_TRUE(Until([this] { return Report() == model::NodeReport(); }));
}

TEST_F(NodeManagerTest, AnotherLabelMayNameTheType) {
    EXPECT_EQ(Report().types.items[0].type, "A100");
    cluster_.gpu.typeLabel = "pool";
    EXPECT_EQ(Report().types.items[0].type, "big");
}

TEST_F(NodeManagerTest, TheLeaderPublishes) {
    EXPECT_THAT(metrics_.Text(), HasSubstr("dlws_gpus{type=\"A100\",state=\"used\"} 3\n"));
    EXPECT_THAT(metrics_.Text(), HasSubstr("dlws_gpus{type=\"A100\",state=\"free\"} 5\n"));
    EXPECT_THAT(metrics_.Text(),
                HasSubstr("dlws_gpus_used{namespace=\"vision\",user=\"alice\"} 3\n"));
    EXPECT_THAT(metrics_.Text(), HasSubstr("dlws_nodes{state=\"ready\"} 1\n"));
    leading_ = false;
    EXPECT_THAT(metrics_.Text(), Not(HasSubstr("dlws_gpus")));
}

TEST(NodeSamples, AreBoundedAndAddUp) {
    model::NodeSummary summary;
    for (int i = 0; i < 1'200; ++i) {
        const std::string name = fmt::format("n{:04}", i);
        summary.PutNode(
            {.name = name, .gpuType = fmt::format("t{:03}", i % 100), .gpus = 1, .allocatable = 1});
        summary.PutPod(name, {name, "j", name, 1, false});
    }
    std::string out;
    std::set<std::string, std::less<>> taken;
    kube::Samples samples(out, taken);
    WriteSamples(summary, samples);
    EXPECT_THAT(out, HasSubstr("dlws_gpus_used{namespace=\"(other)\",user=\"(other)\"} 200\n"));
    EXPECT_THAT(out, HasSubstr("dlws_gpus{type=\"(other)\",state=\"used\"} 816\n"));
    EXPECT_EQ(std::ranges::count(out, '\n'), 6 + 33 * 4 + 1'001 + 3);
}

}  // namespace
}  // namespace dlws::node

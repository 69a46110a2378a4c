// SPDX-License-Identifier: Apache-2.0
#include "caches/gpus.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/testing/manager_fixture.h"
#include "model/pod.h"
#include "model/resources.h"

namespace dlws::caches {
namespace {

using ::testing::ElementsAre;

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

class GpusTest : public ManagerFixture {
  protected:
    GpusTest()
        : nodes_(Watch("/api/v1/nodes")),
          pods_(Watch("/api/v1/pods", {{"labelSelector", "dlworkspace.io/job"}})),
          others_(Watch("/api/v1/pods", {{"labelSelector", "!dlworkspace.io/job"}})),
          jobs_(Watch("/apis/dlworkspace.io/v1/dljobs")) {
        nodes_.SendEvent("ADDED", Node(1));
        pods_.SendEvent("ADDED", Pod(2, "Running"));
        jobs_.SendEvent("ADDED", kJob);
        gpus_.OnNews([this] { ++news_; });
        for (const Stream& stream : {nodes_, pods_, jobs_})
            SendEnd(stream);
        for (kube::Informer* informer : {&node_cache_, &pod_cache_, &other_cache_, &job_cache_})
            Spawn(informer->Run());
        Until([this] {
            return node_cache_.HasSynced() && pod_cache_.HasSynced() && job_cache_.HasSynced();
        });
    }
    void ReadAll() {
        SendEnd(others_);
        EXPECT_TRUE(Until([this] { return gpus_.HasSynced(); }));
    }
    ~GpusTest() override { StopAll(); }

    model::NodeReport Report() { return gpus_.Observe(cluster_).value(); }
    bool UntilFree(int gpus) {
        return Until([&] { return Report().gpus.free == gpus; });
    }

    Stream nodes_, pods_, others_, jobs_;
    kube::Informer node_cache_{
        client_,
        {.resource = kube::kNodes,
         .transform = [](kube::Object& node) { node.raw = model::NodeProjection(node.raw); }},
        random_};
    kube::Informer pod_cache_{
        client_,
        {.resource = kube::kPods,
         .label_selector = "dlworkspace.io/job",
         .transform = [](kube::Object& pod) { pod.raw = model::PodProjection(pod.raw); }},
        random_};
    kube::Informer other_cache_{client_, OtherPods(), random_};
    kube::Informer job_cache_{client_, {.resource = kDLJobs}, random_};
    int news_ = 0;
    Gpus gpus_{{node_cache_, pod_cache_, other_cache_, job_cache_}};
    model::DLCluster cluster_;
};

TEST_F(GpusTest, FollowsNodesPodsAndJobs) {
    ReadAll();
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

TEST_F(GpusTest, SaysNothingUntilAllHasBeenRead) {
    EXPECT_FALSE(gpus_.Observe(cluster_));
    EXPECT_EQ(news_, 0);
    ReadAll();
    EXPECT_TRUE(Until([this] { return news_ == 1; })) << "the last that was read holds nothing";
    EXPECT_TRUE(gpus_.Observe(cluster_));
}

TEST_F(GpusTest, OnlyWhatDiffersIsNews) {
    ReadAll();
    ASSERT_TRUE(Until([this] { return news_ == 1; }));
    std::string heartbeat = Node(20);
    heartbeat.insert(heartbeat.find(R"("status":"True")"), R"("lastHeartbeatTime":"x",)");
    nodes_.SendEvent("MODIFIED", heartbeat);
    pods_.SendEvent("MODIFIED", Pod(21, "Pending"));
    ASSERT_TRUE(Until([this] { return pod_cache_.LastResourceVersion() == 21; }));
    EXPECT_EQ(news_, 1);
    pods_.SendEvent("MODIFIED", Pod(22, "Failed"));
    EXPECT_TRUE(Until([this] { return news_ == 2; }));
}

TEST_F(GpusTest, PodsThatAreNoJobsHoldGpusToo) {
    std::string notebook = Pod(30, "Running");
    notebook.replace(notebook.find("DLJob"), 5, "Other");
    others_.SendEvent("ADDED", notebook);
    others_.SendEvent("ADDED", R"({"metadata":{"name":"dns","namespace":"kube-system","uid":"d",)"
                               R"("resourceVersion":"31"},"spec":{"nodeName":"node-1"}})");
    ReadAll();
    EXPECT_EQ(Report().gpus.free, 2);
    EXPECT_EQ(other_cache_.store().Size(), 1U) << "who asks for no GPUs is not kept";
    EXPECT_THAT(Report().jobs.items, ElementsAre(model::GpuHolder{"vision", "", "", 3},
                                                 model::GpuHolder{"vision", "digits", "alice", 3}));
    // Somebody puts the label of alice's job on a pod of his own.
    others_.SendEvent("DELETED", notebook);
    notebook.replace(notebook.find("-0-0"), 4, "-0-1");
    notebook.replace(notebook.find(R"("p")"), 3, R"("q")");
    pods_.SendEvent("ADDED", notebook);
    EXPECT_TRUE(Until([this] { return pod_cache_.store().Size() == 2; }));
    EXPECT_THAT(Report().users.items,
                ElementsAre(model::GpuHolder{"", "", "", 3}, model::GpuHolder{"", "", "alice", 3}));
}

TEST(OtherPods, AreThoseThatNoJobControllerSees) {
    kube::Object pod;
    pod.meta.ns = "vision";
    pod.raw = R"({"nvidia.com/gpu":"1"})";
    EXPECT_TRUE(OtherPods().keep(pod));
    EXPECT_EQ(OtherPods().label_selector, "!dlworkspace.io/job");
    const auto of_one = OtherPods("vision");
    EXPECT_EQ(of_one.label_selector, "");
    EXPECT_TRUE(of_one.keep(pod));
    pod.meta.labels["dlworkspace.io/job"] = "digits";
    EXPECT_FALSE(of_one.keep(pod));
    pod.meta.ns = "speech";
    EXPECT_TRUE(of_one.keep(pod)) << "another installation's";
}

TEST_F(GpusTest, AnotherLabelMayNameTheType) {
    ReadAll();
    EXPECT_EQ(Report().types.items[0].type, "A100");
    cluster_.gpu.typeLabel = "pool";
    EXPECT_EQ(Report().types.items[0].type, "big");
}

}  // namespace
}  // namespace dlws::caches

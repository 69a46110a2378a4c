// SPDX-License-Identifier: Apache-2.0
#include "portal/server/cluster/view.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "portal/server/cluster/storages.h"

namespace dlws::portal::cluster {
namespace {

namespace json = boost::json;
using model::NodeFacts;

const model::Time kNow = *model::ParseTime("2026-01-02T12:00:00Z");

NodeFacts Gpus(const std::string& name, int gpus, const std::string& type = "A100") {
    return {.name = name, .gpuType = type, .gpus = gpus, .allocatable = gpus};
}

// node-1 has a job of alice's in vision, one of bob's in speech and a notebook; node-2 is cordoned,
// node-3 does not answer, node-4 has broken GPUs, node-5 has a bad disk.
class View : public ::testing::Test {
  protected:
    View() {
        summary_.PutNode(Gpus("node-1", 8));
        NodeFacts cordoned = Gpus("node-2", 8);
        cordoned.cordoned = true;
        cordoned.cordonedSince = kNow;
        summary_.PutNode(cordoned);
        NodeFacts lost = Gpus("node-3", 4, "unknown");
        lost.trouble = model::NodeTrouble{"NotReady", "Kubelet stopped posting node status.", kNow};
        summary_.PutNode(lost);
        NodeFacts broken = Gpus("node-4", 8);
        broken.allocatable = 7;
        summary_.PutNode(broken);
        NodeFacts sick = Gpus("node-5", 0, "");
        sick.trouble = model::NodeTrouble{"DiskPressure", "", std::nullopt};
        summary_.PutNode(sick);
        summary_.PutPod("a", {"vision", "digits", "node-1", 2, false});
        summary_.PutPod("b", {"speech", "words", "node-1", 3, false});
        summary_.PutPod("c", {"vision", "", "node-1", 1, false});
        summary_.PutJob("vision", "digits", "alice");
        summary_.PutJob("speech", "words", "bob");
    }
    json::object Status(const MaySee& may_see) {
        return ClusterStatusJson({summary_, cluster_, status_, jobs_}, {}, may_see);
    }
    json::object Node(const std::string& name, const MaySee& may_see) {
        return NodeJson(summary_, summary_.Nodes().at(name), cluster_, told_, kNow, may_see);
    }
    void Declare(const std::string& name) {
        cluster_.storages.emplace_back().name = name;
        cluster_.storages.back().hostPath = "/mnt/" + name;
    }

    static bool Everything(std::string_view) { return true; }
    static bool VisionAlone(std::string_view ns) { return ns == "vision"; }

    model::NodeSummary summary_;
    model::DLCluster cluster_;
    model::ClusterStatus status_;
    std::map<std::string, int> jobs_{{"Running", 2}, {"Queued", 1}};
    const model::DLNode* told_ = nullptr;
};

TEST_F(View, CountsEverythingForEverybody) {
    for (const MaySee& may_see : {MaySee(Everything), MaySee(VisionAlone)}) {
        const json::object status = Status(may_see);
        EXPECT_EQ(json::serialize(status.at("gpus")),
                  R"([{"type":"A100","total":24,"allocatable":15,"used":6,"free":9,"nodes":3,)"
                  R"("largestFree":7},)"
                  R"({"type":"","total":4,"allocatable":0,"used":0,"free":0,"nodes":1,)"
                  R"("largestFree":0}])");
        EXPECT_EQ(json::serialize(status.at("nodes")),
                  R"({"total":5,"ready":2,"notReady":1,"cordoned":1,"unhealthy":1})");
        EXPECT_EQ(json::serialize(status.at("jobs")), R"({"Queued":1,"Running":2})");
        EXPECT_EQ(status.at("problemsTotal"), 4);
    }
}

TEST_F(View, NamesWhoHoldsThemWhereJobsMayBeListed) {
    json::object status = Status(Everything);
    EXPECT_EQ(json::serialize(status.at("users")),
              R"([{"name":"bob","gpus":3,"jobs":1},{"name":"alice","gpus":2,"jobs":1},)"
              R"({"name":"others","gpus":1,"jobs":0}])")
        << "a notebook has no user that is known";
    EXPECT_EQ(json::serialize(status.at("namespaces")),
              R"([{"name":"speech","gpus":3,"jobs":1},{"name":"vision","gpus":3,"jobs":1}])");
    status = Status(VisionAlone);
    EXPECT_EQ(json::serialize(status.at("users")),
              R"([{"name":"alice","gpus":2,"jobs":1},{"name":"others","gpus":4,"jobs":1}])");
    EXPECT_EQ(json::serialize(status.at("namespaces")),
              R"([{"name":"vision","gpus":3,"jobs":1},{"name":"others","gpus":3,"jobs":1}])");
    const std::string nothing = json::serialize(Status([](std::string_view) { return false; }));
    for (const char* name : {"alice", "bob", "vision", "speech", "digits", "words"})
        EXPECT_EQ(nothing.find(name), std::string::npos) << name;
}

// What alice has in a namespace that one may not see is not told as hers.
TEST_F(View, AUserIsSummedUpOverWhatIsSeenAlone) {
    summary_.PutJob("speech", "words", "alice");
    EXPECT_EQ(json::serialize(Status(VisionAlone).at("users")),
              R"([{"name":"alice","gpus":2,"jobs":1},{"name":"others","gpus":4,"jobs":1}])");
    EXPECT_EQ(Status(Everything).at("users").at(0).at("gpus"), 5);
}

TEST_F(View, TellsTheWorstProblemsFirst) {
    Declare("work");
    Declare("data");
    Declare("hidden");
    cluster_.storages[2].namespaces = {"speech"};
    status_.storages = {
        {.name = "work", .nodesHealthy = 2, .nodesTotal = 3, .message = "work is on 2 of 3"},
        {.name = "data", .nodesHealthy = 0, .nodesTotal = 3, .message = "data is nowhere"},
        {.name = "hidden", .problem = "nobody's business"}};
    const json::object status = Status(VisionAlone);
    std::vector<std::string> told;
    for (const auto& problem : status.at("problems").as_array())
        told.push_back(std::string(problem.at("severity").as_string()) + " " +
                       std::string(problem.at("message").as_string()));
    EXPECT_THAT(told, ::testing::ElementsAre("Critical data is nowhere",
                                             "Critical NotReady: Kubelet stopped posting node "
                                             "status.",
                                             "Critical DiskPressure", "Warning work is on 2 of 3",
                                             "Warning GpusBroken: 1 of 8 GPUs cannot be used.",
                                             "Warning Cordoned: No new pods go there."));
    EXPECT_EQ(status.at("problemsTotal"), 6);
    EXPECT_EQ(status.at("problems").at(5).at("node").as_string(), "node-2");
    EXPECT_EQ(status.at("problems").at(5).at("since").as_string(), "2026-01-02T12:00:00Z");
    EXPECT_FALSE(status.at("problems").at(0).as_object().contains("node"));
}

TEST_F(View, ANodeSaysWhoHoldsItsGpus) {
    EXPECT_EQ(json::serialize(Node("node-1", Everything)),
              R"({"name":"node-1","state":"Ready","gpuType":"A100","gpus":8,"allocatable":8,)"
              R"("used":6,"othersUsed":1,"holders":[)"
              R"({"namespace":"speech","job":"words","owner":"bob","gpus":3},)"
              R"({"namespace":"vision","job":"digits","owner":"alice","gpus":2}],)"
              R"("problems":[],"storages":{}})");
    const json::object seen = Node("node-1", VisionAlone);
    EXPECT_EQ(seen.at("othersUsed"), 4);
    EXPECT_EQ(json::serialize(seen.at("holders")),
              R"([{"namespace":"vision","job":"digits","owner":"alice","gpus":2}])");
}

TEST_F(View, ANodeSaysWhatIsWrongWithIt) {
    EXPECT_EQ(Node("node-2", Everything).at("state").as_string(), "Cordoned");
    EXPECT_EQ(Node("node-3", Everything).at("state").as_string(), "NotReady");
    EXPECT_EQ(Node("node-4", Everything).at("state").as_string(), "Ready");
    EXPECT_EQ(Node("node-5", Everything).at("state").as_string(), "Unhealthy");
    EXPECT_FALSE(Node("node-3", Everything).contains("gpuType"));
    EXPECT_FALSE(Node("node-5", Everything).contains("gpuType"));
    EXPECT_EQ(json::serialize(Node("node-4", Everything).at("problems")),
              R"(["1 of 8 GPUs cannot be used."])");
    model::DLNode told;
    told.problems.assign(20, std::string(600, 'x'));
    told_ = &told;
    const json::object node = Node("node-3", Everything);
    EXPECT_EQ(node.at("problems").as_array().size(), 8U);
    EXPECT_EQ(node.at("problems").at(0).as_string(),
              "NotReady: Kubelet stopped posting node status.");
    EXPECT_EQ(node.at("problems").at(1).as_string().size(), 512U);
}

TEST_F(View, StoragesOfANodeAreWhatItsAgentSaysWhileItSpeaks) {
    for (const char* name : {"work", "data", "hidden"})
        Declare(name);
    cluster_.storages[2].namespaces = {"speech"};
    EXPECT_EQ(json::serialize(Node("node-1", VisionAlone).at("storages")), "{}") << "no agents";
    cluster_.checkStorages = true;
    model::DLNode told;
    told.checkedAt = kNow;
    told.storages = {{.name = "work", .state = model::StorageState::Hung}};
    told_ = &told;
    EXPECT_EQ(json::serialize(Node("node-1", VisionAlone).at("storages")),
              R"({"work":"Hung","data":"Unknown"})");
    told.checkedAt = kNow - model::kStale - std::chrono::seconds(1);
    EXPECT_EQ(json::serialize(Node("node-1", VisionAlone).at("storages")),
              R"({"work":"Unknown","data":"Unknown"})");
}

TEST_F(View, IsBoundedAndStillAddsUp) {
    for (int i = 0; i < 300; ++i) {
        const std::string name = fmt::format("n{:03}", i);
        NodeFacts facts = Gpus(name, 8, fmt::format("t{:03}", i));
        facts.trouble = model::NodeTrouble{std::string(256, 'r'), std::string(256, 'm'), kNow};
        summary_.PutNode(facts);
        summary_.PutPod(name, {name, "j", name, 1, false});
        summary_.PutJob(name, "j", fmt::format("user-{:03}", i));
        summary_.PutPod(name + "x", {"crowd", name, "node-1", 1, false});
    }
    const json::object status = Status(Everything);
    const auto sum = [&](const char* list, const char* field) {
        int total = 0;
        for (const auto& item : status.at(list).as_array())
            total += int(item.at(field).as_int64());
        return total;
    };
    EXPECT_EQ(status.at("gpus").as_array().size(), 64U);
    EXPECT_EQ(sum("gpus", "total"), 24 + 4 + 300 * 8);
    EXPECT_EQ(sum("gpus", "nodes"), 4 + 300);
    EXPECT_EQ(status.at("users").as_array().size(), 100U);
    EXPECT_EQ(sum("users", "gpus"), 6 + 600);
    EXPECT_EQ(sum("users", "jobs"), 2 + 600);
    EXPECT_EQ(status.at("namespaces").as_array().size(), 100U);
    EXPECT_EQ(sum("namespaces", "gpus"), 6 + 600);
    EXPECT_EQ(status.at("problems").as_array().size(), 20U);
    EXPECT_EQ(status.at("problemsTotal"), 4 + 300);
    EXPECT_LE(status.at("problems").at(1).at("message").as_string().size(), 512U);
    const json::object node = Node("node-1", Everything);
    EXPECT_EQ(node.at("holders").as_array().size(), 128U);
    EXPECT_EQ(node.at("othersUsed"), 1 + 302 - 128);
}

}  // namespace
}  // namespace dlws::portal::cluster

// SPDX-License-Identifier: Apache-2.0
#include "operator/storage/manager.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/testing/manager_fixture.h"

namespace dlws::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kOurs = "/apis/dlworkspace.io/v1/";
const std::string kNodePath = "/api/v1/nodes/node-1";
const std::string kStatusPath = kOurs + "dlclusters/cluster/status";

std::string Node(int version, const std::string& labels = "") {
    return fmt::format(R"({{"metadata":{{"name":"node-1","uid":"node-uid","resourceVersion":"{}",)"
                       R"("labels":{{"zone":"a"{}}}}},"spec":{{}}}})",
                       version, labels);
}

std::string Cluster(int version, const std::string& status = "{}") {
    return fmt::format(
        R"({{"metadata":{{"name":"cluster","uid":"cluster-uid","resourceVersion":"{}",)"
        R"("generation":1}},"spec":{{"storages":[{{"name":"work","hostPath":"/mnt/work"}}]}},)"
        R"("status":{}}})",
        version, status);
}

std::string Told(int version, const std::string& state, int age = 0) {
    using namespace std::chrono;
    const auto now = floor<seconds>(system_clock::now());
    return fmt::format(
        R"({{"metadata":{{"name":"node-1","uid":"u","resourceVersion":"{}"}},"status":)"
        R"({{"checkedAt":"{}","storages":[{{"name":"work","state":"{}","bytesTotal":9,)"
        R"("since":"2026-01-02T03:04:05Z"}}]}}}})",
        version, model::FormatTime(now - seconds(age)), state);
}

constexpr const char* kConflict =
    R"({"kind":"Status","apiVersion":"v1","status":"Failure","code":409,"reason":"Conflict"})";

constexpr const char* kForbidden =
    R"({"kind":"Status","apiVersion":"v1","status":"Failure","code":403,"reason":"Forbidden"})";

class StorageManagerTest : public ManagerFixture {
  protected:
    StorageManagerTest()
        : clusters_(Watch(kOurs + "dlclusters")),
          nodes_(Watch("/api/v1/nodes")),
          told_(Watch(kOurs + "dlnodes")) {
        server_.When("PATCH", kNodePath).Reply(200, Node(11));
        server_.When("PATCH", kStatusPath).Reply(200, Cluster(12));
        server_.When("POST", "*").Reply(201, R"({"metadata":{"name":"event"}})");
    }
    ~StorageManagerTest() override { StopAll(); }

    void Start(const std::string& told, const std::string& status = "{}") {
        clusters_.SendEvent("ADDED", Cluster(1, status));
        nodes_.SendEvent("ADDED", Node(2));
        told_.SendEvent("ADDED", told);
        for (const Stream& stream : {clusters_, nodes_, told_})
            SendEnd(stream);
        for (auto& [name, informer] : manager_.Informers())
            Spawn(informer->Run());
        Spawn(manager_.Work());
    }
    std::size_t Labels() const { return server_.Count("PATCH", kNodePath); }
    std::size_t Statuses() const { return server_.Count("PATCH", kStatusPath); }
    std::string Looks() const {
        const std::string text = metrics_.Text(), name = "workqueue_adds_total{name=\"storage\"}";
        const auto at = text.find(name);
        return text.substr(at, text.find('\n', at) - at);
    }
    bool UntilWritten() {
        return Until([this] { return Labels() == 1 && Statuses() == 1; });
    }
    /// The cache learns of both writes.
    void CatchUp() {
        nodes_.SendEvent("MODIFIED", Node(11, R"(,"storage.dlworkspace.io/work":"Healthy")"));
        const std::string patch = LastPatch(kStatusPath);
        const auto at = patch.find(R"("status":)");
        clusters_.SendEvent("MODIFIED", Cluster(12, patch.substr(at + 9, patch.size() - at - 10)));
    }

    kube::EventRecorder events_{client_, "test", "test-0"};
    std::optional<model::NodeReport> report_ = model::NodeReport();
    Manager manager_{client_,
                     events_,
                     metrics_,
                     random_,
                     {.coalesce = milliseconds(20),
                      .observe_nodes = [this](const model::DLCluster&) { return report_; }}};
    Stream clusters_, nodes_, told_;
};

TEST_F(StorageManagerTest, WritesWhatDiffersAndThenNothing) {
    report_->gpus.total = 8;
    Start(Told(3, "Healthy"));
    ASSERT_TRUE(UntilWritten());
    EXPECT_EQ(
        LastPatch(kNodePath),
        R"({"metadata":{"uid":"node-uid","labels":{"storage.dlworkspace.io/work":"Healthy"}}})");
    EXPECT_THAT(LastPatch(kStatusPath),
                HasSubstr(R"("metadata":{"uid":"cluster-uid","resourceVersion":"1"})"));
    EXPECT_THAT(LastPatch(kStatusPath),
                HasSubstr(R"("nodesHealthy":1,"nodesTotal":1,"bytesTotal":9)"));
    EXPECT_THAT(LastPatch(kStatusPath), HasSubstr(R"("gpus":{"total":8,)"));
    CatchUp();
    kube::testing::RunFor(io_, milliseconds(300));
    EXPECT_EQ(Labels(), 1u);
    EXPECT_EQ(Statuses(), 1u);
    const std::string looks = Looks();
    told_.SendEvent("MODIFIED", Told(13, "Healthy"));
    kube::testing::RunFor(io_, milliseconds(100));
    EXPECT_EQ(Looks(), looks) << "a renewal is no news";
    EXPECT_THAT(metrics_.Text(),
                HasSubstr("dlws_storage_nodes{storage=\"work\",state=\"Healthy\"} 1\n"));

    told_.SendEvent("MODIFIED", Told(14, "Hung"));
    ASSERT_TRUE(Until([this] { return Labels() == 2 && Statuses() == 2; }));
    EXPECT_THAT(LastPatch(kNodePath), HasSubstr(R"("Hung")"));
    EXPECT_TRUE(Until([this] { return events_.Queued() == 1u; }))
        << "the event comes after the answer to the write";
    EXPECT_NE(manager_.Troubles().Find("work", "node-1"), nullptr);
}

// Storages and nodes are written together: neither takes back what is said of the other.
TEST_F(StorageManagerTest, WhatIsSaidOfNodesIsWrittenBesidesAndSoon) {
    Start(Told(3, "Healthy"));
    ASSERT_TRUE(UntilWritten());
    CatchUp();
    report_->gpus.total = 8;
    report_->nodes.cordoned = 1;
    for (int i = 0; i < 100; ++i)
        manager_.TellSoon();
    told_.SendEvent("MODIFIED", Told(14, "Hung"));
    ASSERT_TRUE(Until([this] { return Statuses() == 2; }));
    EXPECT_THAT(LastPatch(kStatusPath), HasSubstr(R"("gpus":{"total":8,)"));
    EXPECT_THAT(LastPatch(kStatusPath), HasSubstr(R"("nodesHealthy":0,"nodesTotal":1)"));
    // As the API server has it now. All is quiet, and the next look would be in a minute.
    const std::string patch = LastPatch(kStatusPath);
    const auto at = patch.find(R"("status":)");
    clusters_.SendEvent("MODIFIED", Cluster(15, patch.substr(at + 9, patch.size() - at - 10)));
    kube::testing::RunFor(io_, milliseconds(300));
    ASSERT_EQ(Statuses(), 2U);
    const auto began = std::chrono::steady_clock::now();
    report_->gpus.total = 9;
    manager_.TellSoon();
    ASSERT_TRUE(Until([this] { return Statuses() == 3; }, seconds(10)));
    EXPECT_GT(std::chrono::steady_clock::now() - began, seconds(3)) << "the last was just now";
    EXPECT_THAT(LastPatch(kStatusPath), HasSubstr(R"("gpus":{"total":9,)"));
    EXPECT_THAT(LastPatch(kStatusPath), HasSubstr(R"("nodesHealthy":0,"nodesTotal":1)"));
}

TEST_F(StorageManagerTest, WhatIsNotKnownYetOfNodesStaysAsItIs) {
    report_ = std::nullopt;
    Start(Told(3, "Healthy"), R"({"gpus":{"total":7},"nodes":{"total":1}})");
    ASSERT_TRUE(UntilWritten());
    EXPECT_THAT(LastPatch(kStatusPath), HasSubstr(R"("gpus":{"total":7,)"));
}

TEST_F(StorageManagerTest, NothingIsWrittenTwiceWhileTheCacheIsBehind) {
    Start(Told(3, "Healthy"));
    ASSERT_TRUE(UntilWritten());
    nodes_.SendEvent("MODIFIED", Node(6, R"(,"storage.dlworkspace.io/old":"Healthy")"));
    clusters_.SendEvent("MODIFIED", Cluster(7));
    kube::testing::RunFor(io_, milliseconds(300));
    EXPECT_EQ(Labels(), 1u);
    EXPECT_EQ(Statuses(), 1u);
}

TEST_F(StorageManagerTest, KnowsByWhatFailuresAreJudged) {
    model::DLCluster cluster;
    cluster.checkStorages = true;
    cluster.storages.resize(1);
    cluster.storages[0].name = "work";
    model::DLJob job;
    job.spec.storage = {{"work", "", "/work", false}};
    model::PodView here, elsewhere;
    here.node = "node-1";
    elsewhere.node = "gone";
    const auto checks = [&] { return manager_.ChecksFor(cluster, job, {here, elsewhere}); };
    EXPECT_EQ(checks().size(), 2u) << "nothing has been read yet";
    EXPECT_EQ(checks().at("node-1").at, model::Time());
    Start(Told(3, "Healthy"));
    ASSERT_TRUE(UntilWritten());
    CatchUp();
    EXPECT_TRUE(
        Until([&] { return checks().size() == 1 && checks().at("node-1").at > model::Time(); }));
}

TEST_F(StorageManagerTest, AConflictIsTriedAgain) {
    // The caches may have come one after the other and so have made it look twice, but not more.
    server_.When("PATCH", kNodePath).Reply(200, Node(2));
    server_.When("PATCH", kStatusPath)
        .Reply(409, kConflict)
        .Reply(409, kConflict)
        .Reply(409, kConflict)
        .Reply(200, Cluster(12));
    Start(Told(3, "Healthy"));
    EXPECT_TRUE(Until([this] { return Statuses() == 4; }));
}

TEST_F(StorageManagerTest, ARefusedLabelIsTriedAgainAndKeepsNobodyWaiting) {
    server_.When("PATCH", kNodePath)
        .Reply(403, kForbidden)
        .Reply(403, kForbidden)
        .Reply(403, kForbidden)
        .Reply(200, Node(11));
    server_.When("PATCH", kStatusPath).Reply(200, Cluster(1));
    Start(Told(3, "Healthy"));
    EXPECT_TRUE(Until([this] { return Labels() == 4 && Statuses() > 0; }));
}

TEST_F(StorageManagerTest, LabelsStayWhileThereIsNoDLCluster) {
    Start(Told(3, "Healthy"));
    ASSERT_TRUE(UntilWritten());
    CatchUp();
    clusters_.SendEvent("DELETED", Cluster(20));
    told_.SendEvent("MODIFIED", Told(21, "Hung"));
    kube::testing::RunFor(io_, milliseconds(300));
    EXPECT_EQ(Labels(), 1u);
}

TEST_F(StorageManagerTest, OfANodeOnlyWhatIsReadIsKept) {
    Start(Told(3, "Healthy"));
    ASSERT_TRUE(UntilWritten());
    CatchUp();
    auto& store = manager_.Informers()[1].second->store();
    const std::map<std::string, std::string> ours{{"storage.dlworkspace.io/work", "Healthy"}};
    EXPECT_TRUE(Until([&] { return store.Get({"", "node-1"})->meta.labels == ours; }));
    EXPECT_EQ(store.Get({"", "node-1"})->raw,
              R"({"metadata":{"name":"node-1"},"spec":{},"status":{"conditions":[]}})");
}

// An agent that was silent for long and speaks again says nothing new, but it counts again.
TEST_F(StorageManagerTest, AnAgentThatIsBackCounts) {
    Start(Told(3, "Healthy", 1000));
    ASSERT_TRUE(UntilWritten());
    EXPECT_THAT(LastPatch(kNodePath), HasSubstr(R"("Unknown")"));
    nodes_.SendEvent("MODIFIED", Node(11, R"(,"storage.dlworkspace.io/work":"Unknown")"));
    kube::testing::RunFor(io_, milliseconds(100));
    told_.SendEvent("MODIFIED", Told(13, "Healthy"));
    ASSERT_TRUE(Until([this] { return Labels() == 2; }));
    EXPECT_THAT(LastPatch(kNodePath), HasSubstr(R"("Healthy")"));
}

}  // namespace
}  // namespace dlws::storage

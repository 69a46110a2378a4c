// SPDX-License-Identifier: Apache-2.0
#include "operator/storage/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <deque>

#include "operator/storage/metrics.h"

namespace dlws::storage {
namespace {

using model::StorageState;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using Labels = std::map<std::string, std::string>;
using Wanted = std::map<std::string, std::optional<std::string>>;

const model::Time kNow = *model::ParseTime("2026-01-02T12:00:00Z");

model::NodeStorage Fact(const std::string& name, StorageState state, int since = -600) {
    return {.name = name, .state = state, .since = kNow + seconds(since)};
}

// A DLCluster with the storages data and work, and nodes that a test adds.
class DecideTest : public ::testing::Test {
  protected:
    DecideTest() {
        world_.now = kNow;
        world_.cluster.meta.generation = 3;
        Declare("data");
        Declare("work");
    }
    model::Storage& Declare(const std::string& name) {
        model::Storage& storage = world_.cluster.storages.emplace_back();
        storage.name = name;
        storage.hostPath = "/mnt/" + name;
        return storage;
    }
    void AddNode(const std::string& name, const Labels& labels = {}) {
        names_.push_back(name);
        labels_.push_back(labels);
        world_.nodes.push_back({names_.back(), "uid-1", &labels_.back(), nullptr});
    }
    /// The node's agent told this `age` seconds ago.
    model::DLNode& AddTold(const std::string& name, std::vector<model::NodeStorage> facts,
                           int age = 10, const Labels& labels = {}) {
        AddNode(name, labels);
        model::DLNode& told = told_.emplace_back();
        told.checkedAt = kNow - seconds(age);
        told.storages = std::move(facts);
        world_.nodes.back().told = &told;
        return told;
    }
    model::DLNode& AddHealthy(const std::string& name, int age = 10) {
        return AddTold(
            name, {Fact("data", StorageState::Healthy), Fact("work", StorageState::Healthy)}, age,
            {{"storage.dlworkspace.io/data", "Healthy"},
             {"storage.dlworkspace.io/work", "Healthy"}});
    }
    Wanted LabelsOf(const std::string& node) {
        for (const LabelChange& change : Decide(world_).labels)
            if (change.node == node) return change.labels;
        return {};
    }
    /// Decides, and from then on the status stands in the DLCluster.
    Decision Settle() {
        Decision decision = Decide(world_);
        world_.was = decision.status;
        world_.written = world_.now;
        return decision;
    }

    World world_;
    std::deque<std::string> names_;
    std::deque<Labels> labels_;
    std::deque<model::DLNode> told_;
};

TEST_F(DecideTest, ALabelSaysWhatTheAgentTells) {
    AddTold("a", {Fact("data", StorageState::Healthy), Fact("work", StorageState::Hung)}, 180);
    EXPECT_EQ(LabelsOf("a"), (Wanted{{"storage.dlworkspace.io/data", "Healthy"},
                                     {"storage.dlworkspace.io/work", "Hung"}}));
}

TEST_F(DecideTest, WhatIsOldOrNotToldIsUnknown) {
    const Wanted unknown{{"storage.dlworkspace.io/data", "Unknown"},
                         {"storage.dlworkspace.io/work", "Unknown"}};
    AddNode("silent");
    AddTold("stale", {Fact("data", StorageState::Healthy), Fact("work", StorageState::Full)}, 181);
    AddTold("ahead", {Fact("data", StorageState::Healthy), Fact("work", StorageState::Full)}, -181);
    AddTold("blank", {});
    AddTold("never", {}).checkedAt.reset();
    for (const char* node : {"silent", "stale", "ahead", "blank", "never"})
        EXPECT_EQ(LabelsOf(node), unknown) << node;
    EXPECT_EQ(Decide(world_).troubles.Find("data", "stale")->since, kNow - seconds(181));
    for (const char* node : {"silent", "ahead", "blank", "never"})
        EXPECT_FALSE(Decide(world_).troubles.Find("data", node)->since) << node;
}

TEST_F(DecideTest, OnlyWhatDiffersIsWritten) {
    AddHealthy("a");
    EXPECT_THAT(Decide(world_).labels, IsEmpty());
    told_[0].storages[1].state = StorageState::Missing;
    EXPECT_EQ(LabelsOf("a"), (Wanted{{"storage.dlworkspace.io/work", "Missing"}}));
}

TEST_F(DecideTest, LabelsOfWhatIsNotDeclaredGo) {
    AddHealthy("a");
    labels_[0]["storage.dlworkspace.io/old"] = "Healthy";
    labels_[0]["storage.dlworkspace.iox/b"] = labels_[0]["zone"] = "c";
    // Nobody can use this one, and nobody's agent looks at that one.
    world_.cluster.storages[1].problem = "no";
    Declare("claim").kind = model::StorageKind::PersistentVolumeClaim;
    EXPECT_EQ(LabelsOf("a"), (Wanted{{"storage.dlworkspace.io/old", std::nullopt},
                                     {"storage.dlworkspace.io/work", std::nullopt}}));
    EXPECT_EQ(LabelPatch({"a", "u", {{"k/old", std::nullopt}, {"k/work", "Hung"}}}),
              R"({"metadata":{"uid":"u","labels":{"k/old":null,"k/work":"Hung"}}})");
}

TEST_F(DecideTest, TheStatusCounts) {
    world_.cluster.storages[0].problem = "no such kind";
    AddHealthy("a");
    AddHealthy("b");
    AddTold("c", {Fact("work", StorageState::Hung, -30)});
    const Decision decision = Decide(world_);
    EXPECT_TRUE(decision.write_status);
    EXPECT_EQ(decision.status.observedGeneration, 3);
    EXPECT_EQ(decision.status.summary, "data unusable, work 2/3");
    EXPECT_THAT(
        decision.status.storages,
        ElementsAre(model::StorageStatus{.name = "data", .problem = "no such kind"},
                    model::StorageStatus{.name = "work",
                                         .nodesHealthy = 2,
                                         .nodesTotal = 3,
                                         .message = "Storage work is healthy on 2 of 3 nodes; c: "
                                                    "Hung since 2026-01-02T11:59:30Z."}));
}

// A shared file system is one: whoever looked last knows best. What is broken knows nothing.
TEST_F(DecideTest, SpaceIsThatOfTheNewestHealthyNode) {
    const auto space = [](model::DLNode& node, std::int64_t free) {
        for (auto& fact : node.storages)
            fact.bytesTotal = 100, fact.bytesFree = free, fact.inodesTotal = 50,
            fact.inodesFree = free / 2;
    };
    space(AddHealthy("a", 20), 8);
    space(AddHealthy("b", 10), 6);
    space(AddHealthy("c", 30), 4);
    space(AddTold("d", {Fact("data", StorageState::Hung), Fact("work", StorageState::Hung)}, 1), 2);
    const model::StorageStatus data = Decide(world_).status.storages[0];
    EXPECT_THAT((std::vector{data.bytesTotal, data.bytesFree, data.inodesTotal, data.inodesFree}),
                ElementsAre(100, 6, 50, 3));
}

TEST_F(DecideTest, SpaceAloneIsWrittenOnceAMinute) {
    model::DLNode& told = AddHealthy("a");
    Settle();
    EXPECT_FALSE(Decide(world_).write_status);
    told.storages[0].bytesFree = 5;
    world_.now += seconds(20);
    EXPECT_FALSE(Decide(world_).write_status);
    EXPECT_EQ(Decide(world_).again, seconds(40));
    world_.now += seconds(40);
    EXPECT_TRUE(Decide(world_).write_status);
    // What one must know at once takes the numbers along.
    Settle();
    world_.now += seconds(60);
    EXPECT_FALSE(Decide(world_).write_status) << "there is nothing to say";
    world_.written = world_.now;
    told.storages[1].state = StorageState::Hung;
    EXPECT_TRUE(Decide(world_).write_status);
    told.storages[0].bytesFree = 6;
    EXPECT_TRUE(Decide(world_).write_status);
    EXPECT_EQ(Decide(world_).status.storages[0].bytesFree, 6);
}

TEST_F(DecideTest, WhatIsSaidOfNodesIsWrittenEveryFiveSecondsAtMost) {
    model::DLNode& told = AddHealthy("a");
    world_.report.gpus.free = 8;
    EXPECT_EQ(Settle().status.report, world_.report);
    world_.report.gpus.free = 4;
    world_.now += seconds(4);
    EXPECT_FALSE(Decide(world_).write_status);
    EXPECT_EQ(Decide(world_).again, seconds(1));
    world_.now += seconds(1);
    EXPECT_TRUE(Settle().write_status);
    // However much happens: ten minutes in which it is another each second.
    int writes = 0;
    for (int second = 1; second <= 600; ++second) {
        ++world_.report.gpus.used;
        told.checkedAt = world_.now += seconds(1);
        const Decision decision = Decide(world_);
        if (!decision.write_status) continue;
        ++writes;
        world_.was = decision.status;
        world_.written = world_.now;
    }
    EXPECT_EQ(writes, 600 / 5);
    Settle();
    told.checkedAt = world_.now += seconds(600);
    EXPECT_FALSE(Decide(world_).write_status) << "there is nothing to say";
}

TEST_F(DecideTest, TheMoreAgentsWatchTheLessOftenItIsWritten) {
    EXPECT_EQ(ReportInterval(0), seconds(5));
    EXPECT_EQ(ReportInterval(500), seconds(5));
    EXPECT_EQ(ReportInterval(5'000), seconds(50));
    EXPECT_EQ(ReportInterval(100'000), seconds(60));
    for (int i = 0; i < 2'000; ++i)
        AddNode(std::to_string(i));
    Settle();
    world_.report.gpus.free = 4;
    world_.now += seconds(19);
    EXPECT_FALSE(Decide(world_).write_status);
    world_.now += seconds(1);
    EXPECT_TRUE(Decide(world_).write_status);
}

TEST_F(DecideTest, TheFirstNodeIsNoEvent) {
    Settle();
    AddHealthy("a");
    EXPECT_THAT(Settle().events, IsEmpty());
}

TEST_F(DecideTest, AnEventWhenItBeginsAndWhenItEnds) {
    model::DLNode& told = AddHealthy("a");
    AddHealthy("b");
    EXPECT_THAT(Settle().events, IsEmpty()) << "the first status of a DLCluster is no change";
    EXPECT_THAT(Settle().events, IsEmpty());
    told.storages[1].state = StorageState::Hung;
    const auto begins = Settle().events;
    ASSERT_EQ(begins.size(), 1u);
    EXPECT_TRUE(begins[0].warning);
    EXPECT_EQ(begins[0].reason, "StorageNotHealthy");
    EXPECT_THAT(begins[0].note, HasSubstr("work is healthy on 1 of 2 nodes; a: Hung since"));
    told.storages[1].state = StorageState::Missing;
    EXPECT_THAT(Settle().events, IsEmpty());
    told.storages[1].state = StorageState::Healthy;
    EXPECT_THAT(Settle().events,
                ElementsAre(EventNote{false, "StorageHealthy",
                                      "Storage work is healthy on 2 of 2 nodes."}));
}

TEST_F(DecideTest, ItLooksAgainWhenTheNextOneIsStale) {
    AddHealthy("a", 5);
    AddHealthy("b", 150);
    AddHealthy("gone", 500);
    EXPECT_EQ(Decide(world_).again, seconds(31));
    world_.now += seconds(30);
    EXPECT_EQ(Decide(world_).troubles.Find("data", "b"), nullptr);
    world_.now += seconds(1);
    EXPECT_NE(Decide(world_).troubles.Find("data", "b"), nullptr);
    EXPECT_EQ(Decide(world_).again, kSpaceInterval);
}

TEST_F(DecideTest, AStorageThatIsThereTwiceIsLookedAtOnce) {
    Declare("data");
    AddHealthy("a");
    EXPECT_EQ(Decide(world_).status.storages.size(), 2u);
    EXPECT_EQ(Decide(world_).status.storages[0].nodesTotal, 1);
}

TEST(StorageTroubles, NamesThreeNodes) {
    StorageTroubles troubles;
    EXPECT_EQ(troubles.Availability("work"), "Storage work is healthy on 0 of 0 nodes.");
    troubles.Add("work", "a", StorageState::Healthy, kNow);
    EXPECT_EQ(troubles.Availability("work"), "Storage work is healthy on 1 of 1 nodes.");
    for (const char* node : {"e", "d", "c", "b"})
        troubles.Add("work", node, StorageState::Full, kNow);
    troubles.Add("work", "b2", std::nullopt, std::nullopt);
    EXPECT_EQ(troubles.Availability("work"),
              "Storage work is healthy on 1 of 6 nodes; b: Full since 2026-01-02T12:00:00Z, b2: "
              "Unknown, c: Full since 2026-01-02T12:00:00Z, and 2 more.");
    EXPECT_EQ(*troubles.Find("work", "c"), (StorageTroubles::Trouble{StorageState::Full, kNow}));
    EXPECT_EQ(troubles.Find("work", "a"), nullptr);
    EXPECT_EQ(troubles.Find("other", "c"), nullptr);
}

TEST(StorageTroubles, OfAJobAreThoseWhereItsPodsAre) {
    StorageTroubles troubles;
    troubles.Add("work", "n1", StorageState::Hung, kNow);
    troubles.Add("work", "n2", StorageState::Healthy, kNow);
    troubles.Add("data", "n1", StorageState::Missing, kNow);
    model::DLJob job;
    job.spec.storage = {{"work", "", "/work", false}, {"work", "x", "/x", false}};
    model::PodView pod;
    pod.name = "digits-worker-0-0";
    pod.phase = model::PodPhase::Running;
    pod.node = "n2";
    EXPECT_EQ(TroubleOf(troubles, job, {pod}), "");
    pod.node = "n1";
    EXPECT_EQ(TroubleOf(troubles, job, {pod}),
              "Storage work is Hung on node n1, where pod digits-worker-0-0 runs, since "
              "2026-01-02T12:00:00Z.");
    pod.node = "";
    EXPECT_EQ(TroubleOf(troubles, job, {pod}), troubles.Availability("work"));
    pod.phase = model::PodPhase::Failed;
    EXPECT_EQ(TroubleOf(troubles, job, {pod}), "");
    job.spec.storage.clear();
    pod.phase = model::PodPhase::Running;
    pod.node = "n1";
    EXPECT_EQ(TroubleOf(troubles, job, {pod}), "") << "it uses none";
}

TEST_F(DecideTest, PodsFromBeforeARemountAreStale) {
    model::NodeStorage fact = Fact("work", StorageState::Healthy);
    fact.remountedAt = kNow;
    AddTold("n1", {fact});
    AddTold("n2", {Fact("work", StorageState::Healthy)});
    const StorageTroubles troubles = Decide(world_).troubles;
    model::DLJob job;
    job.spec.storage = {{"work", "", "/work", false}};
    model::PodView pod;
    pod.name = "digits-worker-0-0";
    pod.phase = model::PodPhase::Running;
    pod.node = "n1";
    pod.creationTimestamp = kNow - seconds(1);
    const auto stale = [&] { return StalePods(troubles, job, {pod}); };
    EXPECT_THAT(stale(), ElementsAre(Pair("digits-worker-0-0",
                                          "Pod digits-worker-0-0 does not reach storage work any "
                                          "more: it was mounted anew on node n1 at "
                                          "2026-01-02T12:00:00Z.")));
    pod.creationTimestamp = kNow;
    EXPECT_THAT(stale(), IsEmpty()) << "made after it";
    pod.creationTimestamp = kNow - seconds(1);
    pod.phase = model::PodPhase::Succeeded;
    EXPECT_THAT(stale(), IsEmpty()) << "it needs nothing more";
    pod.phase = model::PodPhase::Running;
    pod.node = "n2";
    EXPECT_THAT(stale(), IsEmpty());
    pod.node = "n1";
    job.spec.storage[0].name = "data";
    EXPECT_THAT(stale(), IsEmpty());
    // As long as it is not healthy, there is nothing to be restarted for.
    told_[0].storages[0].state = StorageState::Hung;
    job.spec.storage[0].name = "work";
    EXPECT_THAT(StalePods(Decide(world_).troubles, job, {pod}), IsEmpty());
}

TEST_F(DecideTest, FailuresAreJudgedByWhatTheAgentTells) {
    model::NodeStorage fact = Fact("work", StorageState::Healthy);
    fact.lostSince = kNow - seconds(60);
    fact.lostUntil = kNow - seconds(30);
    AddTold("n1", {fact}, 10, {{"storage.dlworkspace.io/work", "Healthy"}});
    AddTold("silent", {fact}, 200);
    world_.cluster.checkStorages = true;
    model::DLJob job;
    job.spec.storage = {{"work", "", "/work", false}, {"work", "x", "/x", false}};
    const auto checks = [&] { return ChecksFor(world_.cluster, job, world_.nodes, kNow); };
    ASSERT_EQ(checks().size(), 1u) << "nobody asks the other one";
    job::StorageCheck check = checks().at("n1");
    EXPECT_EQ(check.at, kNow - seconds(10));
    ASSERT_EQ(check.losses.size(), 1u);
    EXPECT_EQ(check.losses[0].what, "Storage work was lost on node n1");
    EXPECT_EQ(check.losses[0].since, fact.lostSince);
    EXPECT_EQ(check.losses[0].until, fact.lostUntil);

    told_[0].storages[0].remountedAt = kNow - seconds(20);
    check = checks().at("n1");
    ASSERT_EQ(check.losses.size(), 2u);
    EXPECT_EQ(check.losses[1].what, "Storage work was mounted anew on node n1");
    EXPECT_EQ(check.losses[1].since, kNow - seconds(20));
    EXPECT_EQ(check.losses[1].until, kNow - seconds(20)) << "pods from after it are well";

    told_[0].storages = {Fact("work", StorageState::ReadOnly, -5)};
    EXPECT_EQ(checks().at("n1").at, model::Time()) << "a pod made anew would still go there";
    labels_[0]["storage.dlworkspace.io/work"] = "ReadOnly";
    check = checks().at("n1");
    EXPECT_EQ(check.at, kNow - seconds(10));
    ASSERT_EQ(check.losses.size(), 1u);
    EXPECT_EQ(check.losses[0].what, "Storage work is ReadOnly on node n1");
    EXPECT_EQ(check.losses[0].since, kNow - seconds(5));
    EXPECT_EQ(check.losses[0].until, model::Time::max());

    world_.cluster.storages[1].kind = model::StorageKind::PersistentVolumeClaim;
    EXPECT_THAT(checks(), IsEmpty());
    world_.cluster.storages[1].kind = model::StorageKind::HostMount;
    world_.cluster.checkStorages = false;
    EXPECT_THAT(checks(), IsEmpty()) << "no agents";
    world_.cluster.checkStorages = true;
    job.spec.storage.clear();
    EXPECT_THAT(checks(), IsEmpty());
}

TEST_F(DecideTest, MetricsSayTheSame) {
    AddHealthy("a").storages[1].bytesTotal = 100;
    told_[0].storages[1].bytesFree = 5;
    AddNode("b");
    world_.cluster.storages[0].problem = "no such kind";
    std::string out;
    std::set<std::string, std::less<>> taken;
    kube::Samples samples(out, taken);
    const Decision decision = Decide(world_);
    WriteSamples(decision.status, decision.troubles, samples);
    EXPECT_THAT(out, HasSubstr("dlws_storage_nodes{storage=\"work\",state=\"Healthy\"} 1\n"));
    EXPECT_THAT(out, HasSubstr("dlws_storage_nodes{storage=\"work\",state=\"Unknown\"} 1\n"));
    EXPECT_THAT(out, HasSubstr("dlws_storage_nodes{storage=\"work\",state=\"Hung\"} 0\n"));
    EXPECT_THAT(out, HasSubstr("dlws_storage_bytes_free{storage=\"work\"} 5\n"));
    EXPECT_THAT(out, HasSubstr("dlws_storage_bytes_capacity{storage=\"work\"} 100\n"));
    EXPECT_THAT(out, HasSubstr("dlws_storage_bytes_capacity{storage=\"data\"} nan\n"))
        << "not known";
    EXPECT_THAT(out, HasSubstr("dlws_storage_problem{storage=\"data\"} 1\n"));
    EXPECT_THAT(out, HasSubstr("dlws_storage_problem{storage=\"work\"} 0\n"));
}

}  // namespace
}  // namespace dlws::storage

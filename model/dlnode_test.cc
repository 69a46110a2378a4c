// SPDX-License-Identifier: Apache-2.0
#include "model/dlnode.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/cluster_status.h"
#include "model/testing.h"

namespace dlws::model {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Time Noon(int second) {
    return *ParseTime("2026-01-02T12:00:00Z") + seconds(second);
}

DLNode Full() {
    DLNode node;
    node.meta.name = "node-1";
    node.meta.uid = "u";
    node.checkedAt = Noon(0);
    node.problems = {"/dlwsdata/work is a folder"};
    node.storages = {{"work", StorageState::Hung, "NoAnswer", "mend it", Noon(1), Noon(2), Noon(3),
                      "0:52", Noon(4), "nfs4", 10, 9, 8, 7},
                     {.name = "data"}};
    return node;
}

std::string Document(const DLNode& node) {
    return fmt::format(R"({{"metadata":{{"name":"{}","uid":"{}"}},"status":{}}})", node.meta.name,
                       node.meta.uid, StatusJson(node));
}

TEST(DLNode, WhatIsWrittenIsRead) {
    for (const DLNode& node : {Full(), DLNode()}) {
        const auto read = ParseDLNode(Document(node));
        ASSERT_TRUE(read) << read.error();
        EXPECT_EQ(*read, node);
    }
}

TEST(DLNode, WhatIsEmptyIsLeftOut) {
    EXPECT_EQ(StatusJson({}), "{}");
    DLNode node;
    node.storages = {{.name = "data"}};
    EXPECT_EQ(StatusJson(node),
              R"({"summary":"data Healthy","storages":[{"name":"data","state":"Healthy"}]})");
}

TEST(DLNode, NothingIsLongerThanTheDefinitionTakes) {
    DLNode node = Full();
    NodeStorage& storage = node.storages[0];
    storage.reason = storage.message = storage.mount = storage.fileSystem = std::string(2000, 'x');
    node.storages.resize(40, {.name = "data"});
    node.problems.resize(40, std::string(2000, 'x'));
    const auto read = ParseDLNode(Document(node));
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(read->storages.size(), 32u);
    EXPECT_EQ(read->problems.size(), 32u);
    EXPECT_EQ(read->problems.back().size(), 1024u);
    EXPECT_EQ(read->storages[0].reason.size(), 64u);
    EXPECT_EQ(read->storages[0].message.size(), 1024u);
    EXPECT_EQ(read->storages[0].mount.size(), 128u);
    EXPECT_EQ(read->storages[0].fileSystem.size(), 64u);
}

// An agent of a later version may know more than we do.
TEST(DLNode, WhatIsUnknownIsLeftOut) {
    const auto node = ParseDLNode(
        R"({"metadata":{"name":"n"},"status":{"later":1,"storages":[{"name":"a","state":"Slow"},)"
        R"({"state":"Healthy"},{"name":"b","state":"Full","later":{}}]}})");
    ASSERT_TRUE(node) << node.error();
    ASSERT_EQ(node->storages.size(), 1u);
    EXPECT_EQ(FindStorage(*node, "b")->state, StorageState::Full);
    EXPECT_EQ(FindStorage(*node, "a"), nullptr);
    EXPECT_FALSE(node->checkedAt);
}

TEST(DLNode, AWrongValueIsNamed) {
    const auto node =
        ParseDLNode(R"({"metadata":{"name":"n"},"status":{"storages":[{"name":5}]}})");
    ASSERT_FALSE(node);
    EXPECT_THAT(node.error(), HasSubstr("status.storages[0].name"));
}

TEST(StorageState, EachHasItsWord) {
    for (std::size_t i = 0; i < kStorageStates; ++i)
        EXPECT_EQ(StorageStateOf(ToString(StorageState(i))), StorageState(i));
    EXPECT_EQ(ToString(StorageState::ReadOnly), "ReadOnly");
    EXPECT_FALSE(StorageStateOf("Unknown"));
}

NodeReport Report() {
    NodeReport report;
    report.gpus = {1, 2, 3, 4, 5, 6};
    report.types = {{{"A100", 7, {8, 9, 10, 11, 12, 13}}}, 14};
    report.users = {{{"", "", "alice", 15}}, 16};
    report.namespaces = {{{"vision", "", "", 17}}, 18};
    report.jobs = {{{"vision", "digits", "alice", 19}}, 20};
    report.nodes = {21, 22, 23, 24};
    report.problems = {{{"n", "NotReady", "m", Noon(5), 25}}, 26};
    return report;
}

TEST(ClusterStatus, WhatIsWrittenIsRead) {
    const ClusterStatus status{3,
                               "work 1/2",
                               {{"work", "", 1, 2, 10, 9, 8, 7, "not healthy everywhere"},
                                {.name = "data", .problem = "no such kind"},
                                {.name = "homes", .nodesTotal = 2}},
                               Report()};
    const std::string patch = ClusterStatusPatch(status, "u", "7");
    const auto read = ParseClusterStatus(patch);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(*read, status);
    const auto document = boost::json::parse(patch);
    EXPECT_EQ(At(document, "/metadata"), R"({"uid":"u","resourceVersion":"7"})");
    EXPECT_EQ(At(document, "/status/storages/1"), R"({"name":"data","problem":"no such kind"})");
    EXPECT_EQ(At(document, "/status/storages/2/nodesHealthy"), "0") << "0 of 2 is worth a word";
    EXPECT_THAT(ParseClusterStatus(R"({"spec":{}})")->storages, IsEmpty());
    // A list that becomes empty is written: a merge patch keeps what it does not name.
    const std::string nothing = ClusterStatusPatch({}, "u", "7");
    EXPECT_THAT(nothing, HasSubstr(R"("summary":null,"storages":[])"));
    EXPECT_THAT(nothing, HasSubstr(R"("problems":[],"problemsOmitted":0)"));
}

}  // namespace
}  // namespace dlws::model

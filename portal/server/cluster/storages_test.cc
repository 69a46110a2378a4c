// SPDX-License-Identifier: Apache-2.0
#include "portal/server/cluster/storages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace dlws::portal::cluster {
namespace {

namespace json = boost::json;
using model::Storage;
using model::StorageLayout;

Storage Mounted(const std::string& name, StorageLayout layout, const std::string& share = "") {
    Storage storage;
    storage.name = name;
    storage.hostPath = "/mnt/gluster";
    storage.path = name + "-folder";
    storage.layout = layout;
    storage.share = share;
    return storage;
}

class Storages : public ::testing::Test {
  protected:
    Storages() {
        cluster_.storages = {Mounted("data", StorageLayout::Shared, "datasets"),
                             Mounted("work", StorageLayout::PerUser, "home"),
                             Mounted("jobfiles", StorageLayout::PerJob),
                             Mounted("scratch", StorageLayout::PerUser)};
        cluster_.storages[0].readOnly = true;
        cluster_.systemFolders = {{"storage", "data"}, {"work", "work"}, {"jobfiles", "jobfiles"}};
        cluster_.defaultUser.name = "default";
        user_.meta.name = "alice";
    }
    json::array Shown(const Person& person, std::string_view smb = "dlws.example.org") {
        return StoragesJson(cluster_, status_, person, smb,
                            [](std::string_view ns) { return ns == "vision"; });
    }
    json::array ToAlice(std::string_view smb = "dlws.example.org") {
        return Shown(PersonOf(cluster_, &user_, &user_status_), smb);
    }

    model::DLCluster cluster_;
    model::ClusterStatus status_;
    model::DLUser user_;
    model::UserStatus user_status_;
};

TEST_F(Storages, ShowOnesOwnFolders) {
    EXPECT_EQ(json::serialize(ToAlice()),
              R"([{"name":"data","layout":"shared","readOnly":true,"path":"/dlwsdata/storage",)"
              R"("smb":"\\\\dlws.example.org\\datasets"},)"
              R"({"name":"work","layout":"perUser","readOnly":false,"path":"/dlwsdata/work/alice",)"
              R"("smb":"\\\\dlws.example.org\\home"},)"
              R"({"name":"jobfiles","layout":"perJob","readOnly":false,)"
              R"("path":"/dlwsdata/jobfiles/alice"},)"
              R"({"name":"scratch","layout":"perUser","readOnly":false,)"
              R"("path":"/mnt/gluster/scratch-folder/alice"}])");
}

TEST_F(Storages, PeopleWithoutADLUserHaveTheDefaultUsersFolderOrNone) {
    json::array shown = Shown(PersonOf(cluster_, nullptr, nullptr));
    EXPECT_EQ(shown[1].at("path").as_string(), "/dlwsdata/work/default");
    EXPECT_FALSE(shown[1].as_object().contains("smb")) << "they cannot log in there";
    cluster_.unknownUsers = model::UnknownUsers::Refuse;
    shown = Shown(PersonOf(cluster_, nullptr, nullptr));
    EXPECT_EQ(shown[0].at("path").as_string(), "/dlwsdata/storage");
    EXPECT_FALSE(shown[1].as_object().contains("path"));
}

TEST_F(Storages, SmbIsShownWhereTheServerShowsIt) {
    for (const auto& storage : ToAlice(""))
        EXPECT_FALSE(storage.as_object().contains("smb")) << "there is no server";
    cluster_.storages[1].share = "DATASETS";  // the first has it
    EXPECT_FALSE(ToAlice()[1].as_object().contains("smb"));
    EXPECT_TRUE(ToAlice()[0].as_object().contains("smb"));
}

TEST_F(Storages, TellHealthSpaceAndQuota) {
    status_.storages = {{.name = "work",
                         .nodesHealthy = 2,
                         .nodesTotal = 3,
                         .bytesTotal = 100,
                         .bytesFree = 0,
                         .message = "Storage work is healthy on 2 of 3 nodes"}};
    user_status_.quotas = {{"work", 10, 4}, {"scratch", 0, 0}};
    const json::array shown = ToAlice();
    const json::object& work = shown[1].as_object();
    EXPECT_EQ(work.at("nodesHealthy"), 2);
    EXPECT_EQ(work.at("nodesTotal"), 3);
    EXPECT_EQ(work.at("bytesTotal"), 100);
    EXPECT_EQ(work.at("bytesFree"), 0) << "a full one says so";
    EXPECT_EQ(work.at("quotaBytes"), 10);
    EXPECT_EQ(work.at("quotaFree"), 4);
    EXPECT_EQ(work.at("message").as_string(), "Storage work is healthy on 2 of 3 nodes");
    // Over its limit, as a quota may be.
    status_.storages[0].bytesFree = -5;
    user_status_.quotas[0].bytesFree = -1;
    EXPECT_EQ(ToAlice()[1].at("bytesFree"), 0);
    EXPECT_EQ(ToAlice()[1].at("quotaFree"), 0);
    for (const char* field : {"nodesTotal", "bytesTotal", "quotaBytes", "message"})
        EXPECT_FALSE(shown[3].as_object().contains(field)) << field;
}

TEST_F(Storages, WhatIsWrongIsSaidTheWorstFirst) {
    user_status_.message = "your folder cannot be made";
    EXPECT_EQ(ToAlice()[1].at("message").as_string(), "your folder cannot be made");
    EXPECT_FALSE(ToAlice()[0].as_object().contains("message")) << "nobody's own";
    status_.storages = {{.name = "work", .message = "it hangs"}};
    EXPECT_EQ(ToAlice()[1].at("message").as_string(), "it hangs");
    cluster_.storages[1].problem = "path must be relative";
    EXPECT_EQ(ToAlice()[1].at("message").as_string(), "path must be relative");
    EXPECT_FALSE(ToAlice()[1].as_object().contains("path")) << "nobody can use it";
}

TEST_F(Storages, ThoseOfOtherNamespacesAreNotShown) {
    cluster_.storages[3].namespaces = {"speech"};
    EXPECT_EQ(ToAlice().size(), 3U);
    cluster_.storages[3].namespaces = {"speech", "vision"};
    EXPECT_EQ(ToAlice().size(), 4U);
}

TEST_F(Storages, AClaimIsNowhereOnANode) {
    cluster_.storages[3].kind = model::StorageKind::PersistentVolumeClaim;
    EXPECT_FALSE(ToAlice()[3].as_object().contains("path"));
}

TEST_F(Storages, AreBounded) {
    for (int i = 0; i < 100; ++i)
        cluster_.storages.push_back(Mounted("s" + std::to_string(i), StorageLayout::Shared));
    cluster_.storages[0].problem = std::string(5'000, 'x');
    EXPECT_EQ(ToAlice().size(), 32U);
    EXPECT_EQ(ToAlice()[0].at("message").as_string().size(), 1'024U);
}

}  // namespace
}  // namespace dlws::portal::cluster

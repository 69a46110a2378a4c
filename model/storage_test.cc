// SPDX-License-Identifier: Apache-2.0
#include "model/storage.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "model/dlcluster.h"
#include "model/render.h"

namespace dlws::model {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

Metadata Digits() {
    Metadata meta;
    meta.name = "digits";
    meta.ns = "vision";
    meta.uid = "1a2b3c4d-0000-0000-0000-000000000000";
    meta.creationTimestamp = std::chrono::sys_days(std::chrono::year(2026) / 11 / 29);
    return meta;
}

DLCluster Cluster(const std::string& spec) {
    auto cluster =
        ParseDLCluster(R"({"metadata":{"name":"cluster","uid":"u"},"spec":)" + spec + "}");
    if (!cluster) throw std::runtime_error(cluster.error());
    return *std::move(cluster);
}

DLJob Job(std::vector<StorageMount> storage) {
    DLJob job;
    job.meta = Digits();
    job.spec.image = "img:1";
    job.spec.roles = {Role{.name = "worker"}};
    job.spec.storage = std::move(storage);
    return job;
}

json::value Pod(const DLJob& job, const DLCluster& cluster) {
    const auto rendered = Render(job, cluster, {5001, 5001, "alice", {}});
    if (!rendered) throw std::runtime_error(rendered.error().message);
    return json::parse(MakePod(*rendered, 0, 0, 0));
}

std::string At(const json::value& document, std::string_view pointer) {
    boost::system::error_code error;
    const json::value* found = document.find_pointer(pointer, error);
    return found ? json::serialize(*found) : "(none)";
}

TEST(Storage, APathStaysBelow) {
    for (const char* fine : {"", "a", "a/b", "a..b", "..a", "a/...", "a/./b"})
        EXPECT_TRUE(StaysBelow(fine)) << fine;
    for (const char* out : {"/", "/a", "..", "../a", "a/..", "a/../b", "a/b/.."})
        EXPECT_FALSE(StaysBelow(out)) << out;
}

// The administrator's part is what the node mounts; the user's goes through the kubelet.
TEST(Storage, WhatAUserCanReplaceIsBelow) {
    Storage s{.name = "s", .hostPath = "/mnt/g", .path = "lab"};
    const auto folder = [&](std::string_view path) {
        const StorageFolder f = FolderOf(s, path, Digits(), "alice");
        return f.host + " : " + f.below;
    };
    EXPECT_EQ(folder("x/y"), "/mnt/g/lab : x/y");
    s.layout = StorageLayout::PerUser;
    EXPECT_EQ(folder("x"), "/mnt/g/lab/alice : x");
    EXPECT_EQ(folder(""), "/mnt/g/lab/alice : ");
    s.layout = StorageLayout::PerJob;
    EXPECT_EQ(folder(""), "/mnt/g/lab/alice : 2026-11/digits-1a2b3c4d");
    EXPECT_EQ(folder("out"), "/mnt/g/lab/alice : 2026-11/digits-1a2b3c4d/out");
    s = {.name = "s", .kind = StorageKind::PersistentVolumeClaim, .claim = "c", .path = "lab"};
    EXPECT_EQ(folder("x"), " : lab/x");
    s.layout = StorageLayout::PerUser;
    EXPECT_EQ(folder("x"), " : lab/alice/x");
}

TEST(Storage, ABadOneBreaksNoOther) {
    const DLCluster cluster = Cluster(R"({"storages":[
      {"name":"good","hostPath":"/mnt/g"},
      {"name":"tape","kind":"Tape"},
      {"name":"round","hostPath":"/mnt/r","layout":"perWeek"},
      {"name":"relative","hostPath":"mnt"},
      {"name":"up","hostPath":"/mnt/../etc"},
      {"name":"out","hostPath":"/mnt/o","path":"../x"},
      {"name":"claimless","kind":"PersistentVolumeClaim"}]})");
    ASSERT_EQ(cluster.storages.size(), 7U);
    EXPECT_EQ(cluster.storages[0].problem, "");
    for (std::size_t i = 1; i < cluster.storages.size(); ++i)
        EXPECT_NE(cluster.storages[i].problem, "") << cluster.storages[i].name;
    EXPECT_TRUE(Render(Job({{"good", "", "/g", false}}), cluster));
    const auto refused = Render(Job({{"tape", "", "/t", false}}), cluster);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, "ClusterInvalid");
    EXPECT_THAT(refused.error().message, HasSubstr("does not know the kind Tape"));
}

TEST(Storage, ASharedFolderIsShortForThree) {
    const DLCluster cluster = Cluster(R"({"sharedFolder":{"hostPath":"/mnt/s"},
      "storages":[{"name":"data","hostPath":"/mnt/d"}]})");
    ASSERT_EQ(cluster.storages.size(), 3U);
    EXPECT_EQ(HostFolder(cluster.storages[0]), "/mnt/d") << "what is written out counts";
    EXPECT_EQ(cluster.storages[1], SharedFolder("/mnt/s")[1]);
    EXPECT_EQ(cluster.systemRoot, "/dlwsdata");
    EXPECT_EQ(cluster.systemFolders,
              (std::vector<SystemFolder>{
                  {"storage", "data"}, {"work", "work"}, {"jobfiles", "jobfiles"}}));
    EXPECT_EQ(Cluster(R"({"storages":[{"name":"g","hostPath":"/mnt/g"}],
      "systemFolders":{"root":"/srv/x","work":"g"}})")
                  .systemFolders,
              (std::vector<SystemFolder>{{"work", "g"}}));
}

TEST(Storage, OfANamespaceOrReadOnly) {
    const DLCluster cluster = Cluster(R"({"storages":[
      {"name":"ours","hostPath":"/mnt/o","namespaces":["speech"]},
      {"name":"fixed","hostPath":"/mnt/f","readOnly":true}]})");
    auto refused = Render(Job({{"ours", "", "/o", false}}), cluster);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().cls, ReasonClass::Ask);
    EXPECT_EQ(refused.error().reason, "StorageNotForNamespace");
    refused = Render(Job({{"none", "", "/o", false}}), cluster);
    EXPECT_THAT(refused.error().message, HasSubstr("write one of fixed."));
    EXPECT_EQ(At(Pod(Job({{"fixed", "", "/f", false}}), cluster),
                 "/spec/containers/0/volumeMounts/0/readOnly"),
              "true");
}

TEST(Storage, JobsGoWhereItIsHealthy) {
    DLCluster cluster =
        Cluster(R"({"checkStorages":true,"storages":[{"name":"g","hostPath":"/mnt/g"},
      {"name":"pvc","kind":"PersistentVolumeClaim","claim":"c"}]})");
    const DLJob job =
        Job({{"g", "", "/g", false}, {"g", "x", "/x", false}, {"pvc", "", "/p", false}});
    EXPECT_EQ(At(Pod(job, cluster), "/spec/nodeSelector"),
              R"({"storage.dlworkspace.io/g":"Healthy"})");
    cluster.checkStorages = false;
    EXPECT_EQ(At(Pod(job, cluster), "/spec/nodeSelector"), "(none)");
}

TEST(Storage, AClaimIsMountedByItsName) {
    const DLCluster cluster = Cluster(R"({"storages":[{"name":"pvc","kind":"PersistentVolumeClaim",
      "claim":"lab-data","layout":"perUser"}]})");
    const json::value pod = Pod(Job({{"pvc", "x", "/x", false}}), cluster);
    EXPECT_EQ(At(pod, "/spec/volumes/0"),
              R"({"name":"dlws-storage-pvc","persistentVolumeClaim":{"claimName":"lab-data"}})");
    EXPECT_EQ(At(pod, "/spec/containers/0/volumeMounts/0/subPath"), R"("alice/x")");
}

// A folder that the kubelet makes is root's: the user could not write there.
TEST(Storage, MissingFoldersAreMadeByTheUser) {
    DLCluster cluster = Cluster(R"({"sharedFolder":{"hostPath":"/mnt/s"},"helperImage":"dlws:1"})");
    const DLJob job = Job({{"data", "digits/v1", "/data", true},
                           {"work", "runs", "/runs", false},
                           {"work", "", "/work", false}});
    const json::value pod = Pod(job, cluster);
    const std::string first = "/spec/initContainers/0";
    EXPECT_EQ(At(pod, first + "/name"), R"("dlws-folders")");
    EXPECT_EQ(At(pod, first + "/image"), R"("dlws:1")");
    EXPECT_EQ(At(pod, first + "/args"),
              R"(["need=/storage/data:digits/v1","make=/storage/work:runs"])");
    EXPECT_EQ(At(pod, first + "/volumeMounts"),
              R"([{"name":"dlws-storage-data","mountPath":"/storage/data"},)"
              R"({"name":"dlws-storage-work","mountPath":"/storage/work"}])");
    EXPECT_EQ(At(pod, first + "/securityContext"),
              R"({"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,)"
              R"("capabilities":{"drop":["ALL"]}})");
    EXPECT_EQ(At(Pod(Job({{"work", "", "/work", false}}), cluster), "/spec/initContainers"),
              "(none)")
        << "nothing to make";
    cluster.helperImage.clear();
    EXPECT_EQ(At(Pod(job, cluster), "/spec/initContainers"), "(none)") << "nobody to make it";
}

}  // namespace
}  // namespace dlws::model

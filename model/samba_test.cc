// SPDX-License-Identifier: Apache-2.0
#include "model/samba.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dlws::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

DLUser User(const std::string& name, std::int64_t uid, std::vector<std::int64_t> groups = {}) {
    DLUser user;
    user.meta.name = name;
    user.username = name + "@example.org";
    user.uid = user.gid = uid;
    user.supplementalGroups = std::move(groups);
    return user;
}

Storage Share(const std::string& name, const std::string& path, const std::string& share) {
    Storage storage;
    storage.name = name;
    storage.hostPath = path;
    storage.share = share;
    return storage;
}

std::string File(const SambaConfig& config, std::string_view name) {
    return config.files.at(std::string(name));
}

TEST(Samba, ASharedFolderIsThreeShares) {
    DLCluster cluster;
    cluster.storages = SharedFolder("/mnt/s");
    cluster.storages[0].readOnly = true;
    const SambaConfig config = RenderSamba(cluster, {User("alice", 5001)}, {});
    const std::string conf = File(config, kSmbConf);
    EXPECT_THAT(conf, HasSubstr("[data]\npath = /mnt/s/storage\nread only = yes\n"));
    EXPECT_THAT(conf, HasSubstr("[home]\npath = /mnt/s/work/%u\nread only = no\n"));
    EXPECT_THAT(conf, HasSubstr("[jobs]\npath = /mnt/s/jobfiles/%u\nread only = no\n"));
    for (const char* line :
         {"server min protocol = SMB3_11\n", "server smb encrypt = required\n",
          "map to guest = never\n", "wide links = no\n", "server role = standalone server\n"})
        EXPECT_THAT(conf, HasSubstr(line));
    EXPECT_THAT(config.problems, IsEmpty());
}

TEST(Samba, AccountsAreTheUsers) {
    const SambaConfig config =
        RenderSamba({}, {User("alice", 5001, {6000}), User("bob", 5002, {6000, 5001})}, {});
    EXPECT_EQ(File(config, kSambaPasswd),
              "root:x:0:0:root:/root:/usr/sbin/nologin\n"
              "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
              "alice:x:5001:5001:alice:/nonexistent:/usr/sbin/nologin\n"
              "bob:x:5002:5002:bob:/nonexistent:/usr/sbin/nologin\n");
    EXPECT_EQ(File(config, kSambaGroup),
              "root:x:0:\nnogroup:x:65534:\ngroup5001:x:5001:bob\ngroup5002:x:5002:\n"
              "group6000:x:6000:alice,bob\n");
    EXPECT_EQ(File(config, kSambaUsersMap), "");
}

TEST(Samba, AMemberOfADomainTakesItsUsersByName) {
    const SambaConfig config =
        RenderSamba({}, {User("alice", 5001)}, {"LAB.EXAMPLE", "LAB", "DLWS"});
    const std::string conf = File(config, kSmbConf);
    EXPECT_THAT(conf, HasSubstr("security = ads\nrealm = LAB.EXAMPLE\nworkgroup = LAB\n"
                                "username map = /run/dlws-samba/users.map\n"));
    EXPECT_THAT(conf, HasSubstr("netbios name = DLWS\n"));
    EXPECT_THAT(conf, Not(HasSubstr("standalone")));
    EXPECT_EQ(File(config, kSambaUsersMap), "!alice = \"LAB\\alice\"\n");
}

TEST(Samba, ABadShareIsToldAndBreaksNoOther) {
    DLCluster cluster;
    Storage claim = Share("claim", "", "claims");
    claim.kind = StorageKind::PersistentVolumeClaim;
    Storage some = Share("some", "/mnt/some", "some");
    some.namespaces = {"vision"};
    Storage broken = Share("broken", "/mnt/b", "broken");
    broken.problem = "this version does not know the kind x\n[all]\npath = /\\";
    cluster.storages = {Share("plain", "/mnt/p", ""),
                        Share("a", "/mnt/a", "Data"),
                        Share("b", "/mnt/b", "dATA"),
                        Share("c", "/mnt/c", "Global"),
                        Share("d", "/mnt/%d", "d"),
                        Share("e", "/mnt/e\n[all]", "e"),
                        Share("f", "/mnt/f\\", "f"),
                        Share("g", "/mnt/g", "g]\n[all"),
                        claim,
                        broken,
                        some,
                        Share("last", "/mnt/last", "last")};
    const SambaConfig config = RenderSamba(cluster, {}, {});
    EXPECT_THAT(
        config.problems,
        ElementsAre(
            "share dATA of storage b is left out: another storage has this share already",
            "share Global of storage c is left out: the name means something else to Samba; choose "
            "another",
            HasSubstr("share d of storage d is left out: its path has a '%'"),
            HasSubstr("share e of storage e is left out"), HasSubstr("share f of storage f"),
            HasSubstr("of storage g is left out: its name has other characters"),
            "share claims of storage claim is left out: only a storage of kind HostMount can be a "
            "share",
            HasSubstr("share broken of storage broken is left out: this version"),
            HasSubstr("share some of storage some is left out: it is for the jobs of some")));
    const std::string conf = File(config, kSmbConf);
    EXPECT_THAT(conf, HasSubstr("\n[Data]\npath = /mnt/a\n"));
    EXPECT_THAT(conf, HasSubstr("\n[last]\npath = /mnt/last\n"));
    EXPECT_THAT(conf, Not(HasSubstr("\n[all")));
    EXPECT_THAT(conf, HasSubstr("\n# share broken of storage broken is left out: this version does "
                                "not know the kind x?[all]?path = /?\n"));
}

TEST(Samba, WhatIsWrittenIsReadBack) {
    const SambaFiles files{{"smb.conf", "[global]\n"}, {"passwd", "a\\\"b"}};
    EXPECT_EQ(ParseSambaFiles(SambaPatch({}, files)), files);
    EXPECT_EQ(SambaPatch({{"passwd", "x"}, {"planted", "y"}}, {{"passwd", "z"}}),
              R"({"data":{"passwd":"z","planted":null}})");
    EXPECT_EQ(ParseSambaFiles(R"({"metadata":{}})"), SambaFiles());
    EXPECT_FALSE(ParseSambaFiles(R"({"data":{"smb.conf":7}})"));
}

}  // namespace
}  // namespace dlws::model

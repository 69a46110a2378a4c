// SPDX-License-Identifier: Apache-2.0
#include "model/dluser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/reason.h"

namespace dlws::model {
namespace {

using ::testing::HasSubstr;

DLUser User(const std::string& name, const std::string& username, std::int64_t uid) {
    DLUser user;
    user.meta.name = name;
    user.username = username;
    user.uid = user.gid = uid;
    return user;
}

DLJob JobOf(const std::string& username) {
    DLJob job;
    if (!username.empty()) job.spec.submittedBy = model::User{username, ""};
    return job;
}

TEST(UserStatus, WhatIsWrittenIsReadBack) {
    const UserStatus status{3, "Refused", "why", {{"work", 100, 40}}};
    EXPECT_EQ(ParseUserStatus(UserStatusPatch(status, "u")), status);
    EXPECT_EQ(ParseUserStatus(UserStatusPatch({}, "u")), UserStatus());
    EXPECT_EQ(ParseUserStatus(R"({"metadata":{"name":"alice"}})"), UserStatus());
    EXPECT_FALSE(ParseUserStatus(R"({"status":{"quotas":[{"bytesTotal":"many"}]}})"));
}

TEST(ParseDLUser, ReadsWhatItKnows) {
    auto user = ParseDLUser(
        R"({"metadata":{"name":"alice","uid":"u"},"spec":{"username":"alice@example.org","uid":5001,)"
        R"("gid":5002,"supplementalGroups":[6000],"sshPublicKeys":["ssh-ed25519 AAAA"],"later":1}})");
    ASSERT_TRUE(user) << user.error();
    EXPECT_EQ(user->username, "alice@example.org");
    EXPECT_EQ(user->uid, 5001);
    EXPECT_EQ(user->gid, 5002);
    EXPECT_EQ(user->supplementalGroups, std::vector<std::int64_t>{6000});
    EXPECT_EQ(user->sshPublicKeys, std::vector<std::string>{"ssh-ed25519 AAAA"});
    EXPECT_EQ(user->shell, "/bin/sh");
}

TEST(ParseDLUser, NobodyIsRoot) {
    for (const char* ids : {R"("uid":0,"gid":1)", R"("uid":1,"gid":0)", R"("uid":-5,"gid":1)"})
        EXPECT_FALSE(ParseDLUser(R"({"metadata":{"name":"a","uid":"u"},"spec":{"username":"a",)" +
                                 std::string(ids) + "}}"))
            << ids;
}

TEST(UserDirectory, AJobRunsAsWhoSubmittedIt) {
    UserDirectory users;
    DLUser alice = User("alice", "alice@example.org", 5001);
    alice.supplementalGroups = {6000};
    users.Put(alice);
    users.Put(User("bob", "bob@example.org", 5002));
    const auto as = users.RunsAs(JobOf("alice@example.org"), {});
    ASSERT_TRUE(as);
    EXPECT_EQ(*as, (PodUser{5001, 5001, "alice", {6000}}));
    // The folder's name is no username.
    EXPECT_EQ(users.RunsAs(JobOf("alice"), {})->name, kDefaultUserName);
}

TEST(UserDirectory, TwoOfOneUidOrUsernameAreBothRefusedUntilOneChanges) {
    UserDirectory users;
    users.Put(User("alice", "alice", 5001));
    for (const DLUser& rival : {User("bob", "bob", 5001), User("bob", "alice", 5002)}) {
        users.Put(rival);
        for (const char* name : {"alice", "bob"}) {
            EXPECT_THAT(users.Problem(name), HasSubstr("DLUsers")) << name;
            EXPECT_THAT(users.Problem(name), HasSubstr("alice"));
            EXPECT_THAT(users.Problem(name), HasSubstr("bob"));
        }
        const auto as = users.RunsAs(JobOf("alice"), {});
        ASSERT_FALSE(as);
        EXPECT_EQ(as.error().reason, reason::kUserConflict.name);
        EXPECT_EQ(as.error().cls, ReasonClass::Ask);
    }
    users.Put(User("bob", "bob", 5002));
    EXPECT_EQ(users.Problem("alice"), "");
    EXPECT_EQ(users.RunsAs(JobOf("bob"), {})->uid, 5002);
    users.Remove("bob");
    users.Remove("bob");
    EXPECT_EQ(users.RunsAs(JobOf("bob"), {})->name, kDefaultUserName);
    EXPECT_EQ(users.RunsAs(JobOf("alice"), {})->uid, 5001);
}

TEST(UserDirectory, WhoHasNoDLUserRunsAsTheClusterSays) {
    UserDirectory users;
    DLCluster cluster;
    cluster.defaultUser.uid = 1234;
    EXPECT_EQ(users.RunsAs(JobOf("carol"), cluster)->uid, 1234);
    EXPECT_EQ(users.RunsAs(JobOf(""), cluster)->uid, 1234);
    cluster.unknownUsers = UnknownUsers::Refuse;
    for (const char* username : {"carol", ""}) {
        const auto as = users.RunsAs(JobOf(username), cluster);
        ASSERT_FALSE(as);
        EXPECT_EQ(as.error().reason, reason::kUserUnknown.name);
        EXPECT_THAT(as.error().message, HasSubstr(username));
    }
}

}  // namespace
}  // namespace dlws::model

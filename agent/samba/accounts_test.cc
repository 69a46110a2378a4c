// SPDX-License-Identifier: Apache-2.0
#include "agent/samba/accounts.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/base64.h"

namespace dlws::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

model::DLUser User(const std::string& name, std::int64_t uid, std::vector<std::int64_t> groups) {
    model::DLUser user;
    user.meta.name = name;
    user.uid = user.gid = uid;
    user.supplementalGroups = std::move(groups);
    return user;
}

SambaAccounts Accounts(const std::vector<model::DLUser>& users,
                       const std::map<std::string, std::string>& passwords) {
    std::map<std::string, SambaPassword> hashed;
    for (const auto& [name, password] : passwords)
        hashed[name] = {password, NtHash(password).value()};
    return AccountsOf(model::RenderSamba({}, users, {}).files, hashed);
}

// What a server knows that was told all of them.
SambaHashes Known(const SambaAccounts& accounts) {
    SambaHashes hashes;
    for (const auto& [name, account] : accounts)
        if (!account.hash.empty()) hashes[name] = account.hash;
    return hashes;
}

std::string Secret(const std::string& password) {
    return fmt::format(R"({{"data":{{"password":"{}"}}}})", kube::EncodeBase64(password));
}

TEST(SambaAccounts, AreTheUsersAndTheirPasswords) {
    const SambaAccounts accounts =
        Accounts({User("alice", 5001, {6000}), User("bob", 5002, {})},
                 {{"alice", "secret"}, {"nobody", "x"}, {"root", "x"}, {"carol", "x"}});
    ASSERT_EQ(accounts.size(), 2u);
    EXPECT_EQ(accounts.at("alice").uid, 5001u);
    EXPECT_EQ(accounts.at("alice").password, "secret");
    EXPECT_EQ(accounts.at("bob").password, "");
    EXPECT_NE(accounts.at("alice").identity,
              Accounts({User("alice", 5001, {6001})}, {}).at("alice").identity);
}

TEST(SambaAccounts, WhoChangesIsSetAnewAndDisconnected) {
    const SambaAccounts before =
        Accounts({User("alice", 5001, {}), User("bob", 5002, {}), User("carol", 5003, {}),
                  User("dave", 5004, {}), User("erin", 5005, {})},
                 {{"alice", "a"}, {"bob", "b"}, {"carol", "c"}, {"dave", "d"}, {"erin", "e"}});
    // Bob has a new password, carol none, dave another uid, erin is gone, frank is new.
    const SambaAccounts after =
        Accounts({User("alice", 5001, {}), User("bob", 5002, {}), User("carol", 5003, {}),
                  User("dave", 5014, {}), User("frank", 5006, {})},
                 {{"alice", "a"}, {"bob", "b2"}, {"dave", "d"}, {"frank", "f"}});
    const AccountChanges changes = Compare(before, after, Known(before));
    EXPECT_THAT(changes.remove, ElementsAre("carol", "dave", "erin"));
    EXPECT_THAT(changes.set, ElementsAre("bob", "dave", "frank"));
    EXPECT_THAT(changes.disconnect, ElementsAre(5002, 5003, 5004, 5005));
    const AccountChanges none = Compare(after, after, Known(after));
    EXPECT_THAT(none.set, IsEmpty());
    EXPECT_THAT(none.remove, IsEmpty());
    EXPECT_THAT(none.disconnect, IsEmpty());
}

TEST(SambaAccounts, WhatTheServerForgotIsSetAgain) {
    const SambaAccounts wanted = Accounts({User("alice", 5001, {}), User("bob", 5002, {})},
                                          {{"alice", "new"}, {"bob", "b"}});
    SambaHashes known = Known(wanted);
    known["alice"] = NtHash("old").value();  // smbd wrote it back
    known["stray"] = "X";
    AccountChanges changes = Compare(wanted, wanted, known);
    EXPECT_THAT(changes.set, ElementsAre("alice"));
    EXPECT_THAT(changes.remove, ElementsAre("stray"));
    EXPECT_THAT(changes.disconnect, ElementsAre(5001)) << "somebody may be in with the old one";
    changes = Compare({}, wanted, {});
    EXPECT_THAT(changes.set, ElementsAre("alice", "bob"));
}

// MS-NLMP 4.2.2.1.2; the second as Samba's own smbpasswd makes it.
TEST(SambaAccounts, HashesAreThoseOfTheProtocol) {
    EXPECT_EQ(NtHash("Password"), "A4F49C406510BDCAB6824EE7C30FD852");
    EXPECT_EQ(NtHash("new password"), "1376E7446DAC51659588CCB4C5E93FE6");
    EXPECT_NE(NtHash("pässwörd €😀").value(), NtHash("password").value());
    EXPECT_FALSE(NtHash("\xFF"));
    EXPECT_THAT(HashesOf("alice:5001:XXXX:1376E744:[U          ]:LCT-6B0C2153:\nWarning: x\n"),
                ElementsAre(std::pair<const std::string, std::string>("alice", "1376E744")));
}

TEST(SambaAccounts, SharesThatChangeAreClosed) {
    const std::string before =
        "[global]\na = 1\n[data]\npath = /d\n\n[home]\npath = /h\n[old]\npath = /o\n# new "
        "problem\n";
    EXPECT_THAT(ChangedShares(before, "[global]\na = 2\n\n[data]\npath = /d\n[home]\npath = /h2\n"),
                ElementsAre("home", "old"));
    EXPECT_THAT(ChangedShares("", before), IsEmpty());
}

TEST(SambaAccounts, ABadPasswordIsExplainedAndNotRepeated) {
    EXPECT_EQ(PasswordOf(Secret("p ä ssword"))->text, "p ä ssword");
    EXPECT_EQ(PasswordOf(Secret("made by echo\n"))->text, "made by echo");
    for (const std::string& bad :
         {std::string("hidden\nhidden"), std::string(128, 'h'), std::string(),
          std::string("7 chars"), std::string("hidden\0hidden", 13)}) {
        const auto password = PasswordOf(Secret(bad));
        ASSERT_FALSE(password);
        EXPECT_THAT(password.error(), HasSubstr("its password"));
        EXPECT_THAT(password.error(), Not(HasSubstr("hidden")));
    }
    EXPECT_THAT(PasswordOf(R"({"data":{}})").error(), HasSubstr("--from-literal=password=…"));
    EXPECT_FALSE(PasswordOf(R"({"data":{"password":"%"}})"));
    EXPECT_FALSE(PasswordOf("{"));
}

TEST(SambaAccounts, SessionsAreFoundByUid) {
    const std::string status =
        R"({"sessions":{"1":{"server_id":{"pid":"70","task_id":"0"},"uid":5001,"username":"alice"},)"
        R"("2":{"server_id":{"pid":"71"},"uid":5002},"3":{"server_id":{"pid":"72"},"uid":5001},)"
        R"("4":{"server_id":{"pid":"-1"},"uid":5001},"5":{"uid":5001},"6":7}})";
    EXPECT_THAT(SessionsOf(status, {5001}).value(), ElementsAre(70, 72));
    EXPECT_THAT(SessionsOf(status, {}).value(), IsEmpty());
    EXPECT_FALSE(SessionsOf("Can't load smb.conf", {5001}));
}

}  // namespace
}  // namespace dlws::agent

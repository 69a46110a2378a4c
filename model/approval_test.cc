// SPDX-License-Identifier: Apache-2.0
#include "model/approval.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace dlws::model {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Question Asked() {
    return {.ns = "vision",
            .jobName = "digits",
            .jobUid = "u1",
            .templateHash = std::string(64, 'b'),
            .classes = {PermissionClass::HostNetwork},
            .submitter = User{"alice", "uid-of-alice"}};
}
Approval Yes() {
    Approval a;
    a.meta.name = "digits-1";
    a.meta.ns = "vision";
    a.meta.uid = "approval-uid";
    a.meta.creationTimestamp = Time(std::chrono::seconds(100));
    a.jobName = "digits";
    a.jobUid = "u1";
    a.templateHash = std::string(64, 'b');
    a.classes = {PermissionClass::Privileged, PermissionClass::HostNetwork};
    a.approves = true;
    a.approver = Approver{{"carol", "uid-of-carol"}, {"admins"}};
    return a;
}

TEST(Approvals, CountForTheirJobAndBytesAlone) {
    const Time now(std::chrono::seconds(200));
    EXPECT_EQ(WhyItDoesNotCount(Yes(), Asked(), now), "");
    const auto without = [&](auto change) {
        Approval a = Yes();
        change(a);
        return WhyItDoesNotCount(a, Asked(), now);
    };
    EXPECT_THAT(without([](auto& a) { a.jobUid = "u2"; }), HasSubstr("another job"));
    EXPECT_THAT(without([](auto& a) { a.meta.ns = "speech"; }), HasSubstr("another job"));
    EXPECT_THAT(without([](auto& a) { a.templateHash[0] = 'c'; }), HasSubstr("other bytes"));
    EXPECT_THAT(without([](auto& a) { a.classes = {PermissionClass::Privileged}; }),
                HasSubstr("every class"));
    EXPECT_THAT(without([](auto& a) { a.meta.deletionTimestamp = Time{}; }),
                HasSubstr("being deleted"));
    EXPECT_THAT(without([](auto& a) { a.expiresAt = Time(std::chrono::seconds(200)); }),
                HasSubstr("ended to hold"));
    EXPECT_EQ(without([](auto& a) { a.expiresAt = Time(std::chrono::seconds(201)); }), "");
    EXPECT_THAT(WhyItDoesNotCount(Yes(), Asked(), now, Time(std::chrono::seconds(101))),
                HasSubstr("before the policies"));
    EXPECT_EQ(WhyItDoesNotCount(Yes(), Asked(), now, Time(std::chrono::seconds(100))), "");
}

TEST(Approvals, NeedFourEyes) {
    const std::optional<User> alice = User{"alice", "uid-of-alice"};
    const auto by = [](std::string name, std::string uid) {
        return std::optional(Approver{{std::move(name), std::move(uid)}, {}});
    };
    EXPECT_EQ(FourEyes(alice, by("carol", "uid-of-carol")), "");
    EXPECT_EQ(FourEyes(alice, by("carol", "")), "");
    EXPECT_THAT(FourEyes(alice, by("alice", "")), HasSubstr("somebody else"));
    EXPECT_THAT(FourEyes(alice, by("alice@other", "uid-of-alice")), HasSubstr("one person"));
    EXPECT_NE(FourEyes(alice, std::nullopt), "");
    EXPECT_NE(FourEyes(std::nullopt, by("carol", "")), "");
    EXPECT_EQ(FourEyes(User{"alice", ""}, by("carol", "")), "");
    const User robot{"system:serviceaccount:vision:ci", ""};
    EXPECT_THAT(FourEyes(robot, by("carol", ""), "vision"), HasSubstr("can act as it"));
    EXPECT_EQ(FourEyes(robot, by("carol", ""), "speech"), "");
}

TEST(Approvals, AreReadAndWritten) {
    const json::object made = json::parse(ApprovalManifest(Asked())).as_object();
    json::object stored = made;
    stored.at("spec").as_object()["approver"] = {{"username", "carol"},
                                                 {"groups", json::array{"admins"}}};
    const auto read = ParseDLJobApproval(json::serialize(stored));
    ASSERT_TRUE(read) << read.error();
    EXPECT_TRUE(read->approves);
    EXPECT_EQ(read->templateHash, Asked().templateHash);
    EXPECT_THAT(read->classes, ElementsAre(PermissionClass::HostNetwork));
    EXPECT_EQ(read->approver->username, "carol");
    EXPECT_THAT(read->approver->groups, ElementsAre("admins"));
    EXPECT_FALSE(ParseDLJobApproval(R"({"spec":{"classes":["everything"]}})"));
    EXPECT_FALSE(ParseDLJobApproval("nonsense"));
    // Anything but the word is no yes.
    EXPECT_FALSE(ParseDLJobApproval(R"({"spec":{"decision":"approve"}})")->approves);
}

TEST(Approvals, AskForEveryRight) {
    const auto reviews = MayApproveReviews(*Yes().approver, Asked());
    ASSERT_EQ(reviews.size(), 2U);
    EXPECT_EQ(reviews[1],
              R"({"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":)"
              R"({"user":"carol","groups":["admins"],"resourceAttributes":{"namespace":"vision",)"
              R"("verb":"approve","group":"dlworkspace.io","resource":"permissionclasses",)"
              R"("name":"hostNetwork"},"uid":"uid-of-carol"}})");
    EXPECT_TRUE(IsAllowed(R"({"status":{"allowed":true}})"));
    for (const char* no :
         {R"({"status":{"allowed":false}})", R"({"status":{}})", "{}", "",
          R"({"status":{"allowed":true,"denied":true}})", R"({"status":{"allowed":"true"}})"})
        EXPECT_FALSE(IsAllowed(no)) << no;
}

}  // namespace
}  // namespace dlws::model

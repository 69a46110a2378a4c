// SPDX-License-Identifier: Apache-2.0
#include "portal/server/approvals/handlers.h"

#include "portal/server/fixture.h"
#include "portal/server/jobs/testing.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using testing::JobText;

const std::string kHash(64, 'a');

// A job of alice's that asks for the node's network, since that second of the hour.
JobText Asking(const std::string& name, int second, const std::string& state = "Awaiting") {
    return {.name = name,
            .uid = "u-" + name,
            .status = fmt::format(
                R"("phase":"AwaitingApproval","approval":{{"state":"{}","templateHash":"{}",)"
                R"("classes":["hostNetwork"],"asks":["the network of its node"],"mounts":[],)"
                R"("diff":"+ hostNetwork: true"}},"conditions":[{{"type":"Approved",)"
                R"("status":"False","reason":"AwaitingApproval","message":"",)"
                R"("lastTransitionTime":"2026-11-29T10:00:{:02}Z"}}])",
                state, kHash, second)};
}

class ApprovalsTest : public PortalTest {
  protected:
    ApprovalsTest() { AddApprovals(router, approvals); }

    void Put(const JobText& job) { questions.Apply(testing::Appeared(job)); }
    void AllowCarol() {
        Allow("carol list dljobs vision");
        Allow("carol create dljobapprovals vision");
        Allow("carol approve dljobs vision");
        Allow("carol approve permissionclasses vision/hostNetwork");
    }
    Outcome Ask(const std::string& who, const std::string& method, const std::string& path,
                const std::string& query = "", const std::string& body = "") {
        auto match = router.Find(method, path);
        if (!match) return std::unexpected(match.error());
        Call call;
        call.caller = As(who);
        call.caller.uid = "u-" + who;
        call.path = match->path;
        auto parsed = kube::ParseHttpQuery(query, match->operation->query);
        if (!parsed) return std::unexpected(BadRequest("query", parsed.error()));
        call.query = *parsed;
        call.request.body = body;
        return kube::testing::Run(io, match->operation->handler(std::move(call)));
    }
    std::vector<std::string> Listed(const std::string& who, const std::string& query = "") {
        const Outcome outcome = Ask(who, "GET", "/api/v1/approvals", query);
        if (!outcome) return {outcome.error().reason};
        page = json::parse(outcome->Body()).as_object();
        std::vector<std::string> names;
        for (const json::value& item : page.at("items").as_array())
            names.emplace_back(item.at("job").as_string());
        return names;
    }

    json::object page;
    QuestionTable questions;
    Router router;
    Approvals approvals{backend, questions};
};

TEST_F(ApprovalsTest, TheLongestWaitingIsFirst) {
    AllowCarol();
    Put(Asking("late", 30));
    Put(Asking("early", 10));
    Put(Asking("done", 5, "Approved"));
    Put({.name = "plain", .uid = "u-plain"});
    EXPECT_THAT(Listed("carol"), ::testing::ElementsAre("early", "late"));
    EXPECT_EQ(page.at("total"), 2);
    EXPECT_THAT(Listed("carol", "state=Approved&state=Awaiting"),
                ::testing::ElementsAre("done", "early", "late"));
    EXPECT_THAT(Listed("carol", "limit=1"), ::testing::ElementsAre("early"));
    const std::string cursor(page.at("nextCursor").as_string());
    EXPECT_THAT(Listed("carol", "limit=1&cursor=" + cursor), ::testing::ElementsAre("late"));
    EXPECT_FALSE(page.contains("nextCursor"));
    EXPECT_THAT(Listed("carol", "state=Approved&cursor=" + cursor),
                ::testing::ElementsAre("CursorInvalid"));
    EXPECT_THAT(Listed("bob"), ::testing::IsEmpty());
    EXPECT_THAT(Listed("bob", "namespace=vision"), ::testing::ElementsAre("Forbidden"));
    EXPECT_THAT(Listed("carol", "state=Maybe"), ::testing::ElementsAre("BadRequest"));
}

TEST_F(ApprovalsTest, SaysWhoMayDecideAndWhyNot) {
    AllowCarol();
    Put(Asking("digits", 10));
    Listed("carol");
    const json::object asked = page.at("items").at(0).as_object();
    EXPECT_EQ(asked.at("mayDecide"), true);
    EXPECT_FALSE(asked.contains("whyNot"));
    EXPECT_EQ(asked.at("templateHash"), json::value(kHash));
    EXPECT_EQ(asked.at("images"), json::array{"registry.example/digits:1"});
    EXPECT_EQ(asked.at("since"), "2026-11-29T10:00:10Z");
    for (const char* right : {"list dljobs vision", "create dljobapprovals vision",
                              "approve dljobs vision", "approve permissionclasses vision"})
        Allow(std::string("alice ") + right);
    Listed("alice");
    EXPECT_EQ(page.at("items").at(0).at("mayDecide"), false) << "her own job";
    Allow("bob list dljobs vision");
    Listed("bob");
    EXPECT_EQ(page.at("items").at(0).at("mayDecide"), false);
    EXPECT_THAT(std::string(page.at("items").at(0).at("whyNot").as_string()),
                HasSubstr("dlworkspace-approver"));
    Allow("bob create dljobapprovals vision");
    Allow("bob approve dljobs vision");
    now += std::chrono::seconds(61);
    Listed("bob");
    EXPECT_EQ(page.at("items").at(0).at("whyNot"), "You may not approve hostNetwork in vision.");
}

TEST_F(ApprovalsTest, WhatChangesAndGoesIsNotAskedAnyMore) {
    AllowCarol();
    Put(Asking("digits", 10));
    questions.Apply(testing::Changed(Asking("digits", 20, "Denied")));
    EXPECT_THAT(Listed("carol"), ::testing::IsEmpty());
    EXPECT_THAT(Listed("carol", "state=Denied"), ::testing::ElementsAre("digits"));
    questions.Apply(testing::Gone(Asking("digits", 20, "Denied")));
    EXPECT_THAT(Listed("carol", "state=Denied"), ::testing::IsEmpty());
}

TEST_F(ApprovalsTest, DecidesInTheCallersName) {
    const std::string list = "/apis/dlworkspace.io/v1/namespaces/vision/dljobapprovals";
    server.When("POST", list)
        .Reply(201,
               R"({"kind":"DLJobApproval","apiVersion":"dlworkspace.io/v1","metadata":{"name":)"
               R"("digits-x1","namespace":"vision","uid":"a-1","resourceVersion":"9"}})");
    const std::string job = "/api/v1/namespaces/vision/jobs/digits/";
    const std::string body = R"({"uid":"u-digits","templateHash":")" + kHash +
                             R"(","classes":["hostNetwork"],"reason":"for Friday"})";
    const Outcome approved = Ask("carol", "POST", job + "approve", "", body);
    ASSERT_TRUE(approved) << approved.error().detail;
    EXPECT_EQ(approved->status, 201);
    EXPECT_EQ(approved->Body(), R"({"approval":"digits-x1"})");
    const kube::testing::Request sent = server.Requests().back();
    EXPECT_EQ(sent.Header("authorization"), "Bearer carol-token");
    EXPECT_EQ(sent.query.at("fieldValidation"), "Strict");
    const json::value made = json::parse(sent.body);
    EXPECT_EQ(made.at_pointer("/spec/jobName"), "digits");
    EXPECT_EQ(made.at_pointer("/spec/jobUID"), "u-digits");
    EXPECT_EQ(made.at_pointer("/spec/decision"), "Approve");
    EXPECT_EQ(made.at_pointer("/metadata/generateName"), "digits-");
    EXPECT_FALSE(made.at("spec").as_object().contains("approver"));
    ASSERT_TRUE(Ask("carol", "POST", job + "deny", "", body));
    EXPECT_EQ(json::parse(server.Requests().back().body).at_pointer("/spec/decision"), "Deny");
    const std::size_t so_far = server.Requests().size();
    for (const std::string& wrong :
         {std::string("[]"), std::string("{}"), body.substr(0, body.size() - 1) + R"(,"x":1})",
          body.substr(0, body.size() - 1) + R"(,"approver":{"username":"dave"}})",
          std::string(R"({"uid":1,"templateHash":"a","classes":[],"reason":"r"})"),
          std::string(R"({"uid":"u","templateHash":"a","classes":["hostNetwork"]})")}) {
        const Outcome refused = Ask("carol", "POST", job + "deny", "", wrong);
        ASSERT_FALSE(refused) << wrong;
        EXPECT_EQ(refused.error().status, 400) << wrong;
    }
    EXPECT_EQ(server.Requests().size(), so_far);
}

TEST_F(ApprovalsTest, TakesBackTheOneThatIsMeant) {
    const std::string one = "/apis/dlworkspace.io/v1/namespaces/vision/dljobapprovals/digits-x1";
    server.When("DELETE", one)
        .Reply(200, R"({"kind":"Status","status":"Success"})")
        .Reply(409, R"({"kind":"Status","status":"Failure","reason":"Conflict","code":409})");
    const std::string path = "/api/v1/namespaces/vision/approvals/digits-x1";
    const Outcome gone = Ask("carol", "DELETE", path, "uid=a-1");
    ASSERT_TRUE(gone) << gone.error().detail;
    EXPECT_EQ(gone->status, 204);
    EXPECT_THAT(server.Requests().back().body, HasSubstr("a-1"));
    const Outcome another = Ask("carol", "DELETE", path, "uid=a-0");
    ASSERT_FALSE(another);
    EXPECT_EQ(another.error().reason, "WrongObject");
}

}  // namespace
}  // namespace dlws::portal

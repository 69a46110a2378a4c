// SPDX-License-Identifier: Apache-2.0
#include "portal/server/front.h"

#include <stdexcept>

#include "portal/server/fixture.h"

namespace dlws::portal {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

kube::Awaitable<Outcome> Echo(Call call) {
    if (call.path.contains("job") && call.Name("job") == "gone") {
        Problem problem(403, "Forbidden", "You may not do that");
        problem.by_api_server = true;
        co_return std::unexpected(problem);
    }
    if (call.path.contains("job") && call.Name("job") == "late")
        co_return std::unexpected(LoginExpired());
    boost::json::object seen{{"who", call.caller.username}};
    for (const std::string& word : call.query.All("q"))
        seen["q"] = word;
    co_return TaggedJson(boost::json::serialize(seen));
}

class FrontTest : public PortalTest {
  protected:
    FrontTest() {
        router.Add({.id = "ListJobs",
                    .method = "GET",
                    .path = "/api/v1/jobs",
                    .query = {{"q"}},
                    .handler = &Echo});
        router.Add({.id = "SubmitJob",
                    .method = "POST",
                    .path = "/api/v1/namespaces/{namespace}/jobs",
                    .media = {"application/json", "application/yaml"},
                    .handler = &Echo});
        router.Add({.id = "KillJob",
                    .method = "POST",
                    .path = "/api/v1/namespaces/{namespace}/jobs/{job}/stop",
                    .handler = &Echo});
        router.Add({.id = "GetOpenApi",
                    .method = "GET",
                    .path = "/api/v1/openapi.json",
                    .who = Operation::kAnybody,
                    .handler = &Echo});
        router.Add({.id = "StartLogin",
                    .method = "GET",
                    .path = "/auth/login",
                    .who = Operation::kAnybody,
                    .handler = &Echo});
        router.Add({.id = "FinishLogin",
                    .method = "GET",
                    .path = "/auth/callback",
                    .who = Operation::kAnybody,
                    .query = {{"q"}},
                    .handler = &Echo,
                    .lenient = true});
    }
    kube::HttpAnswer Ask(const std::string& method, const std::string& target,
                         kube::HttpFields fields = {{"Authorization", "Bearer alice-token"}},
                         const std::string& body = "") {
        kube::HttpRequest request;
        request.method = method;
        request.path = target.substr(0, target.find('?'));
        if (request.path.size() < target.size())
            request.query = target.substr(request.path.size() + 1);
        request.fields = std::move(fields);
        request.body = body;
        return kube::testing::Run(io, front.Answer(std::move(request)));
    }
    static std::string Reason(const kube::HttpAnswer& answer) {
        return std::to_string(answer.status) + " " +
               std::string(boost::json::parse(answer.body).at("reason").as_string());
    }

    Router router;
    Callers callers{verdicts, {}};
    std::optional<std::chrono::system_clock::time_point> stale;
    std::string lacks;
    Front front{{.router = router,
                 .callers = callers,
                 .verdicts = verdicts,
                 .limits = limits,
                 .metrics = metrics,
                 .stale = [this] { return stale; },
                 .lacks = [this] { return lacks; },
                 .page =
                     [](const kube::HttpRequest& request) {
                         return kube::Refusal(404, "no page " + request.path);
                     }}};
};

TEST_F(FrontTest, CallsTheOperationAsWhoCalls) {
    const kube::HttpAnswer answer = Ask("GET", "/api/v1/jobs?q=a%20b");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, R"({"who":"alice","q":"a b"})");
    EXPECT_EQ(Ask("GET", "/api/v1/openapi.json", {}).status, 200);
}

TEST_F(FrontTest, RefusesWhatCannotBeRead) {
    EXPECT_EQ(Reason(Ask("GET", "/api/v1/jobs", {})), "401 LoginRequired");
    EXPECT_EQ(Reason(Ask("GET", "/api/v1/nothing")), "404 NotFound");
    EXPECT_EQ(Reason(Ask("PUT", "/api/v1/jobs")), "405 MethodNotAllowed");
    EXPECT_EQ(Reason(Ask("GET", "/api/v1/jobs?page=2")), "400 BadRequest");
    EXPECT_EQ(Reason(Ask("GET", "/api/v1/jobs?q=a&q=b")), "400 BadRequest");
    const std::string submit = "/api/v1/namespaces/vision/jobs";
    const auto as = [](const char* type) {
        return kube::HttpFields{{"Authorization", "Bearer alice-token"}, {"Content-Type", type}};
    };
    EXPECT_EQ(Reason(Ask("POST", submit, as("application/json"))), "400 BadRequest") << "no body";
    EXPECT_EQ(Reason(Ask("POST", submit, as("text/plain"), "a: b")), "415 MediaType");
    EXPECT_EQ(Ask("POST", submit, as("Application/YAML; charset=utf-8"), "a: b").status, 200);
    EXPECT_EQ(Reason(Ask("POST", submit + "/digits/stop", as("application/json"), "{}")),
              "400 BadRequest");
}

TEST_F(FrontTest, WhatAProviderAddsIsLeftOut) {
    const auto answer = Ask("GET", "/auth/callback?authuser=0&q=code&hd=example.org&&=x", {});
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.Body(), HasSubstr(R"("q":"code")"));
    EXPECT_EQ(Reason(Ask("GET", "/auth/callback?q=a&q=b", {})), "400 BadRequest");
    EXPECT_EQ(Reason(Ask("GET", "/auth/login?authuser=0", {})), "400 BadRequest");
}

TEST_F(FrontTest, RefusesOtherSites) {
    for (const char* site : {"cross-site", "same-site", "nonsense"}) {
        const kube::HttpFields fields{{"Authorization", "Bearer alice-token"},
                                      {"Sec-Fetch-Site", site}};
        EXPECT_EQ(Reason(Ask("GET", "/api/v1/jobs", fields)), "403 CrossSite") << site;
        EXPECT_EQ(Reason(Ask("GET", "/api/v1/openapi.json", fields)), "403 CrossSite") << site;
        EXPECT_EQ(Ask("GET", "/auth/login", fields).status, 200) << "from a link";
    }
    for (const char* site : {"same-origin", "none"})
        EXPECT_EQ(Ask("GET", "/api/v1/jobs",
                      {{"Authorization", "Bearer alice-token"}, {"Sec-Fetch-Site", site}})
                      .status,
                  200);
}

TEST_F(FrontTest, EveryAnswerHasTheSecurityHeaders) {
    for (const kube::HttpAnswer& answer :
         {Ask("GET", "/api/v1/jobs"), Ask("GET", "/api/v1/nothing"), Ask("GET", "/jobs/digits")}) {
        EXPECT_THAT(
            std::string(answer.Field("Content-Security-Policy")),
            ::testing::AllOf(HasSubstr("default-src 'none'"), HasSubstr("frame-ancestors 'none'"),
                             Not(HasSubstr("unsafe"))));
        EXPECT_EQ(answer.Field("X-Content-Type-Options"), "nosniff");
        EXPECT_EQ(answer.Field("X-Frame-Options"), "DENY");
        EXPECT_THAT(answer.fields, Contains(Key("Strict-Transport-Security")));
        EXPECT_THAT(answer.fields, Not(Contains(Key("Access-Control-Allow-Origin"))));
    }
}

TEST_F(FrontTest, WhatIsUnchangedIsNotSentAgain) {
    const std::string tag(Ask("GET", "/api/v1/jobs").Field("ETag"));
    ASSERT_NE(tag, "");
    const kube::HttpAnswer again = Ask(
        "GET", "/api/v1/jobs", {{"Authorization", "Bearer alice-token"}, {"If-None-Match", tag}});
    EXPECT_EQ(again.status, 304);
    EXPECT_EQ(again.body, "");
}

TEST_F(FrontTest, SaysSinceWhenReadsAreOld) {
    EXPECT_EQ(Ask("GET", "/api/v1/jobs").Field("Dlws-Stale"), "");
    stale = std::chrono::system_clock::time_point(std::chrono::seconds(1'795'946'400));
    EXPECT_EQ(Ask("GET", "/api/v1/jobs").Field("Dlws-Stale"), "2026-11-29T10:00:00Z");
    lacks = "It is reading the cluster.";
    EXPECT_EQ(Reason(Ask("GET", "/api/v1/jobs")), "503 Starting");
}

TEST_F(FrontTest, ARefusalOfTheApiServerIsNotForgotten) {
    Allow("alice list dljobs vision");
    const Caller alice = As("alice");
    Question question("list", "dlworkspace.io", "dljobs", "vision");
    ASSERT_TRUE(kube::testing::Run(io, visibility.Must(alice, question)));
    Allow("alice list dljobs vision", false);
    EXPECT_EQ(Reason(Ask("POST", "/api/v1/namespaces/vision/jobs/gone/stop")), "403 Forbidden");
    EXPECT_FALSE(kube::testing::Run(io, visibility.Must(alice, question))) << "asked again at once";
    EXPECT_EQ(Reason(Ask("POST", "/api/v1/namespaces/vision/jobs/late/stop")), "401 LoginExpired");
    EXPECT_EQ(verdicts.Size(), 0u);
}

TEST_F(FrontTest, OnePersonWritesTwentyTimesASecond) {
    int taken = 0;
    for (int i = 0; i < 30; ++i)
        taken += Ask("POST", "/api/v1/namespaces/vision/jobs/digits/stop").status == 200;
    EXPECT_EQ(taken, 20);
    EXPECT_EQ(Ask("POST", "/api/v1/namespaces/vision/jobs/digits/stop",
                  {{"Authorization", "Bearer bob-token"}})
                  .status,
              200);
}

}  // namespace
}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/front.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <stdexcept>
#include <vector>

#include "portal/server/fixture.h"

namespace dlws::portal {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

kube::Awaitable<Outcome> Echo(Call call) {
    if (call.path.contains("job") && call.Name("job") == "throws")
        throw std::runtime_error("something of our insides");
    if (call.path.contains("job") && call.Name("job") == "gone") {
        Problem problem(403, "Forbidden", "You may not do that");
        problem.by_api_server = true;
        co_return std::unexpected(problem);
    }
    if (call.path.contains("job") && call.Name("job") == "late")
        co_return std::unexpected(LoginExpired());
    boost::json::object seen{{"who", call.caller.username}};
    if (call.path.contains("namespace") && call.Namespace() == "long")
        seen["text"] = std::string(10'000, 'x');
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
    for (const char* site : {"cross-site", "same-site", "", "Same-Origin", "nonsense"}) {
        const kube::HttpFields fields{{"Authorization", "Bearer alice-token"},
                                      {"Sec-Fetch-Site", site}};
        EXPECT_EQ(Reason(Ask("GET", "/api/v1/jobs", fields)), "403 CrossSite") << site;
        EXPECT_EQ(Reason(Ask("GET", "/api/v1/openapi.json", fields)), "403 CrossSite") << site;
        EXPECT_EQ(Ask("GET", "/auth/login", fields).status, 200) << "from a link";
    }
    EXPECT_EQ(Reason(Ask("GET", "/api/v1/openapi.json",
                         {{"Sec-Fetch-Site", "none"}, {"sec-fetch-site", "cross-site"}})),
              "403 CrossSite")
        << "behind another";
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

TEST_F(FrontTest, WhatAHandlerThrowsIsAProblemThatTellsNothing) {
    const kube::HttpAnswer answer = Ask("POST", "/api/v1/namespaces/vision/jobs/throws/stop");
    EXPECT_EQ(Reason(answer), "500 Internal");
    EXPECT_EQ(answer.content_type, "application/problem+json");
    EXPECT_THAT(answer.body, Not(HasSubstr("insides")));
    EXPECT_EQ(answer.Field("X-Frame-Options"), "DENY");
}

// What is told to stop is not a mistake of ours: the server says that it took too long.
TEST_F(FrontTest, AHandlerThatIsCancelledIsNoFailure) {
    router.Add({.id = "Slow",
                .method = "GET",
                .path = "/api/v1/slow",
                .who = Operation::kAnybody,
                .handler = [](Call) -> kube::Awaitable<Outcome> {
                    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
                    timer.expires_after(std::chrono::hours(1));
                    co_await timer.async_wait(boost::asio::use_awaitable);
                    co_return kube::HttpAnswer();
                }});
    kube::HttpRequest request;
    request.method = "GET";
    request.path = "/api/v1/slow";
    boost::asio::cancellation_signal cancel;
    std::exception_ptr thrown;
    int status = 0;
    io.restart();
    boost::asio::co_spawn(
        io, front.Answer(std::move(request)),
        boost::asio::bind_cancellation_slot(
            cancel.slot(), [&](std::exception_ptr exception, kube::HttpAnswer answer) {
                thrown = exception;
                status = answer.status;
            }));
    boost::asio::post(io, [&] { cancel.emit(boost::asio::cancellation_type::terminal); });
    io.run();
    EXPECT_TRUE(thrown) << status;
}

TEST_F(FrontTest, WhoHasAnAnswerToReadHasItsPlace) {
    std::vector<kube::HttpAnswer> unread;
    for (int i = 0; i < 32; ++i) {
        unread.push_back(Ask("GET", "/api/v1/jobs"));
        EXPECT_EQ(unread.back().status, 200);
    }
    EXPECT_EQ(Reason(Ask("GET", "/api/v1/jobs")), "429 TooManyRequests");
    unread.pop_back();
    EXPECT_EQ(Ask("GET", "/api/v1/jobs").status, 200);
}

TEST_F(FrontTest, SaysWhichParameterIsWrong) {
    const auto field = [&](const std::string& query) {
        const kube::HttpAnswer answer = Ask("GET", "/api/v1/jobs?" + query);
        const auto problem = boost::json::parse(answer.body);
        return std::string(problem.at_pointer("/errors/0/field").as_string()) + ": " +
               std::string(problem.at("detail").as_string());
    };
    EXPECT_EQ(field("page=2"), "query.page: the parameter 'page' is not known; there are: q.");
    EXPECT_EQ(field("q=a&q=b"), "query.q: the parameter 'q' is given twice; give it once.");
    EXPECT_THAT(field("%ff=b"), HasSubstr("query: the name of the parameter"));
}

TEST_F(FrontTest, LongJsonIsCompressedForWhoAcceptsIt) {
    const std::string submit = "/api/v1/namespaces/long/jobs";
    kube::HttpFields fields{{"Authorization", "Bearer alice-token"},
                            {"Content-Type", "application/json"}};
    EXPECT_EQ(Ask("POST", submit, fields, "{}").Field("Content-Encoding"), "");
    fields.emplace_back("Accept-Encoding", "gzip, br");
    const kube::HttpAnswer answer = Ask("POST", submit, fields, "{}");
    EXPECT_EQ(answer.Field("Content-Encoding"), "gzip");
    EXPECT_LT(answer.body.size(), 1'000u);
    EXPECT_EQ(Ask("GET", "/api/v1/jobs", fields).Field("Content-Encoding"), "") << "short";
}

TEST_F(FrontTest, WhatTheServerRefusesIsAProblem) {
    kube::HttpAnswer answer = kube::Refusal(431, "the header is too long");
    answer.fields = {{"Retry-After", "5"}};
    DressRefusal(answer, true);
    EXPECT_EQ(Reason(answer), "431 HeaderTooLong");
    EXPECT_EQ(answer.content_type, "application/problem+json");
    EXPECT_THAT(answer.body, HasSubstr(R"("detail":"the header is too long.")"));
    EXPECT_THAT(answer.body, HasSubstr(R"("instance":"urn:dlworkspace:request:)"));
    EXPECT_EQ(answer.Field("Retry-After"), "5");
    EXPECT_TRUE(answer.close);
    for (const auto& [status, reason] : {std::pair{400, "BadRequest"},
                                         {411, "LengthRequired"},
                                         {413, "TooLarge"},
                                         {429, "TooManyRequests"},
                                         {500, "Internal"},
                                         {503, "Busy"}}) {
        answer = kube::Refusal(status, "why");
        DressRefusal(answer, true);
        EXPECT_EQ(Reason(answer), std::to_string(status) + " " + reason);
    }
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

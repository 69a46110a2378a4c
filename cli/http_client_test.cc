// SPDX-License-Identifier: Apache-2.0
#include "cli/http_client.h"

#include <gtest/gtest.h>

#include "cli/failure.h"
#include "cli/problem.h"
#include "cli/testing/fake_portal.h"
#include "cli/testing/run.h"
#include "kube/testing/imposter_certificates.h"

namespace dlws::cli {
namespace {

using testing::Answer;
using testing::Call;
using testing::ContractExample;
using testing::FakePortal;

HttpClient::Settings At(const FakePortal& portal) {
    HttpClient::Settings settings;
    settings.server = portal.url();
    settings.token = "secret-token";
    return settings;
}

HttpRequest Get(const std::string& path) {
    HttpRequest request;
    request.path = path;
    return request;
}

TEST(HttpClient, SendsWhoAsksAndGivesTheAnswer) {
    FakePortal portal([](const Call&) {
        return Answer{.body = "{}", .fields = {{"Dlws-Stale", "2026-11-29T10:00:00Z"}}};
    });
    HttpClient client(At(portal));
    HttpRequest request = Get("/api/v1/jobs?q=a%20b");
    request.method = "POST";
    request.body = "x: 1\n";
    request.type = "application/yaml";
    const HttpReply reply = client.Send(request);
    EXPECT_TRUE(reply.ok()) << reply.problem;
    EXPECT_EQ(reply.body, "{}");
    EXPECT_EQ(reply.type, "application/json");
    EXPECT_EQ(reply.stale_since, "2026-11-29T10:00:00Z");
    const Call call = portal.calls().at(0);
    EXPECT_EQ(call.Line(), "POST /api/v1/jobs?q=a%20b");
    EXPECT_EQ(call.Field("authorization"), "Bearer secret-token");
    EXPECT_EQ(call.Field("content-type"), "application/yaml");
    EXPECT_EQ(call.body, "x: 1\n");
}

TEST(HttpClient, FollowsNoRedirect) {
    FakePortal other([](const Call&) { return Answer{.body = "{}"}; });
    FakePortal portal([&](const Call&) {
        return Answer{.status = 302, .fields = {{"Location", other.url() + "/steal"}}};
    });
    EXPECT_EQ(HttpClient(At(portal)).Send(Get("/a")).code, 302);
    EXPECT_TRUE(other.calls().empty()) << "the token went elsewhere";
}

TEST(HttpClient, WaitsAsTooManyRequestsSays) {
    int calls = 0;
    FakePortal portal([&](const Call&) {
        return ++calls < 2 ? Answer{.status = 429, .fields = {{"Retry-After", "1"}}}
                           : Answer{.body = "{}"};
    });
    EXPECT_EQ(HttpClient(At(portal)).Send(Get("/a")).code, 200);
    EXPECT_EQ(calls, 2);
    FakePortal long_wait(
        [&](const Call&) { return Answer{.status = 429, .fields = {{"Retry-After", "600"}}}; });
    EXPECT_EQ(HttpClient(At(long_wait)).Send(Get("/a")).code, 429) << "it does not wait that long";
}

TEST(HttpClient, AnAnswerThatBreaksOffIsNone) {
    FakePortal portal(
        [](const Call&) { return Answer{.pieces = {R"({"items": [)"}, .end = Answer::kCut}; });
    const HttpReply reply = HttpClient(At(portal)).Send(Get("/a"));
    EXPECT_FALSE(reply.ok());
    EXPECT_FALSE(reply.problem.empty());
    EXPECT_EQ(ProblemOf(reply, "https://p").code, kPortalAway);
}

TEST(HttpClient, WaitsForNothingForEver) {
    FakePortal portal([](const Call&) { return Answer{.pieces = {"{"}, .end = Answer::kSilent}; });
    HttpClient::Settings settings = At(portal);
    settings.silence = std::chrono::seconds(1);
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(HttpClient(settings).Send(Get("/a")).ok());
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST(HttpClient, GivesAStreamOnAsItComes) {
    FakePortal portal([](const Call&) {
        return Answer{
            .type = "text/event-stream", .pieces = {"one", "two", "three"}, .end = Answer::kSilent};
    });
    HttpClient client(At(portal));
    std::string got;
    HttpRequest request = Get("/s");
    request.last_event_id = "r7";
    const HttpReply reply = client.Stream(request, [&](std::string_view bytes) {
        got += bytes;
        return !got.ends_with("three");
    });
    EXPECT_EQ(got, "onetwothree") << "and what is silent is left";
    EXPECT_TRUE(reply.ok()) << reply.problem;
    EXPECT_EQ(portal.calls().at(0).Field("last-event-id"), "r7");
}

TEST(HttpClient, AStreamThatIsRefusedIsAProblem) {
    FakePortal portal([](const Call&) {
        return Answer{.status = 403,
                      .body = ContractExample("Forbidden"),
                      .type = "application/problem+json"};
    });
    HttpClient client(At(portal));
    bool called = false;
    const HttpReply reply =
        client.Stream(Get("/s"), [&](std::string_view) { return called = true; });
    EXPECT_FALSE(called);
    EXPECT_EQ(reply.code, 403);
    EXPECT_NE(reply.body.find("You may not get dljobs"), std::string::npos);
}

TEST(HttpClient, NobodyIsAProblemOfTheNetwork) {
    std::string url;
    {
        FakePortal portal([](const Call&) { return Answer{}; });
        url = portal.url();
    }
    HttpClient client({.server = url});
    const HttpReply reply = client.Send(Get("/a"));
    EXPECT_EQ(reply.code, 0);
    EXPECT_EQ(ProblemOf(reply, url).code, kPortalAway);
}

TEST(HttpClient, ChecksTheCertificate) {
    testing::Program files;
    const auto good = kube::testing::MakeTestCertificates({}, {"127.0.0.1"});
    const auto other_name = kube::testing::MakeTestCertificates({"portal.example"}, {});
    const auto expired = kube::testing::MakeTestCertificates({}, {"127.0.0.1"}, true);
    const auto asked = [&](const auto& certificates, const std::string& authority) {
        FakePortal portal([](const Call&) { return Answer{.body = "{}"}; },
                          certificates.server_certificate, certificates.server_key);
        HttpClient::Settings settings = At(portal);
        if (!authority.empty()) settings.ca_file = files.Write("ca.pem", authority);
        const HttpReply reply = HttpClient(settings).Send(Get("/a"));
        EXPECT_TRUE(reply.ok() || portal.calls().empty()) << "the token was sent";
        EXPECT_TRUE(reply.ok() || reply.problem.find("--ca-file") != std::string::npos)
            << reply.problem;
        return reply.code;
    };
    EXPECT_EQ(asked(good, good.ca), 200);
    EXPECT_EQ(asked(good, ""), 0) << "not of the machine's authorities";
    EXPECT_EQ(asked(good, other_name.ca), 0) << "of another authority";
    EXPECT_EQ(asked(other_name, other_name.ca), 0) << "for another name";
    EXPECT_EQ(asked(expired, expired.ca), 0) << "too old";
}

std::string Refusal(const std::string& server) {
    try {
        return CheckedServer(server);
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.code, kCommandLine);
        return failure.text.substr(0, failure.text.find(';'));
    }
}

TEST(CheckedServer, LetsNoTokenBeReadOnItsWay) {
    EXPECT_EQ(Refusal("https://dlws.example.org/"), "https://dlws.example.org");
    EXPECT_EQ(Refusal("https://[2001:db8::1]:8443/portal"), "https://[2001:db8::1]:8443/portal");
    EXPECT_EQ(Refusal("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
    EXPECT_EQ(
        Refusal("http://dlws.example.org"),
        "the portal's address \"http://dlws.example.org\" begins with http://, and anybody on "
        "the way could read the token");
    for (const char* wrong :
         {"dlws.example.org", "ftp://a", "https://", "https://a b", "https://u@a",
          "http://127.0.0.1.evil.example", "https://a?x", "https://a#x"})
        EXPECT_NE(Refusal(wrong).find("the portal's address"), std::string::npos) << wrong;
}

TEST(HttpClient, ACaFileMustHoldACertificate) {
    testing::Program files;
    for (const std::string& path :
         {files.home + "/none", files.Write("empty", ""), files.Write("x", "text"),
          files.Write("y", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")})
        EXPECT_THROW(HttpClient({.server = "https://a", .ca_file = path}), Failure) << path;
}

HttpReply Refused(int code, const std::string& body) {
    HttpReply reply;
    reply.code = code;
    reply.body = body;
    reply.type = "application/problem+json";
    return reply;
}

TEST(ProblemOf, SaysFieldsWithTheirLines) {
    const Failure failure =
        ProblemOf(Refused(422, ContractExample("Invalid")), "https://p", "job.yaml");
    EXPECT_EQ(failure.code, kRefused);
    EXPECT_EQ(failure.text,
              "The job is not valid\nspec.roles[0].gpus: must be at most 128 (line 9 of job.yaml)");
}

TEST(ProblemOf, EachStatusHasItsCode) {
    const std::pair<int, int> codes[] = {{400, 1}, {401, 3}, {403, 1}, {404, 4}, {409, 1},
                                         {422, 1}, {429, 1}, {500, 5}, {503, 5}};
    for (const auto& [status, code] : codes)
        EXPECT_EQ(ProblemOf(Refused(status, ContractExample("Forbidden")), "https://p").code, code)
            << status;
    EXPECT_EQ(ProblemOf(Refused(401, ContractExample("Unauthorized")), "https://p").text,
              "You are not logged in: The API server does not take your token any more. Log in "
              "again.\nTo log in: dlws login");
    EXPECT_EQ(ProblemOf(Refused(503, ContractExample("Unavailable")), "https://p").text,
              "The API server does not answer: Nothing was written. Try again.\n(request "
              "urn:dlworkspace:request:7c0d2f1e in the portal's log)");
}

TEST(ProblemOf, WhatIsNoPortalsIsSaid) {
    HttpReply reply = Refused(502, "<html>");
    reply.type = "text/html";
    EXPECT_EQ(ProblemOf(reply, "https://p").text,
              "https://p answered 502 (text/html), which is no answer of a portal");
    EXPECT_EQ(ProblemOf(Refused(409, R"({"title":"\u001b[2J","status":409})"), "https://p").text,
              "^[[2J")
        << "hostile text";
}

}  // namespace
}  // namespace dlws::cli

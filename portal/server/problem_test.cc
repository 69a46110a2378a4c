// SPDX-License-Identifier: Apache-2.0
#include "portal/server/problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace dlws::portal {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::Not;

json::value Body(const Problem& problem) {
    return json::parse(ToAnswer(problem, "r-1").body);
}

TEST(Problem, IsRfc9457) {
    Problem problem(422, "Invalid", "The job is not valid", "It has no image.");
    problem.errors.push_back(
        {.field = "spec.image", .reason = "FieldValueRequired", .message = "write one", .line = 3});
    const kube::HttpAnswer answer = ToAnswer(problem, "r-1");
    EXPECT_EQ(answer.status, 422);
    EXPECT_EQ(answer.content_type, "application/problem+json");
    EXPECT_EQ(json::parse(answer.body), json::parse(R"({
        "type":"urn:dlworkspace:problem:Invalid","title":"The job is not valid","status":422,
        "reason":"Invalid","detail":"It has no image.","instance":"urn:dlworkspace:request:r-1",
        "errors":[{"field":"spec.image","reason":"FieldValueRequired","message":"write one","line":3}]})"));
}

TEST(Problem, IsCutToItsLengths) {
    Problem problem(400, "BadRequest", std::string(500, 't'), std::string(5'000, 'd'));
    problem.errors.assign(300,
                          {.field = std::string(900, 'f'), .message = std::string(9'000, 'm')});
    const json::value body = Body(problem);
    EXPECT_EQ(body.at("title").as_string().size(), 128u);
    EXPECT_EQ(body.at("detail").as_string().size(), 2'048u);
    EXPECT_EQ(body.at("errors").as_array().size(), 100u);
    EXPECT_EQ(body.at_pointer("/errors/0/field").as_string().size(), 512u);
    EXPECT_EQ(body.at_pointer("/errors/0/message").as_string().size(), 2'048u);
}

TEST(Problem, OfTheApiServerKeepsItsFields) {
    kube::Error error{.kind = kube::ErrorKind::kStatus,
                      .code = 422,
                      .reason = "Invalid",
                      .message = "DLJob \"a\" is invalid"};
    error.causes.push_back({"spec.roles[0].gpus", "FieldValueInvalid", "must be at most 128"});
    const Problem problem = FromError(error);
    EXPECT_EQ(problem.status, 422);
    EXPECT_EQ(problem.reason, "Invalid");
    ASSERT_EQ(problem.errors.size(), 1u);
    EXPECT_EQ(problem.errors[0].field, "spec.roles[0].gpus");
    EXPECT_TRUE(problem.by_api_server);
}

TEST(Problem, OfTheWayToTheApiServerTellsNothingOfIt) {
    for (const kube::ErrorKind kind :
         {kube::ErrorKind::kNetwork, kube::ErrorKind::kTimeout, kube::ErrorKind::kProtocol}) {
        const Problem problem =
            FromError({.kind = kind, .message = "connect to 10.0.0.1:6443: refused"});
        EXPECT_EQ(problem.status, 503);
        EXPECT_EQ(problem.reason, "ApiServerAway");
        EXPECT_TRUE(problem.retry_after);
        EXPECT_THAT(ToAnswer(problem, "r").body, Not(HasSubstr("10.0.0.1")));
    }
    const Problem away = FromError({.kind = kube::ErrorKind::kStatus,
                                    .code = 500,
                                    .message = "failed calling webhook \"dljobs\": refused"});
    EXPECT_EQ(away.reason, "AdmissionAway");
    EXPECT_EQ(FromError({.kind = kube::ErrorKind::kStatus, .code = 401}).reason, "LoginExpired");
    EXPECT_EQ(FromError({.kind = kube::ErrorKind::kStatus, .code = 429}).reason, "TooManyRequests");
    EXPECT_EQ(FromError({.kind = kube::ErrorKind::kStatus, .code = 418}).status, 400);
}

TEST(Problem, HasTheHeadersOfItsStatus) {
    const kube::HttpAnswer expired = ToAnswer(LoginExpired(), "r");
    EXPECT_THAT(expired.fields, ::testing::Contains(::testing::Pair("WWW-Authenticate", "Bearer")));
    Problem busy(429, "TooManyRequests", "Too many requests");
    busy.retry_after = std::chrono::seconds(7);
    EXPECT_THAT(ToAnswer(busy, "r").fields,
                ::testing::Contains(::testing::Pair("Retry-After", "7")));
}

}  // namespace
}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
// What is refused of a request is in health_server_test.cc and http_server_test.cc.
#include "kube/http_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dlws::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(HttpMessage, AFieldHasItsNameInAnyCase) {
    auto header = ParseHttpHeader("GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2\r\n\r\n", 0);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->request.Field("X-a"), "1");
    EXPECT_EQ(header->request.Field("none"), "");
}

TEST(HttpMessage, NothingIsKeptByCachesUnlessTheAnswerSaysHow) {
    HttpAnswer answer;
    EXPECT_THAT(SerializeHttpHead(answer, true), HasSubstr("Cache-Control: no-store\r\n"));
    answer.fields = {{"cache-control", "max-age=5"}};
    EXPECT_THAT(SerializeHttpHead(answer, true), Not(HasSubstr("no-store")));
}

TEST(HttpMessage, WhatHasNoBodySaysNothingOfOne) {
    HttpAnswer answer;
    for (const int status : {204, 304}) {
        answer.status = status;
        EXPECT_THAT(SerializeHttpHead(answer, true), Not(HasSubstr("\r\nContent-"))) << status;
    }
    answer.status = 404;
    EXPECT_THAT(SerializeHttpHead(answer, true), HasSubstr("Content-Length: 0\r\n"));
}

/// Status and body of an answer whose ETag is `tag`.
std::string Answered(const std::string& tag, HttpFields fields, const std::string& method = "GET",
                     int status = 200) {
    HttpRequest request;
    request.method = method;
    request.fields = std::move(fields);
    HttpAnswer answer;
    answer.status = status;
    answer.shared_body = std::make_shared<const std::string>("text");
    answer.fields = {{"Content-Encoding", "gzip"}};
    if (!tag.empty()) answer.fields.emplace_back("etag", tag);
    ApplyIfNoneMatch(request, answer);
    const bool encoded = !answer.Field("content-encoding").empty();
    return std::to_string(answer.status) + " " + std::string(answer.Body()) + (encoded ? "." : "");
}

TEST(HttpMessage, WhoHasItIsToldSoWithoutABody) {
    for (const char* has :
         {"\"a\"", "W/\"a\"", "*", "\"b\", W/\"a\"", "\"b,\\\",\"a\"", ",, \"a\"", "\"a\" rubbish"})
        for (const char* tag : {"\"a\"", "W/\"a\""})
            EXPECT_EQ(Answered(tag, {{"if-none-match", has}}), "304 ") << has << " " << tag;
    EXPECT_EQ(Answered("\"a\"", {{"If-None-Match", "\"b\""}, {"If-None-Match", "\"a\""}}), "304 ");
    EXPECT_EQ(Answered("\"a\"", {{"If-None-Match", "*"}}, "HEAD"), "304 ");
    EXPECT_EQ(Answered("\"a,b\"", {{"If-None-Match", "\"x\",\"a,b\""}}), "304 ");
}

TEST(HttpMessage, WhoHasItNotGetsIt) {
    for (const char* has : {"", "\"b\"", "a", "\"a", "w/\"a\"", "W/a", "\"A\"",
                            "\"b\" rubbish \"a\"", "\"b*\"", "**"})
        EXPECT_EQ(Answered("\"a\"", {{"If-None-Match", has}}), "200 text.") << has;
    EXPECT_EQ(Answered("\"a\"", {}), "200 text.");
    EXPECT_EQ(Answered("", {{"If-None-Match", "*"}}), "200 text.") << "an answer without an ETag";
    EXPECT_EQ(Answered("\"a\"", {{"If-None-Match", "*"}}, "POST"), "200 text.");
    EXPECT_EQ(Answered("\"a\"", {{"If-None-Match", "*"}}, "GET", 404), "404 text.");
}

}  // namespace
}  // namespace dlws::kube

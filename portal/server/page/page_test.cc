// SPDX-License-Identifier: Apache-2.0
#include "portal/server/page/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace dlws::portal {
namespace {

constexpr PageFile kFiles[] = {{"/index.html", "<!doctype html>", ""},
                               {"/assets/main-1.js", "run()", "compressed"},
                               {"/assets/odd-1.bin", "?", ""}};

kube::HttpAnswer Get(const std::string& path, kube::HttpFields fields = {},
                     const std::string& method = "GET") {
    kube::HttpRequest request;
    request.method = method;
    request.path = path;
    request.fields = std::move(fields);
    return AnswerPage(kFiles, request);
}

TEST(Page, EveryAddressIsThePage) {
    for (const char* path :
         {"/", "/index.html", "/jobs", "/jobs/vision/digits", "/login", "/x.js"}) {
        const kube::HttpAnswer answer = Get(path);
        EXPECT_EQ(answer.status, 200) << path;
        EXPECT_EQ(answer.Body(), "<!doctype html>");
        EXPECT_EQ(answer.content_type, "text/html; charset=utf-8");
        EXPECT_EQ(answer.Field("Cache-Control"), "no-cache");
    }
}

TEST(Page, AnAssetIsKeptForEver) {
    const kube::HttpAnswer answer = Get("/assets/main-1.js");
    EXPECT_EQ(answer.Body(), "run()");
    EXPECT_EQ(answer.content_type, "text/javascript; charset=utf-8");
    EXPECT_THAT(std::string(answer.Field("Cache-Control")), ::testing::HasSubstr("immutable"));
    EXPECT_EQ(Get("/assets/odd-1.bin").content_type, "application/octet-stream");
    EXPECT_EQ(Get("/assets/main-0.js").status, 404) << "and not the page, which is no script";
    EXPECT_EQ(Get("/assets/../index.html").status, 404);
}

TEST(Page, IsCompressedForWhoAcceptsIt) {
    const kube::HttpAnswer answer = Get("/assets/main-1.js", {{"Accept-Encoding", "br, gzip"}});
    EXPECT_EQ(answer.Body(), "compressed");
    EXPECT_EQ(answer.Field("Content-Encoding"), "gzip");
    EXPECT_EQ(answer.Field("Vary"), "Accept-Encoding");
    EXPECT_EQ(Get("/", {{"Accept-Encoding", "gzip"}}).Field("Content-Encoding"), "");
}

TEST(Page, WhatIsUnchangedIsNotSentAgain) {
    const std::string tag(Get("/").Field("ETag"));
    EXPECT_EQ(Get("/", {{"If-None-Match", tag}}).status, 304);
    EXPECT_EQ(Get("/", {}, "POST").status, 405);
    EXPECT_EQ(Get("/", {}, "HEAD").status, 200);
}

TEST(Page, WithoutOneTheAnswerSaysSo) {
    kube::HttpRequest request;
    request.method = "GET";
    request.path = "/";
    const kube::HttpAnswer answer = AnswerPage({}, request);
    EXPECT_EQ(answer.status, 404);
    EXPECT_THAT(answer.body, ::testing::HasSubstr("/api/v1/openapi.json"));
}

// Of this very program: with a page or without one.
TEST(Page, TheEmbeddedOneIsWhole) {
    std::set<std::string_view> paths;
    for (const PageFile& file : EmbeddedPage()) {
        EXPECT_TRUE(paths.insert(file.path).second) << file.path;
        EXPECT_FALSE(file.bytes.empty()) << file.path;
    }
    EXPECT_TRUE(paths.empty() || paths.contains("/index.html"));
}

}  // namespace
}  // namespace dlws::portal

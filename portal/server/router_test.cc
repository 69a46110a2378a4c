// SPDX-License-Identifier: Apache-2.0
#include "portal/server/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dlws::portal {
namespace {

class RouterTest : public ::testing::Test {
  protected:
    RouterTest() {
        const auto add = [&](const char* id, const char* method, const char* path) {
            router.Add({.id = id, .method = method, .path = path});
        };
        add("ListJobs", "GET", "/api/v1/jobs");
        add("SubmitJob", "POST", "/api/v1/namespaces/{namespace}/jobs");
        add("GetJobDetail", "GET", "/api/v1/namespaces/{namespace}/jobs/{job}");
        add("DeleteJob", "DELETE", "/api/v1/namespaces/{namespace}/jobs/{job}");
        add("KillJob", "POST", "/api/v1/namespaces/{namespace}/jobs/{job}/stop");
        add("GetUser", "GET", "/api/v1/users/{user}");
        add("RevokeApproval", "DELETE", "/api/v1/namespaces/{namespace}/approvals/{approval}");
    }
    std::string Found(std::string_view method, std::string_view path) {
        auto match = router.Find(method, path);
        if (!match) return std::to_string(match.error().status);
        std::string text = match->operation->id;
        for (const auto& [name, value] : match->path)
            text += " " + name + "=" + value;
        return text;
    }
    Router router;
};

TEST_F(RouterTest, FindsTheOperation) {
    EXPECT_EQ(Found("GET", "/api/v1/jobs"), "ListJobs");
    EXPECT_EQ(Found("HEAD", "/api/v1/jobs"), "ListJobs");
    EXPECT_EQ(Found("POST", "/api/v1/namespaces/vision/jobs"), "SubmitJob namespace=vision");
    EXPECT_EQ(Found("GET", "/api/v1/namespaces/vision/jobs/digits"),
              "GetJobDetail job=digits namespace=vision");
    EXPECT_EQ(Found("DELETE", "/api/v1/namespaces/vision/approvals/a.b-1"),
              "RevokeApproval approval=a.b-1 namespace=vision");
}

TEST_F(RouterTest, AnotherPathOrMethod) {
    for (const char* path : {"/api/v1/job", "/api/v1/jobs/", "/api/v1/jobs//", "//api/v1/jobs",
                             "/api/v1/namespaces/vision/jobs/digits/stop/now", "/api/v1", "/", "",
                             "api/v1/jobs", "/API/v1/jobs"})
        EXPECT_EQ(Found("GET", path), "404") << path;
    auto wrong = router.Find("PUT", "/api/v1/namespaces/vision/jobs/digits");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().status, 405);
    EXPECT_EQ(wrong.error().allow, "GET, DELETE");
}

TEST_F(RouterTest, ANameIsDecodedOnceAndHasItsForm) {
    EXPECT_EQ(Found("GET", "/api/v1/users/%61lice"), "GetUser user=alice");
    for (const char* path :
         {"/api/v1/namespaces/vision/jobs/a%2Fb", "/api/v1/namespaces/vision/jobs/%2e%2e",
          "/api/v1/namespaces/vision/jobs/..", "/api/v1/namespaces/vision/jobs/%252e",
          "/api/v1/namespaces/vision/jobs/Digits", "/api/v1/namespaces/vision/jobs/1st",
          "/api/v1/namespaces/vision/jobs/a_b", "/api/v1/namespaces/vision/jobs/a%00",
          "/api/v1/namespaces/vision/jobs/%zz", "/api/v1/namespaces/-a/jobs/digits",
          "/api/v1/namespaces//jobs/digits",
          "/api/v1/namespaces/vision/jobs/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "/api/v1/namespaces/vision/jobs/a-"})
        EXPECT_EQ(Found("GET", path), "400") << path;
}

TEST(WrongName, OfARole) {
    for (const char* name : {"worker", "a", "w1", "abcdefghijklmno"})
        EXPECT_EQ(WrongName("role", name), "") << name;
    for (const char* name : {"", "1w", "Worker", "work-er", "a.b", "abcdefghijklmnop"})
        EXPECT_NE(WrongName("role", name), "") << name;
}

TEST(MediaType, IsWhatStandsBeforeTheParameters) {
    const auto of = [](const char* field) {
        kube::HttpRequest request;
        request.fields = {{"content-type", field}};
        return MediaType(request);
    };
    EXPECT_EQ(of("Application/JSON ; charset=utf-8"), "application/json");
    EXPECT_EQ(of("application/x-yaml"), "application/x-yaml");
    EXPECT_EQ(of("application/json; note=yaml"), "application/json");
    EXPECT_EQ(MediaType({}), "");
}

TEST(ReadUid, AnEmptyOneIsNotWhateverHasTheName) {
    const auto read = [](std::string_view query) -> std::string {
        static constexpr kube::HttpParameter kKnown[] = {{"uid"}};
        auto uid = ReadUid(kube::ParseHttpQuery(query, kKnown).value());
        return uid ? "uid " + *uid : std::to_string(uid.error().status);
    };
    EXPECT_EQ(read(""), "uid ");
    EXPECT_EQ(read("uid=0b2cf9a1-3f55"), "uid 0b2cf9a1-3f55");
    EXPECT_EQ(read("uid="), "400");
    EXPECT_EQ(read("uid=a/b"), "400");
    EXPECT_EQ(read("uid=" + std::string(65, 'a')), "400");
}

}  // namespace
}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/server.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "agent/storage/testing_fuse.h"
#include "kube/client.h"
#include "kube/testing/imposter.h"
#include "kube/testing/run.h"
#include "kube/together.h"

namespace dlws::agent {
namespace {

namespace fs = std::filesystem;
using kube::HttpAnswer;
using kube::testing::Answer;
using testing::HungMount;
using testing::TestFolder;

constexpr uid_t kAlice = 12001;
constexpr const char* kReview = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
constexpr const char* kWho = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
constexpr const char* kJob = "/apis/dlworkspace.io/v1/namespaces/vision/dljobs/digits";
constexpr const char* kJobJson =
    R"({"kind":"DLJob","metadata":{"name":"digits","namespace":"vision",)"
    R"("uid":"1a2b3c4d-0000-4000-8000-000000000000","resourceVersion":"7",)"
    R"("creationTimestamp":"2026-11-29T10:00:00Z"},"spec":{"submittedBy":{"username":"alice"}}})";

/// An API server that lets the tokens "alice" and "bob" read, and nobody else.
class ArchiveServerTest : public ::testing::Test {
  public:
    ArchiveServerTest() : api_({.tls = false}) {
        api_.When("POST", kReview).Call([](const kube::testing::Request& request) {
            const std::string who = request.Header("authorization");
            const bool may = who == "Bearer alice" || who == "Bearer bob";
            const bool logs =
                request.body.find(R"("resource":"pods","subresource":"log")") != std::string::npos;
            return Answer{.status = 201,
                          .body = may && logs ? R"({"status":{"allowed":true}})"
                                              : R"({"status":{"allowed":false}})"};
        });
        api_.When("POST", kWho).Call([](const kube::testing::Request& request) {
            const std::string name = request.Header("authorization").substr(7);
            return Answer{.status = 201,
                          .body = R"({"status":{"userInfo":{"username":")" + name + "\"}}}"};
        });
        api_.When("GET", kJob).Call([](const kube::testing::Request&) {
            return Answer{.status = 200, .body = kJobJson};
        });
    }

  protected:
    void Serve(const std::string& root) {
        client_ = std::make_unique<kube::Client>(io_.get_executor(),
                                                 kube::WithoutIdentity(api_.ClientConfig()));
        server_ = std::make_unique<ArchiveServer>(
            *client_, ArchiveServer::Settings{
                          .root = root, .threads = {.patience = std::chrono::milliseconds(300)}});
    }
    void MakeLog() {
        const fs::path logs = folder_.MakeFolder("alice/2026-11/digits-1a2b3c4d/logs");
        std::ofstream(logs / "worker-0.0.log") << "2026-11-29T10:00:00.000000Z hello\n";
        fs::permissions(folder_ / "alice", fs::perms(0700));
        for (fs::path path = logs / "worker-0.0.log"; path != folder_.path();
             path = path.parent_path())
            ASSERT_EQ(::chown(path.c_str(), kAlice, kAlice), 0);
        Serve(folder_.path());
    }
    HttpAnswer Get(std::string path, std::string query, std::string token = "alice") {
        kube::HttpRequest request;
        request.method = "GET";
        request.path = std::move(path);
        request.query = std::move(query);
        if (!token.empty()) request.fields.emplace_back("authorization", "Bearer " + token);
        return kube::testing::Run(io_, server_->Answer(std::move(request)));
    }

    boost::asio::io_context io_;
    kube::testing::Imposter api_;
    TestFolder folder_;
    std::unique_ptr<kube::Client> client_;
    std::unique_ptr<ArchiveServer> server_;
};

constexpr const char* kList = "namespace=vision&job=digits&user=alice";
const std::string kPage = std::string(kList) + "&file=worker-0.0.log";

kube::Awaitable<void> AskOnce(ArchiveServer& server, int& good) {
    kube::HttpRequest request;
    request.method = "GET";
    request.path = "/v1/list";
    request.query = kList;
    request.fields.emplace_back("Authorization", "Bearer alice");
    const HttpAnswer answer = co_await server.Answer(std::move(request));
    good += answer.status == 200;
}

TEST_F(ArchiveServerTest, WhoMayReadsWithTheirOwnToken) {
    DLWS_NEEDS_ROOT();
    MakeLog();
    const auto list = Get("/v1/list", kList);
    EXPECT_EQ(list.status, 200) << list.body;
    EXPECT_EQ(list.body, R"({"files":[{"name":"worker-0.0.log","bytes":34}],"cut":false})");
    const auto page = Get("/v1/page", kPage + "&offset=28");
    EXPECT_EQ(page.status, 200) << page.body;
    EXPECT_EQ(page.body, "28 34\nhello\n");
    // The second page was not asked about again.
    EXPECT_EQ(api_.Requests().size(), 3u);
    for (const auto& request : api_.Requests())
        EXPECT_EQ(request.Header("authorization"), "Bearer alice");
}

TEST_F(ArchiveServerTest, WhoMayNotLearnsNothing) {
    DLWS_NEEDS_ROOT();
    MakeLog();
    EXPECT_EQ(Get("/v1/list", kList).status, 200);
    EXPECT_EQ(Get("/v1/page", kPage, "").status, 401);
    const auto mine = Get("/v1/page", kPage, "eve");
    EXPECT_EQ(mine.status, 403);
    EXPECT_EQ(mine.body.find("digits"), std::string::npos) << mine.body;
    // The same whether the job exists or not, and the job was not asked for.
    const auto absent =
        Get("/v1/page", "namespace=vision&job=absent&user=alice&file=a-0.0.log", "eve");
    EXPECT_EQ(absent.status, 403);
    EXPECT_EQ(absent.body, mine.body);
    for (const auto& request : api_.Requests())
        EXPECT_FALSE(request.method == "GET" && request.Header("authorization") == "Bearer eve");
    // Another job's folder cannot be named.
    EXPECT_EQ(Get("/v1/page", "namespace=vision&job=absent&user=alice&file=worker-0.0.log").status,
              404);
}

TEST_F(ArchiveServerTest, TheApiServersRefusalsArePassedOn) {
    DLWS_NEEDS_ROOT();
    MakeLog();
    api_.When("POST", kReview).Call([](const kube::testing::Request&) {
        return Answer{.status = 401, .body = R"({"kind":"Status","code":401,"message":"no"})"};
    });
    EXPECT_EQ(Get("/v1/list", kList, "old").status, 401);
    api_.When("POST", kReview).Call([](const kube::testing::Request&) {
        return Answer{.status = 500, .body = R"({"kind":"Status","code":500,"message":"no"})"};
    });
    EXPECT_EQ(Get("/v1/list", kList, "other").status, 503);
}

TEST_F(ArchiveServerTest, ManyQuestionsAtOnceAreOne) {
    DLWS_NEEDS_ROOT();
    MakeLog();
    int good = 0;
    std::vector<kube::Awaitable<void>> asks;
    for (int i = 0; i < 64; ++i)
        asks.push_back(AskOnce(*server_, good));
    kube::testing::Run(io_, kube::Together(std::move(asks)));
    EXPECT_EQ(good, 64);
    EXPECT_EQ(api_.Requests().size(), 3u);
}

TEST_F(ArchiveServerTest, WhatIsNotThereOrRefused) {
    DLWS_NEEDS_ROOT();
    MakeLog();
    EXPECT_EQ(Get("/v1/page", std::string(kList) + "&file=worker-9.0.log").status, 404);
    EXPECT_EQ(Get("/v1/list", "namespace=vision&job=digits&user=bob").body,
              R"({"files":[],"cut":false})");
    const fs::path logs = folder_ / "alice/2026-11/digits-1a2b3c4d/logs";
    fs::create_symlink("/etc/passwd", logs / "worker-1.0.log");
    const auto link = Get("/v1/page", std::string(kList) + "&file=worker-1.0.log");
    EXPECT_EQ(link.status, 409);
    EXPECT_NE(link.body.find("symbolic link"), std::string::npos) << link.body;
}

TEST_F(ArchiveServerTest, WrongQuestions) {
    Serve("/nowhere");
    EXPECT_EQ(Get("/v2/page", kPage).status, 404);
    for (const char* query :
         {"", "namespace=vision&job=digits", "namespace=vision&job=digits&user=../bob",
          "namespace=vision&job=digits&user=alice&user=bob", "namespace=a%2Fb&job=digits&user=a",
          "namespace=vision&job=digits&user=alice&file=worker-0.0.log", "namespace=%zz"})
        EXPECT_EQ(Get("/v1/list", query).status, 400) << query;
    for (const char* more :
         {"&file=../worker-0.0.log", "", "&file=job.yaml", "&file=a-0.0.log&offset=-1",
          "&file=a-0.0.log&offset=1&tail=1", "&file=a-0.0.log&bytes=0",
          "&file=a-0.0.log&bytes=1048577", "&file=a-0.0.log&time=soon", "&file=a-0.0.log&follow=1"})
        EXPECT_EQ(Get("/v1/page", std::string(kList) + more).status, 400) << more;
    EXPECT_TRUE(api_.Requests().empty());
}

TEST_F(ArchiveServerTest, AStorageThatHangs) {
    DLWS_NEEDS_ROOT();
    if (const std::string lacks = HungMount::Lacks(); !lacks.empty()) GTEST_SKIP() << lacks;
    HungMount mount(folder_, "hung");
    Serve(mount.path());
    for (int i = 0; i < 8; ++i)
        EXPECT_EQ(Get("/v1/list", kList).status, 503);
    // Alice's; bob has his own.
    EXPECT_EQ(server_->pool().Hung(), 2u);
    EXPECT_EQ(Get("/v1/list", kList, "bob").status, 503);
    EXPECT_EQ(server_->pool().Hung(), 3u);
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(Get("/v1/page", kPage).status, 503);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(290));
    // What needs no storage is still answered.
    EXPECT_EQ(Get("/v1/page", kPage, "eve").status, 403);
}

}  // namespace
}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
// Where logs are read from, each over HTTP: the kubelet by way of the API server, and the archive.
#include <map>
#include <string>

#include "portal/server/fixture.h"
#include "portal/server/logs/archive_client.h"
#include "portal/server/logs/live.h"

namespace dlws::portal {
namespace {

using LogSources = PortalTest;

TEST_F(LogSources, TheKubeletsLogOverTheApiServer) {
    ApiLogKubelet kubelets(users);
    const std::string path = "/api/v1/namespaces/vision/pods/digits-worker-0-0/log";
    auto stream = server
                      .When("GET", path,
                            {{"follow", "true"},
                             {"timestamps", "true"},
                             {"container", "main"},
                             {"sinceTime", "2026-11-30T00:53:20Z"}})
                      .OpenStream();
    LogLiveAsk ask;
    ask.since = 1'796'000'000'999'999;
    const auto open = [&] {
        return kube::testing::Run(
            io, kubelets.Open("alice-token", "vision", "digits-worker-0-0", "main", ask));
    };
    stream.Send("one\ntw");
    auto log = open();
    ASSERT_TRUE(log) << log.error().why;
    EXPECT_EQ(server.Requests().back().Header("authorization"), "Bearer alice-token");
    std::string text;
    while (text.size() < 6) {
        const auto more = kube::testing::Run(io, (*log)->Next());
        ASSERT_TRUE(more) << more.error().why;
        ASSERT_FALSE(more->empty());
        text += *more;
    }
    EXPECT_EQ(text, "one\ntw");
    stream.End();
    const auto end = kube::testing::Run(io, (*log)->Next());
    ASSERT_TRUE(end) << end.error().why;
    EXPECT_EQ(*end, "");
    // What broke off is no end.
    auto cut = server.When("GET", path).OpenStream();
    log = open();
    ASSERT_TRUE(log);
    cut.Cut();
    const auto broken = kube::testing::Run(io, (*log)->Next());
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().kind, LogFailure::kCut);
    // Nobody reads on: the connection is closed.
    auto left = server.When("GET", path).OpenStream();
    log = open();
    ASSERT_TRUE(log);
    log = std::unexpected(LogFailure());
    EXPECT_TRUE(left.WaitGone());
    for (const auto& [status, kind] : std::map<int, LogFailure::Kind>{{400, LogFailure::kNotYet},
                                                                      {401, LogFailure::kDenied},
                                                                      {403, LogFailure::kDenied},
                                                                      {404, LogFailure::kAbsent},
                                                                      {500, LogFailure::kCut}}) {
        server.When("GET", path).Reply(status, "{}");
        log = open();
        ASSERT_FALSE(log);
        EXPECT_EQ(log.error().kind, kind) << status;
    }
    LogLiveAsk now;
    now.tail = 5;
    now.follow = false;
    EXPECT_EQ(PodLogTarget("a", "b", "c", now),
              "/api/v1/namespaces/a/pods/b/log?container=c&timestamps=true&tailLines=5");
}

TEST_F(LogSources, TheArchiveOverHttp) {
    HttpLogArchive client(io.get_executor(), server.Port());
    server.When("GET", "/v1/list", {{"namespace", "vision"}, {"job", "digits"}, {"user", "al"}})
        .Reply(
            200,
            R"({"files":[{"name":"worker-3.1.log","bytes":7},{"name":"x","bytes":1}],"cut":true})");
    ArchiveOf of;
    of.ns = "vision";
    of.job = "digits";
    of.user = "al";
    const auto list = kube::testing::Run(io, client.List("alice-token", of));
    ASSERT_TRUE(list) << list.error().why;
    ASSERT_EQ(list->logs.size(), 1u);
    EXPECT_EQ(list->logs[0].index, 3);
    EXPECT_EQ(list->logs[0].attempt, 1);
    EXPECT_EQ(list->logs[0].bytes, 7u);
    EXPECT_TRUE(list->cut);
    EXPECT_EQ(server.Requests().back().Header("authorization"), "Bearer alice-token");

    server.When("GET", "/v1/page", {{"file", "worker-3.1.log"}, {"tail", "5"}, {"bytes", "100"}})
        .Reply(200, std::string("28 34\na\0\nb", 10))
        .Reply(200, "28\n")
        .Reply(404, "there is none")
        .Reply(403, "no")
        .Reply(401, "no")
        .Reply(409, "a link")
        .Reply(400, "what?");
    LogSource source;
    source.role = "worker";
    source.index = 3;
    source.attempt = 1;
    LogPageAsk ask;
    ask.tail = 5;
    const auto read = [&] {
        return kube::testing::Run(io, client.Read("alice-token", of, source, ask, 100));
    };
    const auto page = read();
    ASSERT_TRUE(page) << page.error().why;
    EXPECT_EQ(page->offset, 28u);
    EXPECT_EQ(page->size, 34u);
    EXPECT_EQ(page->bytes, std::string("a\0\nb", 4));
    EXPECT_EQ(read().error().kind, LogFailure::kCut);
    EXPECT_EQ(read().error().kind, LogFailure::kAbsent);
    EXPECT_EQ(read().error().kind, LogFailure::kDenied);
    EXPECT_EQ(read().error().status, 401);
    EXPECT_EQ(read().error().kind, LogFailure::kRefused);
    EXPECT_EQ(read().error().kind, LogFailure::kCut);
    HttpLogArchive nobody(io.get_executor(), 1);
    EXPECT_EQ(kube::testing::Run(io, nobody.List("alice-token", of)).error().kind,
              LogFailure::kCut);
}

}  // namespace
}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
// What kube::HttpClient does is shown by its own tests; here, that Prometheus is asked as it has to
// be.
#include "portal/server/metrics/prometheus.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "kube/testing/imposter.h"
#include "kube/testing/run.h"

namespace dlws::portal {
namespace {

using ::testing::HasSubstr;
constexpr const char* kPath = "/prom/api/v1/query_range";

class PrometheusTest : public ::testing::Test {
  protected:
    PrometheusTest() {
        std::ofstream(ca_file) << server.CaPem();
        settings.url = fmt::format("https://127.0.0.1:{}/prom/", server.Port());
        settings.ca_file = ca_file;
        settings.deadline = std::chrono::milliseconds(500);
    }
    ~PrometheusTest() override {
        std::filesystem::remove(ca_file);
        std::filesystem::remove(token_file);
    }
    std::expected<std::string, std::string> Ask() {
        Prometheus prometheus(io.get_executor(), settings);
        return kube::testing::Run(io, prometheus.Range("up{a=\"b\"} + 1", {60, 120, 30}));
    }

    const std::string ca_file = fmt::format("/tmp/dlws-prometheus-test-{}.pem", getpid());
    const std::string token_file = fmt::format("/tmp/dlws-prometheus-test-{}.token", getpid());
    kube::testing::Imposter server{{.tls = true}};
    boost::asio::io_context io;
    Prometheus::Settings settings;
};

TEST_F(PrometheusTest, IsAskedForARange) {
    server.When("GET", kPath).Reply(200, "an answer");
    EXPECT_EQ(Ask().value(), "an answer");
    const auto sent = server.Requests().back();
    EXPECT_EQ(sent.query, (kube::testing::Query{{"query", "up{a=\"b\"} + 1"},
                                                {"start", "60"},
                                                {"end", "120"},
                                                {"step", "30"},
                                                {"timeout", "500ms"}}));
    EXPECT_EQ(sent.Header("authorization"), "");
}

TEST_F(PrometheusTest, ATokenIsReadEachTime) {
    settings.token_file = token_file;
    EXPECT_THAT(Ask().error(), HasSubstr("no token"));
    EXPECT_EQ(server.Connections(), 0);
    server.When("GET", kPath).Reply(200, "");
    for (const char* token : {"first", "second"}) {
        std::ofstream(token_file) << token << "\n";
        EXPECT_TRUE(Ask());
        EXPECT_EQ(server.Requests().back().Header("authorization"), std::string("Bearer ") + token);
    }
}

TEST_F(PrometheusTest, WhatIsWrongIsSaidWithoutAddresses) {
    for (const auto& [status, why] : std::map<int, std::string>{{302, "portal.prometheus.url"},
                                                                {401, "does not let"},
                                                                {403, "does not let"},
                                                                {400, "answers 400"},
                                                                {503, "answers 503"}}) {
        server.When("GET", kPath)
            .Reply(status, "http://10.0.0.1/", {{"Location", "https://localhost/elsewhere"}});
        EXPECT_THAT(Ask().error(), HasSubstr(why));
        EXPECT_EQ(Ask().error().find("10.0.0.1"), std::string::npos);
    }
    EXPECT_EQ(server.Count("GET", "/elsewhere"), 0u) << "a redirect is not followed";
    const auto began = std::chrono::steady_clock::now();
    server.When("GET", kPath).Misbehave(kube::testing::Fault::kNeverAnswer);
    EXPECT_EQ(Ask().error(), "Prometheus did not answer within 0.5 s.");
    server.When("GET", kPath).Misbehave(kube::testing::Fault::kSlowDrip);
    EXPECT_EQ(Ask().error(), "Prometheus did not answer within 0.5 s.");
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
    for (const auto fault : {kube::testing::Fault::kGarbage, kube::testing::Fault::kCloseMidBody,
                             kube::testing::Fault::kReset}) {
        server.When("GET", kPath).Misbehave(fault);
        EXPECT_FALSE(Ask());
    }
    settings.ca_file = "";
    EXPECT_EQ(Ask().error(), "Prometheus does not answer.");
    settings.url = "http://127.0.0.1:1";
    EXPECT_EQ(Ask().error(), "Prometheus does not answer.");
}

TEST_F(PrometheusTest, AHugeAnswerIsNone) {
    settings.deadline = std::chrono::seconds(20);
    server.When("GET", kPath).Reply(200, std::string(settings.max_bytes, 'x'));
    EXPECT_EQ(Ask().value().size(), 4u << 20);
    server.When("GET", kPath).Reply(200, std::string(settings.max_bytes + 1, 'x'));
    EXPECT_THAT(Ask().error(), HasSubstr("too much"));
}

TEST_F(PrometheusTest, SoManyAtATimeAndTheOthersWait) {
    settings.most_at_a_time = 2;
    settings.deadline = std::chrono::seconds(10);
    kube::testing::Answer slow;
    slow.body = "late";
    slow.delay = std::chrono::milliseconds(200);
    server.When("GET", kPath).Reply(slow);
    Prometheus prometheus(io.get_executor(), settings);
    int done = 0, most = 0;
    for (int i = 0; i < 6; ++i)
        boost::asio::co_spawn(io, prometheus.Range("up", {60, 120, 30}),
                              [&](const std::exception_ptr&, const auto& answer) {
                                  EXPECT_TRUE(answer);
                                  ++done;
                              });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (done < 6 && std::chrono::steady_clock::now() < end) {
        kube::testing::RunFor(io, std::chrono::milliseconds(10));
        most = std::max(most, int(server.Requests().size()) - done);
    }
    EXPECT_EQ(done, 6);
    EXPECT_EQ(most, 2);
}

TEST_F(PrometheusTest, NobodyWaitsForEver) {
    settings.most_at_a_time = 1;
    server.When("GET", kPath).Misbehave(kube::testing::Fault::kNeverAnswer);
    Prometheus prometheus(io.get_executor(), settings);
    std::vector<std::string> why;
    for (int i = 0; i < 3; ++i)
        boost::asio::co_spawn(
            io, prometheus.Range("up", {60, 120, 30}),
            [&](const std::exception_ptr&, const auto& answer) { why.push_back(answer.error()); });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (why.size() < 3 && std::chrono::steady_clock::now() < end)
        kube::testing::RunFor(io, std::chrono::milliseconds(10));
    ASSERT_EQ(why.size(), 3u);
    EXPECT_THAT(why, ::testing::Contains("Too many ask Prometheus at the moment."));
}

}  // namespace
}  // namespace dlws::portal

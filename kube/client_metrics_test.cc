// SPDX-License-Identifier: Apache-2.0
// What the client counts: each request that went over the wire, once, by how it ended.
#include "kube/client_metrics.h"

#include "kube/client_test_fixture.h"

namespace dlws::kube {
namespace {

using namespace std::chrono_literals;
using testing::Fault;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::With;

class ClientMetricsTest : public ClientTest {
  public:
    std::string Requests(const std::string& code, const std::string& method, int count) const {
        return "rest_client_requests_total{code=\"" + code + "\",host=\"" + Host() +
               "\",method=\"" + method + "\"} " + std::to_string(count) + "\n";
    }
    std::string Timed(const std::string& verb, int count) const {
        return "rest_client_request_duration_seconds_count{host=\"" + Host() + "\",verb=\"" + verb +
               "\"} " + std::to_string(count) + "\n";
    }
    std::string Host() const { return "127.0.0.1:" + std::to_string(server.Port()); }

    Metrics metrics;
    std::unique_ptr<Client> client = MakeClient({.metrics = &metrics});
};

INSTANTIATE_TEST_SUITE_P(Transport, ClientMetricsTest, ::testing::Bool(), TransportName);

TEST_P(ClientMetricsTest, CountsByCodeMethodAndHost) {
    server.When("GET", kPodPath).Reply(200, kPodJson);
    server.When("POST", kPodsPath).Reply(409, "{}");
    ASSERT_TRUE(GetPod(*client));
    ASSERT_TRUE(GetPod(*client));
    EXPECT_FALSE(testing::Run(io, client->Create(kPods, "default", "{}")));
    const std::string text = metrics.Text();
    EXPECT_THAT(text, HasSubstr(Requests("200", "GET", 2)));
    EXPECT_THAT(text, HasSubstr(Requests("409", "POST", 1)));
    EXPECT_THAT(text, HasSubstr(Timed("GET", 2)));
    EXPECT_THAT(text, HasSubstr(Timed("POST", 1)));
}

TEST_P(ClientMetricsTest, EachTryCountsAndItsWaitIsNotTimed) {
    server.When("GET", kPodPath).Reply(429, "{}", {{"Retry-After", "1"}}).Reply(200, kPodJson);
    ASSERT_TRUE(GetPod(*client));
    const std::string text = metrics.Text();
    EXPECT_THAT(text, HasSubstr(Requests("429", "GET", 1)));
    EXPECT_THAT(text, HasSubstr(Requests("200", "GET", 1)));
    EXPECT_THAT(text, HasSubstr("duration_seconds_bucket{host=\"" + Host() +
                                "\",verb=\"GET\",le=\"0.5\"} 2\n"));
}

TEST_P(ClientMetricsTest, NoAnswerIsAnError) {
    server.When("GET", kPodPath).Misbehave(Fault::kGarbage);
    EXPECT_FALSE(GetPod(*client));
    EXPECT_THAT(metrics.Text(), HasSubstr(Requests("<error>", "GET", 1)));
    server.Down();
    EXPECT_FALSE(GetPod(*client));
    EXPECT_THAT(metrics.Text(), HasSubstr(Requests("<error>", "GET", 2)));
}

TEST_P(ClientMetricsTest, AnAnswerThatBreaksOffIsAnError) {
    server.When("GET", kPodPath).Misbehave(Fault::kCloseMidBody, kPodJson);
    EXPECT_FALSE(GetPod(*client));
    EXPECT_THAT(metrics.Text(), HasSubstr(Requests("<error>", "GET", 1)));
    EXPECT_THAT(metrics.Text(), Not(HasSubstr("code=\"200\"")));
}

TEST_P(ClientMetricsTest, AKeptConnectionThatWasClosedCountsAsNoRequest) {
    server.When("GET", kPodPath)
        .Reply(200, kPodJson)
        .Misbehave(Fault::kCloseBeforeReply)
        .Reply(200, kPodJson);
    ASSERT_TRUE(GetPod(*client));
    ASSERT_TRUE(GetPod(*client));
    EXPECT_THAT(metrics.Text(), HasSubstr(Requests("200", "GET", 2)));
    EXPECT_THAT(metrics.Text(), Not(HasSubstr("<error>")));
}

TEST_P(ClientMetricsTest, AWatchIsCountedAndNotTimed) {
    auto stream = server.When("GET", kPodsPath, {{"watch", "true"}}).OpenStream();
    auto watch = testing::Run(
        io, client->Watch(kPods, With<WatchOptions>([](auto& o) { o.ns = "default"; })));
    ASSERT_TRUE(watch) << watch.error().message;
    EXPECT_THAT(metrics.Text(), HasSubstr(Requests("200", "GET", 1)));
    EXPECT_THAT(metrics.Text(), Not(HasSubstr("duration_seconds_count{")));
}

}  // namespace
}  // namespace dlws::kube

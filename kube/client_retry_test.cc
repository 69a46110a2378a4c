// SPDX-License-Identifier: Apache-2.0
// When a request is sent again, and when not.
#include <fstream>

#include "kube/client_test_fixture.h"

namespace dlws::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::With;
using Clock = std::chrono::steady_clock;
using testing::Fault;

class RetryTest : public ClientTest {
  public:
    /// One good call, so that there is a kept connection.
    void Warm() {
        server.When("GET", "/warm").Reply(200, "ok");
        ASSERT_TRUE(testing::Run(io, client.GetRaw("/warm")));
    }
    std::size_t Later() const { return server.Requests().size() - 1; }

    Client client{io.get_executor(), server.ClientConfig()};
};

INSTANTIATE_TEST_SUITE_P(Transport, RetryTest, ::testing::Bool(), TransportName);

TEST_P(RetryTest, NoticesAKeptConnectionThatTheServerClosed) {
    server.When("GET", kPodPath).Misbehave(Fault::kCloseAfterReply, kPodJson);
    server.When("POST", kPodsPath).Reply(201, kPodJson);
    ASSERT_TRUE(GetPod(client));
    ASSERT_TRUE(Eventually(io, [&] { return server.OpenConnections() == 0; }));
    const auto made = testing::Run(io, client.Create(kPods, "default", "{}"));
    EXPECT_TRUE(made) << made.error().message;
    EXPECT_EQ(server.Connections(), 2);
    EXPECT_EQ(server.Requests().size(), 2U);
}

TEST_P(RetryTest, RepeatsReadsWhenTheKeptConnectionDiesUnderThem) {
    for (const Fault fault : {Fault::kCloseBeforeReply, Fault::kReset}) {
        Warm();
        server.When("GET", kPodPath).Misbehave(fault).Reply(200, kPodJson);
        const auto pod = GetPod(client);
        ASSERT_TRUE(pod) << pod.error().message;
    }
    EXPECT_EQ(server.Count("GET", kPodPath), 4U);
}

TEST_P(RetryTest, RepeatsOnceOnly) {
    Warm();
    server.When("GET", kPodPath).Misbehave(Fault::kCloseBeforeReply);
    const auto pod = GetPod(client);
    ASSERT_FALSE(pod);
    EXPECT_EQ(pod.error().kind, ErrorKind::kNetwork);
    EXPECT_EQ(Later(), 2U);
}

TEST_P(RetryTest, RepeatsOnAFreshConnectionNotOnTheNextKeptOne) {
    testing::Answer slow;
    slow.delay = 50ms;
    server.When("GET", "/slow").Reply(slow);
    Background<Result<std::string>> one(io, client.GetRaw("/slow"));
    Background<Result<std::string>> two(io, client.GetRaw("/slow"));
    ASSERT_TRUE(one.Wait() && two.Wait());
    ASSERT_EQ(server.Connections(), 2);
    server.When("GET", kPodPath).Call([](const testing::Request& request) {
        testing::Answer answer;
        answer.body = kPodJson;
        if (request.connection <= 2) answer.fault = Fault::kCloseBeforeReply;
        return answer;
    });
    const auto pod = GetPod(client);
    EXPECT_TRUE(pod) << pod.error().message;
    EXPECT_EQ(server.Count("GET", kPodPath), 2U);
}

TEST_P(RetryTest, NeverRepeatsOnAFreshConnection) {
    server.When("GET", kPodPath).Misbehave(Fault::kCloseBeforeReply).Reply(200, kPodJson);
    const auto pod = GetPod(client);
    ASSERT_FALSE(pod);
    EXPECT_EQ(pod.error().kind, ErrorKind::kNetwork);
    EXPECT_THAT(pod.error().message, HasSubstr("GET /api/v1/namespaces/default/pods/a: 127.0.0.1"));
    EXPECT_EQ(server.Requests().size(), 1U);
}

TEST_P(RetryTest, NeverRepeatsAPostThatMayHaveRun) {
    Warm();
    server.When("POST", kPodsPath).Misbehave(Fault::kCloseBeforeReply).Reply(201, kPodJson);
    const auto pod = testing::Run(io, client.Create(kPods, "default", "{}"));
    ASSERT_FALSE(pod);
    EXPECT_EQ(pod.error().kind, ErrorKind::kNetwork);
    EXPECT_EQ(Later(), 1U);
}

TEST_P(RetryTest, NeverRepeatsWhatHadBegunToBeAnswered) {
    Warm();
    server.When("GET", kPodPath).Misbehave(Fault::kCloseMidHeader).Reply(200, kPodJson);
    EXPECT_FALSE(GetPod(client));
    EXPECT_EQ(Later(), 1U);
}

TEST_P(RetryTest, RepeatsWritesWithAPreconditionOnly) {
    const auto broken = [&](const char* method) {
        Warm();
        server.When(method, kPodPath).Misbehave(Fault::kCloseBeforeReply).Reply(200, kPodJson);
    };
    broken("DELETE");
    EXPECT_FALSE(testing::Run(io, client.Delete(kPods, kPodKey, {})));
    broken("DELETE");
    EXPECT_TRUE(testing::Run(
        io, client.Delete(kPods, kPodKey, With<DeleteOptions>([&](auto& o) { o.uid = "u"; }))));
    broken("PATCH");
    EXPECT_FALSE(testing::Run(io, client.Patch(kPods, kPodKey, PatchType::kMerge, "{}")));
    broken("PATCH");
    EXPECT_TRUE(testing::Run(io, client.Patch(kPods, kPodKey, PatchType::kMerge,
                                              R"({"metadata":{"resourceVersion":"1"}})")));
    broken("PATCH");
    EXPECT_TRUE(testing::Run(
        io, client.Patch(kPods, kPodKey, PatchType::kApply, "{}",
                         With<WriteOptions>([&](auto& o) { o.field_manager = "m"; }))));
    broken("PUT");
    EXPECT_TRUE(
        testing::Run(io, client.Update(kPods, kPodKey, R"({"metadata":{"resourceVersion":"1"}})")));
}

TEST_P(RetryTest, ObeysRetryAfterExactly) {
    for (const int status : {429, 503}) {
        server.When("POST", kPodsPath)
            .Reply(status, "{}", {{"Retry-After", "1"}})
            .Reply(201, kPodJson);
        const auto begin = Clock::now();
        const auto pod = testing::Run(io, client.Create(kPods, "default", "{}"));
        const auto time = Clock::now() - begin;
        ASSERT_TRUE(pod) << pod.error().message;
        EXPECT_GE(time, 1s);
        EXPECT_LT(time, 2s);
    }
    EXPECT_EQ(server.Requests().size(), 4U);
    EXPECT_EQ(server.Connections(), 1);
}

TEST_P(RetryTest, DoesNotWaitBeyondTheDeadline) {
    server.When("GET", kPodPath).Reply(429, "{}", {{"Retry-After", "10"}}).Reply(200, kPodJson);
    const auto begin = Clock::now();
    const auto pod = GetPod(client, With<CallOptions>([&](auto& o) { o.deadline = 5s; }));
    ASSERT_FALSE(pod);
    EXPECT_LT(Clock::now() - begin, 2s);
    EXPECT_EQ(pod.error().code, 429);
    EXPECT_EQ(pod.error().retry_after, 10s);
    EXPECT_EQ(server.Requests().size(), 1U);
}

TEST_P(RetryTest, HandsOutRefusalsThatNameNoTime) {
    server.When("GET", kPodPath)
        .Reply(429, "{}")
        .Reply(503, "{}", {{"Retry-After", "soon"}})
        .Reply(500, "{}", {{"Retry-After", "0"}})
        .Reply(200, kPodJson);
    for (const int status : {429, 503, 500}) {
        const auto pod = GetPod(client);
        ASSERT_FALSE(pod);
        EXPECT_EQ(pod.error().code, status);
    }
    EXPECT_EQ(server.Requests().size(), 3U);
}

TEST_P(RetryTest, GivesUpOnAServerThatSaysAtOnceForEver) {
    server.When("GET", kPodPath).Reply(429, "{}", {{"Retry-After", "0"}});
    const auto pod = GetPod(client);
    ASSERT_FALSE(pod);
    EXPECT_EQ(pod.error().code, 429);
    EXPECT_EQ(server.Requests().size(), 11U);
}

class TokenFileTest : public ClientTest {
  public:
    TokenFileTest() : file(::testing::TempDir() + "token-" + std::to_string(getpid())) {
        Write("first\n");
    }
    ~TokenFileTest() override { std::remove(file.c_str()); }
    void Write(const std::string& text) const { std::ofstream(file) << text; }
    Config WithTokenFile() const {
        Config config = server.ClientConfig();
        config.token = "never used";
        config.token_file = file;
        return config;
    }
    /// A server that lets in only who brings this token.
    void Demand(const std::string& token) {
        server.When("GET", kPodPath).Call([token](const testing::Request& request) {
            testing::Answer answer;
            answer.body = kPodJson;
            if (request.Header("authorization") != "Bearer " + token) {
                answer.status = 401;
                answer.body =
                    R"({"kind":"Status","reason":"Unauthorized","message":"Unauthorized"})";
            }
            return answer;
        });
    }
    const std::string file;
};

INSTANTIATE_TEST_SUITE_P(Transport, TokenFileTest, ::testing::Bool(), TransportName);

TEST_P(TokenFileTest, A401ReadsTheTokenAgainOnce) {
    Client client(io.get_executor(), WithTokenFile());
    Demand("first");
    ASSERT_TRUE(GetPod(client));
    Demand("second");
    Write("second");
    const auto pod = GetPod(client);
    ASSERT_TRUE(pod) << pod.error().message;
    EXPECT_EQ(server.Requests().size(), 3U);
    Demand("third");
    const auto refused = GetPod(client);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().IsUnauthorized());
    EXPECT_EQ(server.Requests().size(), 5U);
}

TEST_P(TokenFileTest, A401WithAFixedTokenIsFinal) {
    Config config = server.ClientConfig();
    config.token = "fixed";
    Client client(io.get_executor(), config);
    Demand("another");
    const auto pod = GetPod(client);
    ASSERT_FALSE(pod);
    EXPECT_TRUE(pod.error().IsUnauthorized());
    EXPECT_EQ(server.Requests().size(), 1U);
}

TEST_P(TokenFileTest, IsReadAgainWhileRunning) {
    Client client(io.get_executor(), WithTokenFile(), {.token_reload = 100ms});
    server.When("GET", kPodPath).Reply(200, kPodJson);
    ASSERT_TRUE(GetPod(client));
    Write("second");
    ASSERT_TRUE(GetPod(client));
    EXPECT_EQ(server.Requests().back().Header("authorization"), "Bearer first");
    testing::RunFor(io, 150ms);
    ASSERT_TRUE(GetPod(client));
    EXPECT_EQ(server.Requests().back().Header("authorization"), "Bearer second");
    // Half-written or gone: what there was is still the best we have.
    std::remove(file.c_str());
    testing::RunFor(io, 150ms);
    ASSERT_TRUE(GetPod(client));
    EXPECT_EQ(server.Requests().back().Header("authorization"), "Bearer second");
    Write("");
    testing::RunFor(io, 150ms);
    ASSERT_TRUE(GetPod(client));
    EXPECT_EQ(server.Requests().back().Header("authorization"), "Bearer second");
    EXPECT_EQ(server.Connections(), 1);
}

TEST_P(TokenFileTest, MissingFromTheStartIsAnErrorThatNamesIt) {
    std::remove(file.c_str());
    Client client(io.get_executor(), WithTokenFile());
    const auto pod = GetPod(client);
    ASSERT_FALSE(pod);
    EXPECT_EQ(pod.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(pod.error().message, HasSubstr(file));
    // ... and it is looked for again at the next call.
    Write("late");
    server.When("GET", kPodPath).Reply(200, kPodJson);
    EXPECT_TRUE(GetPod(client));
}

TEST_P(TokenFileTest, ATokenCannotSmuggleHeaders) {
    Write("first\r\nX-Evil: yes\nmore");
    Client client(io.get_executor(), WithTokenFile());
    const auto pod = GetPod(client);
    ASSERT_FALSE(pod);
    EXPECT_EQ(pod.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_TRUE(server.Requests().empty());
}

TEST_P(TokenFileTest, BasicAuthentication) {
    Config config = server.ClientConfig();
    config.username = "me";
    config.password = "secret";
    Client client(io.get_executor(), config);
    server.When("GET", kPodPath).Reply(200, kPodJson);
    ASSERT_TRUE(GetPod(client));
    EXPECT_EQ(server.Requests().back().Header("authorization"), "Basic bWU6c2VjcmV0");
}

}  // namespace
}  // namespace dlws::kube

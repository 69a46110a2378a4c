// SPDX-License-Identifier: Apache-2.0
// Misbehaving servers, deadlines, limits, the pool, and cancellation.
#include "kube/connection.h"

#include "kube/client_test_fixture.h"

namespace dlws::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::With;
using Clock = std::chrono::steady_clock;
using testing::Fault;
using testing::Imposter;

struct FaultCase {
    Fault fault;
    ErrorKind kind;
    const char* name;
};

class FaultTest : public ::testing::TestWithParam<std::tuple<FaultCase, bool>> {};

INSTANTIATE_TEST_SUITE_P(
    All, FaultTest,
    ::testing::Combine(
        ::testing::Values(FaultCase{Fault::kCloseBeforeReply, ErrorKind::kNetwork, "Close"},
                          FaultCase{Fault::kCloseMidHeader, ErrorKind::kNetwork, "MidHeader"},
                          FaultCase{Fault::kCloseMidBody, ErrorKind::kNetwork, "MidBody"},
                          FaultCase{Fault::kReset, ErrorKind::kNetwork, "Reset"},
                          FaultCase{Fault::kGarbage, ErrorKind::kProtocol, "Garbage"},
                          FaultCase{Fault::kTruncatedChunk, ErrorKind::kNetwork, "Truncated"},
                          FaultCase{Fault::kBadChunk, ErrorKind::kProtocol, "BadChunk"},
                          FaultCase{Fault::kNeverAnswer, ErrorKind::kTimeout, "NeverAnswers"},
                          FaultCase{Fault::kHugeHeader, ErrorKind::kProtocol, "HugeHeader"},
                          FaultCase{Fault::kSlowDrip, ErrorKind::kTimeout, "SlowDrip"},
                          FaultCase{Fault::kLengthTooLong, ErrorKind::kTimeout, "TooLong"},
                          FaultCase{Fault::kLengthTooShort, ErrorKind::kProtocol, "TooShort"}),
        ::testing::Bool()),
    [](const auto& info) {
        return std::string(std::get<0>(info.param).name) +
               (std::get<1>(info.param) ? "Tls" : "Plain");
    });

TEST_P(FaultTest, IsAnErrorOfItsKindInTimeAndHarmsNobodyElse) {
    const auto& [fault, tls] = GetParam();
    Imposter server({.tls = tls});
    boost::asio::io_context io;
    Client client(io.get_executor(), server.ClientConfig());
    server.When("GET", kPodPath).Misbehave(fault.fault, kPodJson).Reply(200, kPodJson);
    const auto begin = Clock::now();
    const auto broken = testing::Run(
        io, client.Get(kPods, kPodKey, With<CallOptions>([&](auto& o) { o.deadline = 700ms; })));
    const auto time = Clock::now() - begin;
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().kind, fault.kind) << broken.error().message;
    EXPECT_THAT(broken.error().message, HasSubstr(kPodPath));
    EXPECT_LT(time, 5s);
    if (fault.kind == ErrorKind::kTimeout) {
        EXPECT_GE(time, 700ms);
    }
    const auto pod = testing::Run(io, client.Get(kPods, kPodKey));
    ASSERT_TRUE(pod) << pod.error().message;
    EXPECT_EQ(server.Connections(), 2) << "the broken connection must not be used again";
    EXPECT_TRUE(Eventually(io, [&] { return server.OpenConnections() == 1; }));
}

class ConnectionTest : public ClientTest {};

INSTANTIATE_TEST_SUITE_P(Transport, ConnectionTest, ::testing::Bool(), TransportName);

TEST_P(ConnectionTest, RefusesAnswersBeyondTheLimit) {
    const auto client = MakeClient({.max_response_bytes = 1000});
    testing::Answer answer;
    answer.body = std::string(1001, 'x');
    for (const bool chunked : {false, true}) {
        answer.chunked = chunked;
        server.When("GET", "/big").Reply(answer);
        const auto text = testing::Run(io, client->GetRaw("/big"));
        ASSERT_FALSE(text);
        EXPECT_EQ(text.error().kind, ErrorKind::kProtocol);
        EXPECT_THAT(text.error().message, HasSubstr("larger than 1000 bytes"));
    }
    answer.body.pop_back();
    server.When("GET", "/big").Reply(answer);
    EXPECT_TRUE(testing::Run(io, client->GetRaw("/big")));
}

TEST_P(ConnectionTest, ReadsLargeAnswers) {
    const auto client = MakeClient({});
    testing::Answer answer;
    for (int i = 0; i < 3'000'000; ++i)
        answer.body += static_cast<char>('a' + i % 26);
    for (const bool chunked : {false, true}) {
        answer.chunked = chunked;
        server.When("GET", "/big").Reply(answer);
        const auto text = testing::Run(io, client->GetRaw("/big"));
        ASSERT_TRUE(text) << text.error().message;
        EXPECT_EQ(*text, answer.body);
    }
    EXPECT_EQ(server.Connections(), 1);
}

TEST_P(ConnectionTest, ADeadServerIsANetworkErrorAndItsReturnIsNoticed) {
    const auto client = MakeClient({});
    server.When("GET", kPodPath).Reply(200, kPodJson);
    ASSERT_TRUE(GetPod(*client));
    server.Down();
    const auto pod = GetPod(*client);
    ASSERT_FALSE(pod);
    EXPECT_EQ(pod.error().kind, ErrorKind::kNetwork);
    EXPECT_THAT(pod.error().message, HasSubstr("cannot connect to 127.0.0.1:"));
    server.Up();
    EXPECT_TRUE(GetPod(*client));
}

TEST_P(ConnectionTest, ConnectionsAreKeptAndClosedWhenIdle) {
    const auto client = MakeClient({.idle_connection_timeout = 1s});
    server.When("GET", kPodPath).Reply(200, kPodJson);
    for (int i = 0; i < 20; ++i)
        ASSERT_TRUE(GetPod(*client));
    EXPECT_EQ(server.Connections(), 1);
    testing::RunFor(io, 500ms);
    EXPECT_EQ(server.OpenConnections(), 1);
    testing::RunFor(io, 700ms);
    EXPECT_TRUE(Eventually(io, [&] { return server.OpenConnections() == 0; }, 2s));
    EXPECT_TRUE(GetPod(*client));
    EXPECT_EQ(server.Connections(), 2);
}

TEST_P(ConnectionTest, AConnectionThatTheServerWillCloseIsNotKept) {
    const auto client = MakeClient({});
    server.When("GET", kPodPath).Reply(200, kPodJson, {{"Connection", "close"}});
    server.When("POST", kPodsPath).Reply(201, kPodJson);
    ASSERT_TRUE(GetPod(*client));
    EXPECT_TRUE(testing::Run(io, client->Create(kPods, "default", "{}")));
    EXPECT_EQ(server.Connections(), 2);
}

TEST_P(ConnectionTest, WaitingCallsTakeTheirTurn) {
    const auto client = MakeClient({.max_connections = 2});
    testing::Answer slow;
    slow.body = "ok";
    slow.delay = 20ms;
    server.When("GET", "*").Reply(slow);
    std::vector<Background<Result<std::string>>> calls;
    for (int i = 0; i < 20; ++i) {
        calls.emplace_back(io, client->GetRaw("/" + std::to_string(100 + i)));
    }
    for (auto& call : calls) {
        ASSERT_TRUE(call.Wait());
        ASSERT_TRUE(*call.Value()) << call.Value()->error().message;
    }
    EXPECT_EQ(server.Connections(), 2);
    // Two run at a time, so neighbours may change places; nobody waits longer than that.
    const auto requests = server.Requests();
    ASSERT_EQ(requests.size(), 20U);
    for (int i = 0; i < 20; ++i) {
        const int number = std::stoi(requests[static_cast<std::size_t>(i)].path.substr(1)) - 100;
        EXPECT_LE(std::abs(number - i), 1) << i;
    }
}

TEST_P(ConnectionTest, WaitingEndsAtTheDeadlineAndLosesNoTurn) {
    const auto client = MakeClient({.max_connections = 1});
    server.When("GET", "/never").Misbehave(Fault::kNeverAnswer);
    server.When("GET", "/good").Reply(200, "ok");
    Background<Result<std::string>> first(
        io, client->GetRaw("/never", With<CallOptions>([&](auto& o) { o.deadline = 900ms; })));
    Background<Result<std::string>> second(
        io, client->GetRaw("/good", With<CallOptions>([&](auto& o) { o.deadline = 200ms; })));
    Background<Result<std::string>> third(io, client->GetRaw("/good"));
    ASSERT_TRUE(second.Wait());
    EXPECT_FALSE(first.Done());
    ASSERT_FALSE(*second.Value());
    EXPECT_EQ(second.Value()->error().kind, ErrorKind::kTimeout);
    EXPECT_THAT(second.Value()->error().message, HasSubstr("busy"));
    ASSERT_TRUE(third.Wait());
    EXPECT_TRUE(*third.Value()) << third.Value()->error().message;
    EXPECT_TRUE(first.Done());
}

TEST_P(ConnectionTest, CancellingACallClosesItsConnectionAndFreesItsTurn) {
    const auto client = MakeClient({.max_connections = 1});
    server.When("GET", "/never").Misbehave(Fault::kNeverAnswer);
    server.When("GET", "/good").Reply(200, "ok");
    Background<Result<std::string>> running(io, client->GetRaw("/never"));
    Background<Result<std::string>> waiting(io, client->GetRaw("/good"));
    ASSERT_TRUE(Eventually(io, [&] { return server.Requests().size() == 1; }));
    waiting.Cancel();
    ASSERT_TRUE(waiting.Wait());
    EXPECT_FALSE(running.Done());
    running.Cancel();
    ASSERT_TRUE(running.Wait());
    if (running.Value()) {
        ASSERT_FALSE(*running.Value());
        EXPECT_EQ(running.Value()->error().kind, ErrorKind::kCancelled);
    }
    EXPECT_TRUE(Eventually(io, [&] { return server.OpenConnections() == 0; }));
    const auto good = testing::Run(io, client->GetRaw("/good"), 5s);
    EXPECT_TRUE(good) << good.error().message;
    EXPECT_EQ(server.Count("GET", "/good"), 1U) << "the cancelled one was never sent";
}

TEST_P(ConnectionTest, CancellingWhileConnecting) {
    Imposter silent({.tls = true, .never_handshake = true});
    Client client(io.get_executor(), silent.ClientConfig());
    Background<Result<std::string>> call(io, client.GetRaw("/"));
    ASSERT_TRUE(Eventually(io, [&] { return silent.OpenConnections() == 1; }));
    call.Cancel();
    ASSERT_TRUE(call.Wait());
    EXPECT_TRUE(Eventually(io, [&] { return silent.OpenConnections() == 0; }));
}

TEST_P(ConnectionTest, DestroyingTheClientClosesItsConnections) {
    auto client = MakeClient({});
    server.When("GET", kPodPath).Reply(200, kPodJson);
    ASSERT_TRUE(GetPod(*client));
    EXPECT_EQ(server.OpenConnections(), 1);
    client.reset();
    EXPECT_TRUE(Eventually(io, [&] { return server.OpenConnections() == 0; }));
}

}  // namespace
}  // namespace dlws::kube

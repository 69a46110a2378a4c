// SPDX-License-Identifier: Apache-2.0
// Answers that are read as they come.
#include "kube/client_test_fixture.h"

namespace dlws::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Piece = Result<std::string>;

constexpr const char* kLog = "/api/v1/namespaces/a/pods/b/log";

class OpenRawTest : public ClientTest {
  public:
    std::unique_ptr<ByteStream> Open(std::chrono::milliseconds idle = 10s) {
        StreamOptions options;
        options.idle_timeout = idle;
        auto stream = testing::Run(io, client.OpenRaw(std::string(kLog) + "?follow=true", options));
        EXPECT_TRUE(stream) << stream.error().message;
        return stream ? std::move(*stream) : nullptr;
    }
    Piece Next(ByteStream& stream) { return testing::Run(io, stream.Next()); }
    /// What comes until `size` bytes are there: pieces may be cut anywhere.
    std::string Read(ByteStream& stream, std::size_t size) {
        std::string text;
        while (text.size() < size) {
            const auto piece = Next(stream);
            if (!piece || piece->empty()) return text + "<end>";
            text += *piece;
        }
        return text;
    }

    Client client{io.get_executor(), server.ClientConfig()};
};

INSTANTIATE_TEST_SUITE_P(Transport, OpenRawTest, ::testing::Bool(), TransportName);

TEST_P(OpenRawTest, GivesWhatComesWhenItComes) {
    const auto log = server.When("GET", kLog, {{"follow", "true"}}).OpenStream();
    log.Send("one\n");
    const auto stream = Open();
    ASSERT_TRUE(stream);
    EXPECT_EQ(Read(*stream, 4), "one\n");
    const std::string large(100'000, 'x');
    log.Send(large);
    EXPECT_EQ(Read(*stream, large.size()), large);
    Background<Piece> waiting(io, stream->Next());
    testing::RunFor(io, 50ms);
    EXPECT_FALSE(waiting.Done());
    log.Send(std::string("\0\xFF", 2));
    ASSERT_TRUE(waiting.Wait());
    EXPECT_EQ(**waiting.Value(), std::string("\0\xFF", 2));
    log.End();
    const auto end = Next(*stream);
    ASSERT_TRUE(end) << end.error().message;
    EXPECT_EQ(*end, "");
    EXPECT_EQ(Next(*stream).error().reason, "EndOfStream");
    EXPECT_EQ(server.Requests()[0].Header("accept"), "application/json, */*");
}

TEST_P(OpenRawTest, OneThatBreaksOffHasNotEnded) {
    const auto log = server.When("GET", kLog).OpenStream();
    log.Send("one");
    const auto stream = Open();
    ASSERT_TRUE(stream);
    EXPECT_EQ(Read(*stream, 3), "one");
    log.Cut();
    const auto cut = Next(*stream);
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().kind, ErrorKind::kNetwork);
    EXPECT_THAT(cut.error().message, StartsWith("GET /api/v1/namespaces/a/pods/b/log: "));
    EXPECT_EQ(Next(*stream).error().reason, "EndOfStream");
}

TEST_P(OpenRawTest, SilenceForTheIdleTimeIsAnError) {
    const auto log = server.When("GET", kLog).OpenStream();
    log.Send("one");
    const auto stream = Open(150ms);
    ASSERT_TRUE(stream);
    EXPECT_EQ(Read(*stream, 3), "one");
    const auto late = Next(*stream);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind, ErrorKind::kTimeout);
    EXPECT_TRUE(log.WaitGone());
}

TEST_P(OpenRawTest, AnAnswerMayTakeAsLongAsAPiece) {
    testing::Answer slow;
    slow.delay = 400ms;
    slow.body = "late";
    server.When("GET", kLog).Reply(slow);
    Client hasty(io.get_executor(), server.ClientConfig(), {.default_deadline = 100ms});
    StreamOptions options;
    options.idle_timeout = 10s;
    EXPECT_TRUE(testing::Run(io, hasty.OpenRaw(kLog, options)));
    options.deadline = 100ms;
    EXPECT_EQ(testing::Run(io, hasty.OpenRaw(kLog, options)).error().kind, ErrorKind::kTimeout);
}

TEST_P(OpenRawTest, DestroyedOrCancelledItClosesItsConnection) {
    const auto first = server.When("GET", kLog).OpenStream();
    auto stream = Open();
    ASSERT_TRUE(stream);
    EXPECT_FALSE(first.Gone());
    stream.reset();
    EXPECT_TRUE(Eventually(io, [&] { return first.Gone(); }));

    const auto second = server.When("GET", kLog).OpenStream();
    stream = Open();
    ASSERT_TRUE(stream);
    Background<Piece> waiting(io, stream->Next());
    testing::RunFor(io, 20ms);
    waiting.Cancel();
    ASSERT_TRUE(waiting.Wait());
    stream.reset();
    EXPECT_TRUE(Eventually(io, [&] { return second.Gone(); }));
}

TEST_P(OpenRawTest, ARefusalIsTheServersWords) {
    server.When("GET", kLog)
        .Reply(400, R"({"kind":"Status","code":400,"reason":"BadRequest",)"
                    R"("message":"container is waiting to start"})");
    const auto refused = testing::Run(io, client.OpenRaw(kLog, StreamOptions()));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kStatus);
    EXPECT_EQ(refused.error().code, 400);
    EXPECT_EQ(refused.error().reason, "BadRequest");
    EXPECT_THAT(refused.error().message, HasSubstr("container is waiting to start"));
    EXPECT_EQ(testing::Run(io, client.OpenRaw("api", StreamOptions())).error().kind,
              ErrorKind::kInvalidArgument);
}

TEST(OpenRawBearerTest, IsTheCallersToo) {
    testing::Imposter server({.tls = true});
    boost::asio::io_context io;
    Client client(io.get_executor(), WithoutIdentity(server.ClientConfig()));
    const auto log = server.When("GET", kLog).OpenStream();
    StreamOptions options;
    options.bearer = "alice";
    ASSERT_TRUE(testing::Run(io, client.OpenRaw(kLog, options)));
    EXPECT_EQ(server.Requests().back().Header("authorization"), "Bearer alice");
}

}  // namespace
}  // namespace dlws::kube

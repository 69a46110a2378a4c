// SPDX-License-Identifier: Apache-2.0
#include "kube/health_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <stdexcept>
#include <thread>

#include "kube/testing/peer.h"

namespace dlws::kube {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Peer;
using ::testing::StartsWith;

class HealthServerTest : public ::testing::Test {
  protected:
    explicit HealthServerTest(HealthServer::Settings settings = {})
        : server_(io_.get_executor(), "127.0.0.1", 0, settings) {
        server_.Handle("/healthz", [] { return HealthServer::Answer{200, "ok", "text/plain"}; });
        server_.Handle("/readyz", [] { return HealthServer::Answer{503, "not yet\n"}; });
        server_.Handle("/throws",
                       []() -> HealthServer::Answer { throw std::runtime_error("secret"); });
        port_ = server_.Listen().value();
        asio::co_spawn(io_, server_.Run(),
                       asio::bind_cancellation_slot(cancel_.slot(),
                                                    [this](std::exception_ptr) { ended_ = true; }));
        thread_.emplace([this] { io_.run(); });
    }
    ~HealthServerTest() override {
        StopServer();
        EXPECT_TRUE(ended_);
    }
    void StopServer() {
        if (!thread_) return;
        asio::post(io_, [this] { cancel_.emit(asio::cancellation_type::terminal); });
        thread_.reset();
    }
    std::string Ask(const std::string& request) {
        Peer peer(port_);
        peer.Send(request);
        return peer.ReadToEnd();
    }
    std::string Get(const std::string& path) {
        return Ask("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }

    asio::io_context io_;
    HealthServer server_;
    asio::cancellation_signal cancel_;
    std::optional<std::jthread> thread_;
    unsigned short port_ = 0;
    bool ended_ = false;
};

TEST_F(HealthServerTest, AnswersWhatItHasAndSaysWhatItHasNot) {
    const std::string ok = Get("/healthz");
    EXPECT_THAT(ok, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(ok, HasSubstr("Content-Length: 2\r\n"));
    EXPECT_THAT(ok, HasSubstr("Content-Type: text/plain\r\n"));
    EXPECT_THAT(ok, HasSubstr("\r\n\r\nok"));
    EXPECT_THAT(Get("/healthz?verbose"), StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(Get("/readyz"), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT_THAT(Get("/nothing"), StartsWith("HTTP/1.1 404 Not Found\r\n"));
    const std::string failed = Get("/throws");
    EXPECT_THAT(failed, StartsWith("HTTP/1.1 500 "));
    EXPECT_THAT(failed, Not(HasSubstr("secret")));
}

TEST_F(HealthServerTest, HeadHasTheLengthAndNoBody) {
    const std::string text = Ask("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(text, HasSubstr("Content-Length: 2\r\n"));
    EXPECT_TRUE(text.ends_with("\r\n\r\n")) << text;
}

TEST_F(HealthServerTest, OtherMethodsAre405) {
    for (const char* method : {"DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"}) {
        const std::string text = Ask(std::string(method) + " /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_THAT(text, StartsWith("HTTP/1.1 405 ")) << method;
        EXPECT_THAT(text, HasSubstr("Allow: GET, HEAD\r\n")) << method;
    }
}

TEST_F(HealthServerTest, KeepsTheConnectionAndTakesPipelinedRequests) {
    Peer peer(port_);
    peer.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(peer.ReadUntil("\r\n\r\nok"), StartsWith("HTTP/1.1 200"));
    peer.Send(
        "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n"
        "Connection: close\r\n\r\n");
    const std::string text = peer.ReadToEnd();
    EXPECT_THAT(text, StartsWith("HTTP/1.1 503"));
    EXPECT_THAT(text, HasSubstr("not yet\nHTTP/1.1 200 OK"));
}

TEST_F(HealthServerTest, ARequestInPiecesIsOneRequest) {
    Peer peer(port_);
    for (const char* piece :
         {"GET /hea", "lthz HTTP/1.1\r\nHost: x\r\nConnec", "tion: close\r\n\r", "\n"}) {
        peer.Send(piece);
        std::this_thread::sleep_for(milliseconds(10));
    }
    EXPECT_THAT(peer.ReadToEnd(), StartsWith("HTTP/1.1 200"));
}

TEST_F(HealthServerTest, Http10ClosesAfterTheAnswer) {
    EXPECT_THAT(Ask("GET /healthz HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HealthServerTest, WhatTwoServersCouldReadInTwoWaysIsRefused) {
    const std::string start = "GET /healthz HTTP/1.1\r\nHost: x\r\n";
    const std::string bad[] = {
        start + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        start + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
        start + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
        start + "Content-Length: -1\r\n\r\n",
        start + "X: a\r\n b\r\n\r\n",     // obs-fold
        start + "X: a\n\r\n\r\n",         // bare LF
        start + "X: a\rY: b\r\n\r\n",     // bare CR
        start + "X : a\r\n\r\n",          // space before the colon
        "GET /healthz HTTP/1.1\r\n\r\n",  // no Host
        start + "Host: y\r\n\r\n",        // two
        "GET /healthz\r\n\r\n",           // HTTP/0.9
        "GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n",
        std::string("GET /healthz HTTP/1.1\r\nHost: x\0\r\n\r\n", 35),
        "\x16\x03\x01 TLS by mistake\r\n\r\n",
    };
    for (const std::string& request : bad)
        EXPECT_THAT(Ask(request), StartsWith("HTTP/1.1 400 ")) << request;
}

TEST_F(HealthServerTest, BodiesAndLongHeadersAreRefusedAndTheAnswerArrives) {
    const std::string start = "GET /healthz HTTP/1.1\r\nHost: x\r\n";
    const std::string refused =
        Ask(start + "Content-Length: 60000\r\n\r\n" + std::string(60'000, 'x'));
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(refused, Not(HasSubstr("RESET")));
    EXPECT_THAT(Ask(start + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(Ask(start + "X: " + std::string(17'000, 'x') + "\r\n\r\n"),
                StartsWith("HTTP/1.1 431 "));
    EXPECT_THAT(Ask(start + std::string(40'000, 'x')), StartsWith("HTTP/1.1 431 "));
    std::string many = start;
    for (int i = 0; i < 100; ++i)
        many += "X: y\r\n";
    EXPECT_THAT(Ask(many + "\r\n"), StartsWith("HTTP/1.1 431 "));
    EXPECT_THAT(Ask(start + "X: " + std::string(15'000, 'x') + "\r\nConnection: close\r\n\r\n"),
                StartsWith("HTTP/1.1 200 "));
}

TEST_F(HealthServerTest, StopsWhileConnectionsAreOpen) {
    Peer idle(port_), half(port_);
    half.Send("GET /heal");
    std::this_thread::sleep_for(milliseconds(20));
    StopServer();
    EXPECT_TRUE(ended_);
    EXPECT_THAT(idle.ReadToEnd(), StartsWith(""));
    EXPECT_THROW(Peer{port_}, std::exception);
}

struct ImpatientHealthServerTest : HealthServerTest {
    ImpatientHealthServerTest()
        : HealthServerTest({.header_deadline = milliseconds(80),
                            .idle_timeout = milliseconds(250),
                            .max_connections = 4}) {}
};

TEST_F(ImpatientHealthServerTest, AHeaderThatDripsIsCutAtTheDeadline) {
    Peer peer(port_);
    const auto began = std::chrono::steady_clock::now();
    try {
        for (int i = 0; i < 50; ++i) {
            peer.Send("G");
            std::this_thread::sleep_for(milliseconds(10));
        }
        FAIL() << "the server never closed";
    } catch (const boost::system::system_error&) {
    }
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_GE(took, milliseconds(75));
    EXPECT_LT(took, milliseconds(300));
}

TEST_F(ImpatientHealthServerTest, AnIdleConnectionIsClosed) {
    Peer peer(port_);
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(peer.ReadToEnd(), "");
    EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(240));
}

TEST_F(ImpatientHealthServerTest, ConnectionsOverTheLimitAreClosedAtOnceAndLaterOnesServed) {
    {
        std::vector<std::unique_ptr<Peer>> peers;
        for (int i = 0; i < 4; ++i) {
            peers.push_back(std::make_unique<Peer>(port_));
            peers.back()->Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
            peers.back()->ReadUntil("ok");
        }
        Peer fifth(port_);
        const auto began = std::chrono::steady_clock::now();
        EXPECT_THAT(fifth.ReadToEnd(), Not(HasSubstr("HTTP")));
        EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(150));
    }
    std::this_thread::sleep_for(milliseconds(30));
    EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HealthServerTest, RunningOutOfFilesIsSurvived) {
    Peer before(port_);
    before.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    before.ReadUntil("ok");
    Peer during(port_);  // connected by the kernel; its accept comes from the listening queue
    during.Send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    during.ReadUntil("ok");

    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    tcp::socket waiting(io_);
    waiting.open(tcp::v4());
    rlimit none = limit;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    waiting.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port_));
    std::this_thread::sleep_for(milliseconds(150));
    setrlimit(RLIMIT_NOFILE, &limit);
    asio::write(
        waiting,
        asio::buffer(std::string("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")));
    std::string text;
    boost::system::error_code error;
    asio::read(waiting, asio::dynamic_buffer(text), error);
    EXPECT_THAT(text, StartsWith("HTTP/1.1 200"));
}

TEST(HealthServer, SaysWhichAddressCannotBeBound) {
    asio::io_context io;
    HealthServer first(io.get_executor(), "127.0.0.1", 0);
    const unsigned short port = first.Listen().value();
    HealthServer second(io.get_executor(), "127.0.0.1", port);
    auto bound = second.Listen();
    ASSERT_FALSE(bound);
    EXPECT_EQ(bound.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(bound.error().message, HasSubstr("127.0.0.1 port " + std::to_string(port)));
    EXPECT_THAT(bound.error().message, HasSubstr("in use"));
    HealthServer third(io.get_executor(), "localhost", 0);
    EXPECT_THAT(third.Listen().error().message, HasSubstr("no IP address"));
}

}  // namespace
}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
// Answers that come piece by piece, and what a server bounds beside them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "kube/http_body.h"
#include "kube/http_server.h"
#include "kube/testing/imposter_certificates.h"
#include "kube/testing/peer.h"
#include "kube/wait_list.h"

namespace dlws::kube {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Peer;
using ::testing::StartsWith;
using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(10);

/// Says what the test says. Used on the server's thread.
class Script : public HttpBody {
  public:
    explicit Script(asio::any_io_executor executor) : more_(std::move(executor)) {}
    Awaitable<std::string> Next() override {
        ++asked;
        if (endless) co_return std::string(64 * 1024, 'x');
        while (pieces_.empty() && !(stopped && heeds_stop)) {
            const bool woken = co_await more_.Wait();
            if (!woken) co_return "";
        }
        if (pieces_.empty()) co_return "";
        std::string piece = std::move(pieces_.front());
        pieces_.pop_front();
        if (piece == "throw") throw std::runtime_error("no more of it");
        co_return piece;
    }
    void Stop() override {
        stopped = true;
        more_.NotifyAll();
    }
    void Say(std::string piece) {
        pieces_.push_back(std::move(piece));
        more_.NotifyAll();
    }

    int asked = 0;
    bool endless = false, stopped = false, heeds_stop = true;

  private:
    std::deque<std::string> pieces_;
    WaitList more_;
};

class HttpStreamTest : public ::testing::Test {
  protected:
    void Start(HttpServer::Settings settings, bool tls = false) {
        if (tls) {
            certificates_ = testing::MakeTestCertificates({"localhost"}, {});
            ca_ = certificates_.ca;
            ASSERT_TRUE(tls_.Use(certificates_.server_certificate, certificates_.server_key));
        }
        server_ = std::make_unique<HttpServer>(
            io_.get_executor(), "127.0.0.1", 0,
            [this](HttpRequest request) { return Answer(std::move(request)); }, settings,
            tls ? &tls_ : nullptr);
        port_ = server_->Listen().value();
        asio::co_spawn(io_, server_->Run(),
                       asio::bind_cancellation_slot(cancel_.slot(),
                                                    [this](std::exception_ptr) { ended_ = true; }));
        thread_ = std::thread([this] { io_.run(); });
    }
    void Stop() {
        asio::post(io_, [this] { cancel_.emit(asio::cancellation_type::terminal); });
    }
    ~HttpStreamTest() override {
        Stop();
        if (thread_.joinable()) thread_.join();
    }

    /// On the server's thread, which alone may touch its things.
    template <typename F>
    auto There(F what) -> decltype(what()) {
        std::promise<decltype(what())> done;
        asio::post(io_, [&] {
            if constexpr (std::is_void_v<decltype(what())>) {
                what();
                done.set_value();
            } else {
                done.set_value(what());
            }
        });
        return done.get_future().get();
    }
    bool Eventually(const std::function<bool()>& condition) {
        const auto end = Clock::now() + kPatience;
        while (!There(condition)) {
            if (Clock::now() > end) return false;
            std::this_thread::sleep_for(milliseconds(2));
        }
        return true;
    }
    /// A caller whose stream has begun; the newest of scripts_ is what it gets.
    std::unique_ptr<Peer> Open(const std::string& path = "/stream",
                               const std::string& version = "1.1") {
        auto peer = std::make_unique<Peer>(port_, ca_);
        peer->Send("GET " + path + " HTTP/" + version + "\r\nHost: x\r\n\r\n");
        head_ = peer->ReadUntil("\r\n\r\n");
        return peer;
    }
    void Say(const std::string& piece) {
        There([&] { scripts_.back()->Say(piece); });
    }
    std::string Ask(const std::string& path) {
        Peer peer(port_, ca_);
        peer.Send("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        return peer.ReadToEnd();
    }
    bool NobodyStreams() {
        return Eventually([&] {
            if (server_->Streams() > 0) return false;
            for (const auto& script : scripts_)
                if (script.use_count() > 1) return false;
            return true;
        });
    }

    asio::io_context io_;
    asio::cancellation_signal cancel_;
    testing::TestCertificates certificates_;
    std::string ca_;
    ServerTls tls_;
    std::unique_ptr<HttpServer> server_;
    unsigned short port_ = 0;
    std::thread thread_;
    std::atomic<bool> ended_ = false;
    std::vector<std::shared_ptr<Script>> scripts_;
    std::string head_;

  private:
    Awaitable<HttpAnswer> Answer(HttpRequest request) {
        HttpAnswer answer;
        answer.body = "plain";
        if (request.path == "/late") co_await SleepFor(std::chrono::hours(1));
        if (request.path == "/throws") throw std::runtime_error("on purpose");
        if (request.path == "/stream" || request.path == "/endless") {
            scripts_.push_back(std::make_shared<Script>(io_.get_executor()));
            scripts_.back()->endless = request.path == "/endless";
            answer.stream = scripts_.back();
            answer.content_type = "text/event-stream";
        }
        co_return answer;
    }
};

/// Both without and with TLS.
class HttpStreamBothTest : public HttpStreamTest, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Transport, HttpStreamBothTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Tls" : "Plain"; });

TEST_P(HttpStreamBothTest, EachPieceIsSentWhenItComes) {
    Start({}, GetParam());
    auto peer = Open();
    EXPECT_THAT(head_, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(head_, HasSubstr("Transfer-Encoding: chunked\r\n"));
    EXPECT_THAT(head_, HasSubstr("Content-Type: text/event-stream\r\n"));
    EXPECT_THAT(head_, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(head_, Not(HasSubstr("Content-Length")));
    Say("hello");
    EXPECT_EQ(peer->ReadUntil("\r\nhello\r\n"), "5\r\nhello\r\n");
    const std::string large(100'000, 'y');
    Say(large);
    EXPECT_EQ(peer->ReadUntil("y\r\n"), "186a0\r\n" + large + "\r\n");
    Say("");
    EXPECT_EQ(peer->ReadToEnd(), "0\r\n\r\n");
    EXPECT_TRUE(NobodyStreams());
}

// Most clients send all of a body before they read why it is refused.
TEST_P(HttpStreamBothTest, WhoSendsABodyThatIsTooLargeReadsWhy) {
    Start({.max_body = 10}, GetParam());
    Peer peer(port_, ca_);
    peer.Send("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n" +
              std::string(5'000'000, 'y'));
    EXPECT_THAT(peer.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
}

TEST_P(HttpStreamBothTest, APeerThatHasGoneIsNoticedInSilence) {
    Start({}, GetParam());
    auto peer = Open();
    ASSERT_EQ(There([&] { return server_->Streams(); }), 1U);
    peer.reset();
    EXPECT_TRUE(NobodyStreams());
    EXPECT_FALSE(scripts_[0]->stopped);
}

TEST_P(HttpStreamBothTest, APeerThatReadsNothingStopsTheQuestions) {
    Start({}, GetParam());
    auto peer = Open("/endless");
    int asked = 0;
    // Until it stands still: what the kernel takes on both sides is some megabytes.
    ASSERT_TRUE(Eventually([&] {
        return std::exchange(asked, scripts_[0]->asked) == scripts_[0]->asked && asked > 0;
    }));
    std::this_thread::sleep_for(milliseconds(100));
    const int before = There([&] { return scripts_[0]->asked; });
    EXPECT_LT(before, 400);
    for (int i = 0; i < 500; ++i)
        peer->ReadUntil("\r\n");
    EXPECT_TRUE(Eventually([&] { return scripts_[0]->asked > before; }));
    EXPECT_EQ(There([&] { return server_->Streams(); }), 1U);
}

TEST_P(HttpStreamBothTest, AWriteWithoutProgressEndsIt) {
    Start({.stream_write_deadline = milliseconds(200)}, GetParam());
    auto peer = Open("/endless");
    EXPECT_TRUE(NobodyStreams());
    EXPECT_TRUE(Eventually([&] { return server_->Connections() == 0; }));
}

TEST_P(HttpStreamBothTest, APeerMaySayALittleAndNotMuch) {
    Start({}, GetParam());
    auto peer = Open();
    peer->Send(std::string(10'000, 'z'));
    Say("hello");
    EXPECT_EQ(peer->ReadUntil("\r\nhello\r\n"), "5\r\nhello\r\n");
    peer->Send(std::string(10'000, 'z'));
    EXPECT_TRUE(NobodyStreams());
}

TEST_F(HttpStreamTest, WhatCameWithTheRequestCountsToo) {
    Start({});
    Peer peer(port_);
    peer.Send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(20'000, 'z'));
    EXPECT_THAT(peer.ReadToEnd(), Not(HasSubstr("0\r\n\r\n")));
    EXPECT_TRUE(NobodyStreams());
}

TEST_F(HttpStreamTest, ToACallerOfHttp10ItEndsWithTheConnection) {
    Start({});
    auto peer = Open("/stream", "1.0");
    EXPECT_THAT(head_, Not(HasSubstr("Transfer-Encoding")));
    Say("one ");
    Say("two");
    Say("");
    EXPECT_EQ(peer->ReadToEnd(), "one two");
}

TEST_F(HttpStreamTest, WhoAsksForTheHeadGetsNoStream) {
    Start({.max_streams = 0});
    Peer peer(port_);
    peer.Send("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string text = peer.ReadToEnd();
    EXPECT_THAT(text, StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(text, EndsWith("\r\n\r\n"));
    EXPECT_EQ(There([&] { return scripts_[0]->asked; }), 0);
}

TEST_F(HttpStreamTest, ABodyThatFailsIsNotEnded) {
    Start({});
    auto peer = Open();
    Say("one");
    Say("throw");
    const std::string text = peer->ReadToEnd();
    EXPECT_THAT(text, StartsWith("3\r\none\r\n"));
    EXPECT_THAT(text, Not(HasSubstr("0\r\n\r\n")));
    EXPECT_TRUE(NobodyStreams());
}

TEST_F(HttpStreamTest, AreCappedOverall) {
    Start({.max_streams = 1});
    auto first = Open();
    const std::string refused = Ask("/stream");
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(refused, HasSubstr("Retry-After: 5\r\n"));
    EXPECT_THAT(Ask("/plain"), HasSubstr("plain"));
    first.reset();
    ASSERT_TRUE(NobodyStreams());
    auto next = Open();
    EXPECT_THAT(head_, StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpStreamTest, AreCappedForOneAddress) {
    Start({.max_streams = 3, .max_streams_per_address = 1});
    auto first = Open();
    EXPECT_THAT(Ask("/stream"), StartsWith("HTTP/1.1 429 "));
}

TEST_F(HttpStreamTest, AreToldToEndWhenDrainingBegins) {
    Start({.drain_delay = milliseconds(300), .drain_deadline = milliseconds(5000)});
    auto peer = Open();
    Stop();
    EXPECT_THAT(peer->ReadToEnd(), "0\r\n\r\n");
    EXPECT_FALSE(ended_) << "requests come yet";
    EXPECT_THAT(Ask("/plain"), HasSubstr("plain"));
    EXPECT_THAT(Ask("/stream"), EndsWith("\r\n\r\n0\r\n\r\n")) << "it is told as it begins";
    thread_.join();
    EXPECT_TRUE(ended_);
}

TEST_F(HttpStreamTest, WhoDoesNotHeedItIsCut) {
    Start({.drain_deadline = milliseconds(150)});
    auto peer = Open();
    There([&] { scripts_[0]->heeds_stop = false; });
    const auto began = Clock::now();
    Stop();
    EXPECT_THAT(peer->ReadToEnd(), Not(HasSubstr("0\r\n\r\n")));
    thread_.join();
    EXPECT_TRUE(scripts_[0]->stopped);
    EXPECT_GE(Clock::now() - began, milliseconds(150));
    EXPECT_LT(Clock::now() - began, kPatience);
}

TEST_P(HttpStreamBothTest, AHandlerThatIsLateIsCancelledAndSaidToBe) {
    Start({.request_deadline = milliseconds(100)}, GetParam());
    const auto began = Clock::now();
    const std::string text = Ask("/late");
    EXPECT_THAT(text, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(text, HasSubstr("no answer within 100 ms"));
    EXPECT_LT(Clock::now() - began, kPatience);
    EXPECT_TRUE(Eventually([&] { return server_->Connections() == 0; }));
    EXPECT_THAT(Ask("/throws"), StartsWith("HTTP/1.1 500 "));
}

TEST_F(HttpStreamTest, NeitherAStreamNorAKeptConnectionIsLate) {
    Start({.request_deadline = milliseconds(60)});
    auto stream = Open();
    Peer kept(port_);
    for (int i = 0; i < 3; ++i) {
        kept.Send("GET /plain HTTP/1.1\r\nHost: x\r\n\r\n");
        kept.ReadUntil("plain");
        std::this_thread::sleep_for(milliseconds(80));
    }
    Say("still");
    EXPECT_EQ(stream->ReadUntil("still\r\n"), "5\r\nstill\r\n");
}

/// The beginning of a handshake, and then nothing.
void BeginHandshake(Peer& peer) {
    peer.Send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
}

TEST_F(HttpStreamTest, WhoSaysNothingTakesNobodysTurn) {
    Start({.handshake_deadline = std::chrono::seconds(30), .max_handshakes = 1}, true);
    Peer one(port_), two(port_);
    EXPECT_TRUE(Eventually([&] { return server_->Connections() == 2; }));
    EXPECT_THAT(Ask("/plain"), HasSubstr("plain"));
}

TEST_F(HttpStreamTest, HandshakesBeyondTheCapWaitInTheKernel) {
    Start({.handshake_deadline = milliseconds(2000), .max_handshakes = 1}, true);
    Peer slow(port_);
    BeginHandshake(slow);
    ASSERT_TRUE(Eventually([&] { return server_->Connections() == 1; }));
    std::this_thread::sleep_for(milliseconds(100));
    Peer waits(port_), waits_too(port_);
    ASSERT_TRUE(Eventually([&] { return server_->Connections() >= 2; })) << "one accept waited";
    std::this_thread::sleep_for(milliseconds(50));
    EXPECT_EQ(There([&] { return server_->Connections(); }), 2U) << "the other is in the kernel";
    EXPECT_THAT(Ask("/plain"), HasSubstr("plain")) << "after the slow one was cut";
    EXPECT_EQ(slow.ReadToEnd(), "");
}

TEST_F(HttpStreamTest, OneAddressHasAQuarterOfTheHandshakes) {
    Start({.handshake_deadline = milliseconds(1500), .max_handshakes = 4}, true);
    const auto began = Clock::now();
    Peer slow(port_);
    BeginHandshake(slow);
    ASSERT_TRUE(Eventually([&] { return server_->Connections() == 1; }));
    std::this_thread::sleep_for(milliseconds(500));
    EXPECT_THAT(Ask("/plain"), HasSubstr("plain")) << "in its turn";
    EXPECT_GE(Clock::now() - began, milliseconds(1400));
}

}  // namespace
}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
// Bodies, TLS and the end of a server; what every request has in common is in
// health_server_test.cc.
#include "kube/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

#include "kube/testing/imposter_certificates.h"
#include "kube/testing/peer.h"
#include "kube/wait_list.h"

namespace dlws::kube {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Peer;
using ::testing::StartsWith;

std::atomic<int> held = 0;

Awaitable<HttpAnswer> Echo(HttpRequest request) {
    if (request.path == "/slow") co_await SleepFor(milliseconds(150));
    HttpAnswer answer;
    answer.body = request.method + " " + request.path + " " + request.query + " " +
                  std::string(request.Field("x-color")) + " " + request.body;
    if (request.path == "/peer") answer.body = request.peer;
    if (request.path == "/shared") {
        answer.shared_body = std::make_shared<const std::string>("shared text");
        answer.fields = {{"ETag", "W/\"1\""}, {"cache-control", "max-age=60"}};
        ApplyIfNoneMatch(request, answer);
    }
    if (request.path == "/throws") throw std::runtime_error("of no interest to callers");
    if (request.path == "/held") {
        ++held;
        answer.held = std::shared_ptr<void>(nullptr, [](void*) { --held; });
    }
    if (request.path == "/long" || request.path == "/held")
        answer.body = std::string(std::stoul(request.query), '#');
    if (request.path == "/nothing") {
        answer.status = 204;
        answer.body = "none of this may be sent";
    }
    co_return answer;
}

class HttpServerTest : public ::testing::Test {
  protected:
    void Start(HttpServer::Settings settings, ServerTls* tls = nullptr) {
        server_ = std::make_unique<HttpServer>(io_.get_executor(), address_, 0, &Echo,
                                               std::move(settings), tls);
        port_ = server_->Listen().value();
        asio::co_spawn(io_, server_->Run(),
                       asio::bind_cancellation_slot(cancel_.slot(),
                                                    [this](std::exception_ptr) { ended_ = true; }));
        thread_ = std::thread([this] { io_.run(); });
    }
    void Stop() {
        asio::post(io_, [this] { cancel_.emit(asio::cancellation_type::terminal); });
    }
    /// On the server's thread, which alone may touch its things.
    void There(std::function<void()> what) {
        std::promise<void> done;
        asio::post(io_, [&] {
            what();
            done.set_value();
        });
        done.get_future().wait();
    }
    ~HttpServerTest() override {
        Stop();
        if (thread_.joinable()) thread_.join();
    }
    std::string Ask(const std::string& request) {
        Peer peer(port_);
        peer.Send(request);
        return peer.ReadToEnd();
    }

    asio::io_context io_;
    asio::cancellation_signal cancel_;
    std::unique_ptr<HttpServer> server_;
    std::string address_ = "127.0.0.1";
    unsigned short port_ = 0;
    std::thread thread_;
    std::atomic<bool> ended_ = false;
};

constexpr auto kStart = "POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nX-Color: red\r\n";

TEST_F(HttpServerTest, TheHandlerSeesTheWholeRequest) {
    Start({.max_body = 100});
    EXPECT_THAT(Ask(std::string(kStart) + "Content-Length: 5\r\nConnection: close\r\n\r\nhello"),
                HasSubstr("\r\n\r\nPOST /a/b c=d red hello"));
}

TEST_F(HttpServerTest, TheHandlerIsToldWhoAsks) {
    Start({});
    EXPECT_THAT(Ask("GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                HasSubstr("\r\n\r\n127.0.0.1"));
}

TEST_F(HttpServerTest, ACallerByIpv4HasOneAddress) {
    address_ = "::";
    Start({});
    EXPECT_THAT(Ask("GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                HasSubstr("\r\n\r\n127.0.0.1"));
}

// What follows on a kept connection shows whether an answer was longer than it said.
TEST_F(HttpServerTest, ABodyIsWhereItBelongs) {
    Start({});
    const auto ask = [&](const std::string& request) {
        return Ask(request +
                   "\r\nHost: x\r\n\r\nGET /peer HTTP/1.1\r\nHost: x\r\nConnection: "
                   "close\r\n\r\n");
    };
    const std::string shared = ask("GET /shared HTTP/1.1");
    EXPECT_THAT(shared, HasSubstr("Content-Length: 11\r\n"));
    EXPECT_THAT(shared, HasSubstr("\r\n\r\nshared textHTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(shared, HasSubstr("cache-control: max-age=60\r\n"));
    const std::string head = ask("HEAD /shared HTTP/1.1");
    EXPECT_THAT(head, HasSubstr("Content-Length: 11\r\n"));
    EXPECT_THAT(head, HasSubstr("\r\n\r\nHTTP/1.1 200 OK\r\n"));
    const std::string same = ask("GET /shared HTTP/1.1\r\nIf-None-Match: \"1\"");
    EXPECT_THAT(same, StartsWith("HTTP/1.1 304 "));
    EXPECT_THAT(same, HasSubstr("\r\n\r\nHTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(same, HasSubstr("ETag: W/\"1\"\r\n"));
    const std::string nothing = ask("GET /nothing HTTP/1.1");
    EXPECT_THAT(nothing, StartsWith("HTTP/1.1 204 "));
    EXPECT_THAT(nothing, HasSubstr("\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, BodiesInPiecesAndRequestsInARow) {
    Start({.max_body = 100'000});
    Peer peer(port_);
    const std::string large(60'000, 'y');
    peer.Send(std::string(kStart) + "Content-Length: 60000\r\n\r\nyyy");
    std::this_thread::sleep_for(milliseconds(10));
    peer.Send(large.substr(3) + kStart + "Content-Length: 2\r\nConnection: close\r\n\r\nno");
    const std::string text = peer.ReadToEnd();
    EXPECT_THAT(text, HasSubstr("red " + large + "HTTP/1.1 200"));
    EXPECT_TRUE(text.ends_with("red no")) << text.size();
}

TEST_F(HttpServerTest, ABodyThatIsTooLongOrChunkedIsRefused) {
    Start({.max_body = 10});
    EXPECT_THAT(Ask(std::string(kStart) + "Content-Length: 11\r\n\r\n" + std::string(11, 'y')),
                StartsWith("HTTP/1.1 413 "));
    for (const char* coding : {"identity", "gzip", "chunked, identity", "gzip, chunked, x"})
        EXPECT_THAT(Ask(std::string(kStart) + "Transfer-Encoding: " + coding + "\r\n\r\nabc"),
                    StartsWith("HTTP/1.1 400 "))
            << coding;
    EXPECT_THAT(Ask(std::string(kStart) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                StartsWith("HTTP/1.1 411 "));
    EXPECT_THAT(Ask(std::string(kStart) + "Content-Length: 99999999999999999999\r\n\r\n"),
                StartsWith("HTTP/1.1 400 "));
}

// Announced is nothing, arrived is what counts, and it is free again when the handler is done.
TEST_F(HttpServerTest, BodiesShareOneMemory) {
    Start({.max_body = 100'000, .max_buffered = 150'000});
    const std::string body(100'000, 'y');
    const std::string whole = std::string(kStart) + "Content-Length: 100000\r\n";
    Peer slow(port_);
    slow.Send(whole + "\r\n");
    EXPECT_THAT(Ask(whole + "Connection: close\r\n\r\n" + body), StartsWith("HTTP/1.1 200 "));
    slow.Send(body.substr(1));
    // Who asks first need not send what has no room: so it is seen when all of the above has come.
    const auto probe = [&] {
        Peer peer(port_);
        peer.Send(std::string(kStart) + "Content-Length: 50002\r\nExpect: 100-continue\r\n\r\n");
        return peer.ReadUntil("\r\n\r\n");
    };
    std::string told = probe();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (told.starts_with("HTTP/1.1 100 ") && std::chrono::steady_clock::now() < end)
        told = probe();
    EXPECT_THAT(told, StartsWith("HTTP/1.1 503 "));
    const std::string refused = Ask(whole + "Connection: close\r\n\r\n" + body);
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(refused, HasSubstr("Retry-After: 1\r\n"));
    EXPECT_THAT(refused, Not(HasSubstr("RESET")));
    EXPECT_THAT(Ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                StartsWith("HTTP/1.1 200 "));
    slow.Send("y");
    EXPECT_THAT(slow.ReadUntil("red y"), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(Ask(whole + "Connection: close\r\n\r\n" + body), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, OneAddressHasNotAllTheMemory) {
    Start({.max_body = 100'000, .max_buffered = 150'000, .max_buffered_per_address = 50'000});
    const auto probe = [&](const char* from, int length) {
        Peer peer(port_, "", "", from);
        peer.Send(std::string(kStart) + "Content-Length: " + std::to_string(length) +
                  "\r\nExpect: 100-continue\r\n\r\n");
        return peer.ReadUntil("\r\n\r\n");
    };
    EXPECT_THAT(probe("127.0.0.1", 50'001), StartsWith("HTTP/1.1 503 "));
    Peer slow(port_);
    slow.Send(std::string(kStart) + "Content-Length: 50000\r\n\r\n" + std::string(49'999, 'y'));
    std::string told = probe("127.0.0.1", 2);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (told.starts_with("HTTP/1.1 100 ") && std::chrono::steady_clock::now() < end)
        told = probe("127.0.0.1", 2);
    EXPECT_THAT(told, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(probe("127.0.0.2", 50'000), StartsWith("HTTP/1.1 100 "));
    slow.Send("y");
    EXPECT_THAT(slow.ReadUntil("red y"), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(probe("127.0.0.1", 50'000), StartsWith("HTTP/1.1 100 "));
}

TEST_F(HttpServerTest, WhatAnAnswerHoldsIsHeldUntilItIsWritten) {
    Start({});
    Peer peer(port_);
    peer.Send("GET /held?60000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    peer.ReadUntil("#");
    EXPECT_EQ(held, 1) << "more than any buffer takes is unread";
    EXPECT_GE(peer.ReadToEnd().size(), 50'000'000u);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (held > 0 && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(milliseconds(1));
    EXPECT_EQ(held, 0);
}

TEST_F(HttpServerTest, WhatTheServerItselfRefusesHasTheFormOfItsCallers) {
    Start({.request_deadline = milliseconds(60),
           .max_body = 10,
           .dress_refusal = [](HttpAnswer& answer) {
               answer.content_type = "application/problem+json";
               answer.body =
                   "{\"detail\":\"" + answer.body.substr(0, answer.body.size() - 1) + "\"}";
           }});
    const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n";
    for (const auto& [request, status] :
         {std::pair{get + "X : a\r\n\r\n", "400"},
          {std::string(kStart) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "411"},
          {std::string(kStart) + "Content-Length: 11\r\n\r\n", "413"},
          {get + "X: " + std::string(17'000, 'x') + "\r\n\r\n", "431"},
          {"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", "503"},
          {"GET /throws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "500"}}) {
        const std::string answer = Ask(request);
        EXPECT_THAT(answer, StartsWith(std::string("HTTP/1.1 ") + status));
        EXPECT_THAT(answer, HasSubstr("Content-Type: application/problem+json\r\n")) << status;
        EXPECT_THAT(answer, HasSubstr("\r\n\r\n{\"detail\":\"")) << status;
        EXPECT_THAT(answer, Not(HasSubstr("no interest"))) << status;
    }
}

TEST_F(HttpServerTest, WhoAsksWhetherToSendIsToldToGoOn) {
    Start({.max_body = 10});
    Peer peer(port_);
    peer.Send(std::string(kStart) +
              "Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(peer.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 100 Continue"));
    peer.Send("ok");
    EXPECT_THAT(peer.ReadToEnd(), HasSubstr("red ok"));
}

TEST_F(HttpServerTest, ABodyThatDripsIsCutAtTheDeadline) {
    Start({.body_deadline = milliseconds(80), .max_body = 100});
    Peer peer(port_);
    peer.Send(std::string(kStart) + "Content-Length: 50\r\n\r\n");
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(peer.ReadToEnd(), "");
    EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(1000));
}

TEST_F(HttpServerTest, OneAddressHasNotAllConnections) {
    Start({.max_connections = 10, .max_connections_per_address = 2});
    Peer one(port_), two(port_);
    one.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    two.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    one.ReadUntil("GET /");
    two.ReadUntil("GET /");
    EXPECT_EQ(Peer(port_).ReadToEnd(), "");
}

TEST_F(HttpServerTest, SpeaksTlsAndTakesANewCertificate) {
    const auto old = testing::MakeTestCertificates({"localhost"}, {});
    const auto next = testing::MakeTestCertificates({"localhost"}, {});
    ServerTls tls;
    EXPECT_FALSE(tls.Use("rubbish", old.server_key));
    EXPECT_FALSE(tls.Use(old.server_certificate, next.server_key));
    Start({.max_body = 10}, &tls);
    EXPECT_THROW(Peer(port_, old.ca), std::exception) << "there is no certificate yet";
    There([&] { EXPECT_TRUE(tls.Use(old.server_certificate, old.server_key)); });
    Peer first(port_, old.ca);
    There([&] { EXPECT_TRUE(tls.Use(next.server_certificate, next.server_key)); });
    Peer second(port_, next.ca);
    EXPECT_THROW(Peer(port_, old.ca), std::exception);
    for (Peer* peer : {&first, &second}) {
        peer->Send(std::string(kStart) + "Content-Length: 2\r\nConnection: close\r\n\r\nhi");
        EXPECT_THAT(peer->ReadToEnd(), HasSubstr("red hi"));
    }
}

// Around the sizes of a TLS record and of what is written at once.
TEST_F(HttpServerTest, ArrivesWholeByTls) {
    const auto certificates = testing::MakeTestCertificates({"localhost"}, {});
    ServerTls tls;
    ASSERT_TRUE(tls.Use(certificates.server_certificate, certificates.server_key));
    Start({}, &tls);
    for (const std::size_t size : {1, 15'000, 16'384, 16'385, 50'000, 3'000'000}) {
        Peer peer(port_, certificates.ca);
        const std::string ask = "GET /long?" + std::to_string(size) + " HTTP/1.1\r\nHost: x\r\n";
        peer.Send(ask + "\r\n" + ask + "Connection: close\r\n\r\n");
        const std::string text = peer.ReadToEnd();
        EXPECT_EQ(std::size_t(std::ranges::count(text, '#')), 2 * size) << size;
    }
}

TEST_F(HttpServerTest, OfProtocolsItSpeaksHttp11Alone) {
    const auto certificates = testing::MakeTestCertificates({"localhost"}, {});
    ServerTls tls;
    ASSERT_TRUE(tls.Use(certificates.server_certificate, certificates.server_key));
    Start({}, &tls);
    EXPECT_EQ(Peer(port_, certificates.ca, "\x02h2\x08http/1.1").Protocol(), "http/1.1");
    EXPECT_EQ(Peer(port_, certificates.ca).Protocol(), "");
    EXPECT_THROW(Peer(port_, certificates.ca, "\x02h2"), std::exception);
}

TEST_F(HttpServerTest, AHandshakeThatDoesNotComeIsCut) {
    const auto certificates = testing::MakeTestCertificates({"localhost"}, {});
    ServerTls tls;
    ASSERT_TRUE(tls.Use(certificates.server_certificate, certificates.server_key));
    Start({.handshake_deadline = milliseconds(80)}, &tls);
    EXPECT_EQ(Peer(port_).ReadToEnd(), "");
}

// Told to stop: whoever asks now is answered, and told to go elsewhere; whoever was asking too.
TEST_F(HttpServerTest, DrainsWithoutLosingARequest) {
    Start({.drain_delay = milliseconds(200), .drain_deadline = milliseconds(1000), .max_body = 10});
    Peer kept(port_), late(port_);
    kept.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    kept.ReadUntil("GET /");
    Stop();
    std::this_thread::sleep_for(milliseconds(30));
    kept.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(kept.ReadToEnd(), HasSubstr("Connection: close"));
    EXPECT_THAT(Ask("GET /new HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("GET /new"));
    std::this_thread::sleep_for(milliseconds(70));
    EXPECT_FALSE(ended_);
    late.Send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(late.ReadToEnd(), HasSubstr("GET /slow")) << "it ends after the delay is over";
    thread_.join();
    EXPECT_TRUE(ended_);
    EXPECT_THROW(Peer{port_}, std::exception);
}

}  // namespace
}  // namespace dlws::kube

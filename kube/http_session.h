// SPDX-License-Identifier: Apache-2.0
// One connection of an HttpServer, for as long as it is served. Internal to kube/: Beast and
// OpenSSL stay in the .cc file.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <utility>

#include "kube/address_caps.h"
#include "kube/address_turns.h"
#include "kube/http_body.h"
#include "kube/http_server.h"
#include "kube/wait_list.h"
#include "kube/watchdog.h"

namespace dlws::kube::internal {

/// What the sessions of one server share.
struct HttpServing {
    HttpServing(boost::asio::any_io_executor executor, HttpServer::Handler handler,
                HttpServer::Settings settings, ServerTls* tls);

    boost::asio::any_io_executor executor;
    HttpServer::Handler handler;
    HttpServer::Settings settings;
    ServerTls* tls;
    AddressTurns handshakes;
    AddressCaps streams;
    AddressCaps bodies;  ///< their bytes in memory
    bool draining = false;

    HttpAnswer Dressed(HttpAnswer refusal) const {
        if (settings.dress_refusal) settings.dress_refusal(refusal);
        return refusal;
    }
};

/// What one body has of the memory for all of them.
class BodyShare {
  public:
    BodyShare(AddressCaps& bodies, const boost::asio::ip::address& peer)
        : bodies_(bodies), peer_(peer) {}
    ~BodyShare() { GiveBack(); }
    BodyShare(const BodyShare&) = delete;
    BodyShare& operator=(const BodyShare&) = delete;

    bool HasRoomFor(std::size_t bytes) const { return bodies_.HasRoomFor(peer_, bytes); }
    bool Take(std::size_t bytes) {
        if (!HasRoomFor(bytes)) return false;
        bodies_.Add(peer_, bytes);
        taken_ += bytes;
        return true;
    }
    void GiveBack() { bodies_.Remove(peer_, std::exchange(taken_, 0)); }

  private:
    AddressCaps& bodies_;
    const boost::asio::ip::address& peer_;
    std::size_t taken_ = 0;
};

/// Run() once. Confined to the server's executor; outlives Run().
class HttpSession {
  public:
    HttpSession(HttpServing& serving, boost::asio::ip::address peer);
    ~HttpSession() { watchdog_->Detach(); }
    HttpSession(const HttpSession&) = delete;
    HttpSession& operator=(const HttpSession&) = delete;

    Awaitable<void> Run(boost::asio::ip::tcp::socket socket);
    /// To be bound to the coroutine of Run().
    boost::asio::cancellation_slot Slot() { return cancel_.slot(); }

    const boost::asio::ip::address& peer() const { return peer_; }
    /// Between a request's first byte and the last of its answer.
    bool Busy() const { return busy_; }
    /// The server drains: a stream is told to end.
    void Drain();
    /// Ends it now.
    void Cut();

  private:
    enum class BodyEnd { kWhole, kGone, kNoRoom };

    Awaitable<std::shared_ptr<void>> AwaitHandshakeTurn(boost::asio::ip::tcp::socket& socket);
    template <typename Stream>
    Awaitable<void> Serve(Stream& stream);
    template <typename Stream>
    Awaitable<std::size_t> ReadHeader(Stream& stream, std::string& buffer);
    template <typename Stream>
    Awaitable<BodyEnd> ReadBody(Stream& stream, HttpHeader& header, std::string& buffer,
                                BodyShare& share);
    Awaitable<HttpAnswer> Call(HttpRequest request);
    void RefuseOneStreamTooMany(HttpAnswer& answer) const;
    template <typename Stream>
    Awaitable<void> SendStream(Stream& stream, HttpAnswer answer, bool chunked, std::size_t unread);
    template <typename Stream>
    Awaitable<void> SendPieces(Stream& stream, std::string head, HttpBody& body, bool chunked,
                               bool& whole);
    template <typename Stream>
    Awaitable<bool> WriteWithProgress(Stream& stream, const std::string& text);

    HttpServing& serving_;
    const boost::asio::ip::address peer_;
    boost::asio::cancellation_signal cancel_;
    std::shared_ptr<Watchdog> watchdog_;  // of handshakes, handlers and the writes of a stream
    HttpBody* stream_ = nullptr;          // what is being sent
    bool busy_ = false;
    bool cut_ = false;
};

}  // namespace dlws::kube::internal

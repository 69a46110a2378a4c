// SPDX-License-Identifier: Apache-2.0
#include "kube/http_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <exception>
#include <list>
#include <map>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "kube/connection_tls.h"
#include "kube/log.h"
#include "kube/wait_list.h"

namespace dlws::kube {
namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;

namespace {

constexpr std::size_t kMaxLinger = 64 * 1024;
constexpr std::chrono::milliseconds kLinger{1000};
constexpr std::chrono::milliseconds kAcceptBackoff{100};

using Plain = beast::tcp_stream;
using Tls = beast::ssl_stream<beast::tcp_stream>;

template <typename Stream>
void ExpireAfter(Stream& stream, std::chrono::milliseconds time) {
    beast::get_lowest_layer(stream).expires_after(time);
}

// That of a caller by IPv4 is the same whether we listen on IPv6 too or not.
asio::ip::address PlainAddress(const asio::ip::address& address) {
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

// One connection, for as long as it is served.
struct Session {
    asio::cancellation_signal cancel;
    asio::ip::address peer;
    bool busy = false;  // between a request's first byte and the last of its answer
};

}  // namespace

class HttpServer::Impl {
  public:
    Impl(asio::any_io_executor executor, std::string address, unsigned short port, Handler handler,
         Settings settings, ServerTls* tls)
        : executor_(executor),
          address_(std::move(address)),
          port_(port),
          handler_(std::move(handler)),
          settings_(std::move(settings)),
          tls_(tls),
          acceptor_(executor),
          sessions_ended_(executor) {
        if (settings_.max_connections_per_address == 0)
            settings_.max_connections_per_address = settings_.max_connections;
    }

    Result<unsigned short> Listen() {
        beast::error_code error;
        const auto address = asio::ip::make_address(address_, error);
        if (error) return CannotBind("it is no IP address");
        const tcp::endpoint endpoint(address, port_);
        acceptor_.open(endpoint.protocol(), error);
        if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
        if (!error) acceptor_.bind(endpoint, error);
        if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
        if (error) {
            beast::error_code ignored;
            acceptor_.close(ignored);
            return CannotBind(error.message());
        }
        port_ = acceptor_.local_endpoint().port();
        return port_;
    }

    Awaitable<void> Run() {
        if (!acceptor_.is_open()) {
            auto bound = Listen();
            if (!bound) throw std::runtime_error(bound.error().message);
        }
        co_await AcceptLoop();
        // Told to stop: wait for the sessions, which use our handler.
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        draining_ = true;
        if (settings_.drain_delay.count() > 0) co_await GoOnFor(settings_.drain_delay);
        beast::error_code ignored;
        acceptor_.close(ignored);
        for (Session& session : sessions_)
            if (!session.busy) session.cancel.emit(asio::cancellation_type::terminal);
        const auto deadline = WaitList::Clock::now() + settings_.drain_deadline;
        bool in_time = true;
        while (!sessions_.empty() && in_time)
            in_time = co_await sessions_ended_.Wait(deadline);
        for (Session& session : sessions_)
            session.cancel.emit(asio::cancellation_type::terminal);
        while (!sessions_.empty())
            co_await sessions_ended_.Wait();
    }

  private:
    using Sessions = std::list<Session>;

    Result<unsigned short> CannotBind(const std::string& why) const {
        Error error;
        error.kind = ErrorKind::kInvalidArgument;
        error.message =
            fmt::format("cannot listen on address {} port {}: {}", address_, port_, why);
        return std::unexpected(std::move(error));
    }

    // Accepts for a while yet: others are told only by and by that we go.
    Awaitable<void> GoOnFor(std::chrono::milliseconds time) {
        asio::cancellation_signal end;
        bool ended = false;
        WaitList waiting(executor_);
        asio::co_spawn(executor_, AcceptLoop(),
                       asio::bind_cancellation_slot(end.slot(), [&](std::exception_ptr) {
                           ended = true;
                           waiting.NotifyAll();
                       }));
        co_await SleepFor(time);
        end.emit(asio::cancellation_type::terminal);
        while (!ended)
            co_await waiting.Wait();
    }

    Awaitable<void> AcceptLoop() {
        while (true) {
            auto [error, socket] =
                co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
            auto cancellation = co_await asio::this_coro::cancellation_state;
            if (cancellation.cancelled() != asio::cancellation_type::none) co_return;
            if (error) {
                // EMFILE and its like: the waiting connection stays in the queue, so without a
                // pause this would spin.
                LogWarning(settings_.name, "accept: {}", error.message());
                const bool slept = co_await SleepFor(kAcceptBackoff);
                if (!slept) co_return;
                continue;
            }
            beast::error_code gone;
            const auto peer = PlainAddress(socket.remote_endpoint(gone).address());
            if (!gone && HasRoomFor(peer)) Start(std::move(socket), peer);  // else it is closed
        }
    }

    bool HasRoomFor(const asio::ip::address& peer) const {
        const auto of_peer = per_address_.find(peer);
        return sessions_.size() < settings_.max_connections &&
               (of_peer == per_address_.end() ||
                of_peer->second < settings_.max_connections_per_address);
    }

    void Start(tcp::socket socket, const asio::ip::address& peer) {
        auto session = sessions_.emplace(sessions_.end());
        session->peer = peer;
        ++per_address_[peer];
        auto served =
            tls_ ? ServeTls(std::move(socket), *session) : ServePlain(std::move(socket), *session);
        asio::co_spawn(executor_, std::move(served),
                       asio::bind_cancellation_slot(session->cancel.slot(),
                                                    [this, session](std::exception_ptr exception) {
                                                        OnSessionEnd(session, exception);
                                                    }));
    }

    void OnSessionEnd(Sessions::iterator session, const std::exception_ptr& exception) {
        const auto of_peer = per_address_.find(session->peer);
        if (--of_peer->second == 0) per_address_.erase(of_peer);
        sessions_.erase(session);
        sessions_ended_.NotifyAll();
        try {
            if (exception) std::rethrow_exception(exception);
        } catch (const std::exception& error) {
            LogDebug(settings_.name, "connection: {}", error.what());
        }
    }

    Awaitable<void> ServePlain(tcp::socket socket, Session& session) {
        Plain stream(std::move(socket));
        co_await Serve(stream, session);
    }

    Awaitable<void> ServeTls(tcp::socket socket, Session& session) {
        const auto context = tls_->Current();
        if (!context) co_return;
        Tls stream(Plain(std::move(socket)), context->context());
        ExpireAfter(stream, settings_.handshake_deadline);
        auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::server,
                                                       asio::as_tuple(asio::use_awaitable));
        if (error) {
            LogDebug(settings_.name, "handshake: {}", error.message());
            co_return;
        }
        co_await Serve(stream, session);
    }

    template <typename Stream>
    Awaitable<void> Serve(Stream& stream, Session& session) {
        std::string buffer;
        bool keep_alive = true;
        while (keep_alive) {
            session.busy = !buffer.empty();
            const std::size_t length = co_await ReadHeader(stream, session, buffer);
            if (length == 0) co_return;
            bool head = false;
            HttpAnswer answer;
            if (length > kMaxHttpHeader) {
                answer = Refusal(431, "the header is too long");
            } else {
                auto header =
                    ParseHttpHeader(std::string_view(buffer).substr(0, length), settings_.max_body);
                buffer.erase(0, length);
                if (!header) {
                    answer = std::move(header.error());
                } else {
                    const bool whole = co_await ReadBody(stream, *header, buffer);
                    if (!whole) co_return;
                    head = header->request.method == "HEAD";
                    keep_alive = header->keep_alive;
                    header->request.peer = session.peer.to_string();
                    answer = co_await Call(std::move(header->request));
                }
            }
            keep_alive = keep_alive && !answer.close && !draining_;
            const std::string text = SerializeHttpHead(answer, keep_alive);
            const bool bodiless = head || answer.status == 204 || answer.status == 304;
            const std::string_view body = bodiless ? "" : answer.Body();
            const std::array<asio::const_buffer, 2> whole{asio::buffer(text), asio::buffer(body)};
            ExpireAfter(stream, settings_.write_deadline);
            auto [error, written] =
                co_await asio::async_write(stream, whole, asio::as_tuple(asio::use_awaitable));
            if (error) co_return;
        }
        co_await Close(stream);
    }

    /// Bytes of the next header in `buffer`; 0: nobody there any more; more than kMaxHttpHeader: it
    /// does not end within that.
    template <typename Stream>
    Awaitable<std::size_t> ReadHeader(Stream& stream, Session& session, std::string& buffer) {
        static constexpr std::string_view kEnd = "\r\n\r\n";
        ExpireAfter(stream, buffer.empty() ? settings_.idle_timeout : settings_.header_deadline);
        std::size_t searched = 0;
        while (true) {
            const auto end = buffer.find(kEnd, searched);
            if (end != buffer.npos) co_return std::min(end + kEnd.size(), kMaxHttpHeader + 1);
            if (buffer.size() > kMaxHttpHeader) co_return kMaxHttpHeader + 1;
            searched = buffer.size() < kEnd.size() ? 0 : buffer.size() - kEnd.size() + 1;
            char chunk[4096];
            auto [error, size] = co_await stream.async_read_some(
                asio::buffer(chunk), asio::as_tuple(asio::use_awaitable));
            if (error || size == 0) co_return 0;
            if (!session.busy) ExpireAfter(stream, settings_.header_deadline);
            session.busy = true;
            buffer.append(chunk, size);
        }
    }

    /// False: it did not come. What follows it stays in `buffer`.
    template <typename Stream>
    Awaitable<bool> ReadBody(Stream& stream, HttpHeader& header, std::string& buffer) {
        static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        std::string& body = header.request.body;
        const std::size_t have = std::min(header.body_length, buffer.size());
        body.assign(buffer, 0, have);
        buffer.erase(0, have);
        if (have == header.body_length) co_return true;
        ExpireAfter(stream, settings_.body_deadline);
        if (header.wants_continue) {
            auto [error, written] = co_await asio::async_write(stream, asio::buffer(kContinue),
                                                               asio::as_tuple(asio::use_awaitable));
            if (error) co_return false;
        }
        // Memory grows with what arrives, not with what is announced.
        while (body.size() < header.body_length) {
            char chunk[16 * 1024];
            const std::size_t want = std::min(sizeof chunk, header.body_length - body.size());
            auto [error, size] = co_await stream.async_read_some(
                asio::buffer(chunk, want), asio::as_tuple(asio::use_awaitable));
            if (error || size == 0) co_return false;
            body.append(chunk, size);
        }
        co_return true;
    }

    Awaitable<HttpAnswer> Call(HttpRequest request) {
        const std::string what = request.method + " " + request.path;
        try {
            co_return co_await handler_(std::move(request));
        } catch (const std::exception& error) {
            LogError(settings_.name, "{}: {}", what, error.what());
        }
        HttpAnswer failed;
        failed.status = 500;
        failed.body = "the handler failed; see the log\n";
        co_return failed;
    }

    /// A close while the peer still sends would reset the connection and may throw our answer away.
    static Awaitable<void> Close(Plain& stream) {
        beast::error_code ignored;
        stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
        stream.expires_after(kLinger);
        char chunk[4096];
        for (std::size_t total = 0; total < kMaxLinger;) {
            auto [error, size] = co_await stream.async_read_some(
                asio::buffer(chunk), asio::as_tuple(asio::use_awaitable));
            if (error || size == 0) co_return;
            total += size;
        }
    }
    static Awaitable<void> Close(Tls& stream) {
        ExpireAfter(stream, kLinger);
        co_await stream.async_shutdown(asio::as_tuple(asio::use_awaitable));
        co_await Close(stream.next_layer());
    }

    asio::any_io_executor executor_;
    std::string address_;
    unsigned short port_;
    Handler handler_;
    Settings settings_;
    ServerTls* tls_;
    tcp::acceptor acceptor_;
    Sessions sessions_;
    // To look through ten thousand sessions for each new one takes longer than its handshake.
    std::map<asio::ip::address, std::size_t> per_address_;
    WaitList sessions_ended_;
    bool draining_ = false;
};

HttpServer::HttpServer(asio::any_io_executor executor, std::string address, unsigned short port,
                       Handler handler, Settings settings, ServerTls* tls)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(address), port,
                                   std::move(handler), std::move(settings), tls)) {}
HttpServer::~HttpServer() = default;

Result<unsigned short> HttpServer::Listen() {
    return impl_->Listen();
}
Awaitable<void> HttpServer::Run() {
    return impl_->Run();
}

}  // namespace dlws::kube

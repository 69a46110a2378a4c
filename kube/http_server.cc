// SPDX-License-Identifier: Apache-2.0
#include "kube/http_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <exception>
#include <list>
#include <map>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "kube/log.h"
#include "kube/wait_list.h"

namespace dlws::kube {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

namespace {

constexpr std::size_t kMaxHeader = 16 * 1024;
constexpr std::ptrdiff_t kMaxFields = 100;
constexpr std::size_t kMaxLinger = 64 * 1024;
constexpr std::chrono::milliseconds kLinger{1000};
constexpr std::chrono::milliseconds kAcceptBackoff{100};

struct Incoming {
    std::string path;
    bool head = false;
    bool keep_alive = true;
};

/// A folded field is the one generosity of RFC 9112 that Beast has: it is how two servers come to
/// read two different requests. (Bare LF, two lengths and the like it refuses itself.)
bool HasFoldedField(std::string_view header) {
    return header.find("\r\n ") != header.npos || header.find("\r\n\t") != header.npos;
}

HealthServer::Answer Refusal(int status, std::string why) {
    HealthServer::Answer answer;
    answer.status = status;
    answer.body = std::move(why) + "\n";
    return answer;
}

/// The request, or the answer that refuses it (the connection is closed after that).
std::expected<Incoming, HealthServer::Answer> Parse(std::string_view header) {
    if (HasFoldedField(header)) return std::unexpected(Refusal(400, "a folded header field"));
    http::request_parser<http::empty_body> parser;
    parser.header_limit(kMaxHeader);
    beast::error_code error;
    parser.put(asio::buffer(header), error);
    // An announced body shows as need_more or unexpected_body: told apart below.
    if (!parser.is_header_done())
        return std::unexpected(Refusal(400, "not a request: " + error.message()));
    const auto& request = parser.get();
    if (std::distance(request.begin(), request.end()) > kMaxFields)
        return std::unexpected(Refusal(431, "too many header fields"));
    if (request.count(http::field::content_length) > 1 ||
        (request.count(http::field::content_length) > 0 &&
         request.count(http::field::transfer_encoding) > 0))
        return std::unexpected(Refusal(400, "two message lengths"));
    if (parser.chunked() || parser.content_length().value_or(0) > 0)
        return std::unexpected(Refusal(413, "no body is welcome here"));
    if (request.version() == 11 && request.count(http::field::host) != 1)
        return std::unexpected(Refusal(400, "exactly one Host is needed"));
    if (request.method() != http::verb::get && request.method() != http::verb::head)
        return std::unexpected(Refusal(405, "GET or HEAD"));

    Incoming incoming;
    std::string_view target(request.target().data(), request.target().size());
    incoming.path = std::string(target.substr(0, target.find('?')));
    incoming.head = request.method() == http::verb::head;
    incoming.keep_alive = request.keep_alive();
    return incoming;
}

std::string Serialize(const HealthServer::Answer& answer, bool head, bool keep_alive) {
    const auto reason = http::obsolete_reason(static_cast<http::status>(answer.status));
    std::string text = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n{}{}\r\n",
        answer.status, std::string_view(reason.data(), reason.size()), answer.content_type,
        answer.body.size(), answer.status == 405 ? "Allow: GET, HEAD\r\n" : "",
        keep_alive ? "" : "Connection: close\r\n");
    if (!head) text += answer.body;
    return text;
}

}  // namespace

class HealthServer::Impl {
  public:
    Impl(asio::any_io_executor executor, std::string address, unsigned short port,
         Settings settings)
        : executor_(executor),
          address_(std::move(address)),
          port_(port),
          settings_(settings),
          acceptor_(executor),
          sessions_ended_(executor) {}

    void Handle(std::string path, Handler handler) {
        handlers_.insert_or_assign(std::move(path), std::move(handler));
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
        // Told to stop: wait for the sessions, which use our handlers.
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        beast::error_code ignored;
        acceptor_.close(ignored);
        for (auto& cancel : sessions_)
            cancel.emit(asio::cancellation_type::terminal);
        while (!sessions_.empty())
            co_await sessions_ended_.Wait();
    }

  private:
    using Sessions = std::list<asio::cancellation_signal>;

    Result<unsigned short> CannotBind(const std::string& why) const {
        Error error;
        error.kind = ErrorKind::kInvalidArgument;
        error.message =
            fmt::format("cannot listen on address {} port {}: {}", address_, port_, why);
        return std::unexpected(std::move(error));
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
                LogWarning("health", "accept: {}", error.message());
                const bool slept = co_await SleepFor(kAcceptBackoff);
                if (!slept) co_return;
                continue;
            }
            if (sessions_.size() >= settings_.max_connections) continue;  // closes the socket
            Start(std::move(socket));
        }
    }

    void Start(tcp::socket socket) {
        auto session = sessions_.emplace(sessions_.end());
        asio::co_spawn(executor_, Serve(std::move(socket)),
                       asio::bind_cancellation_slot(session->slot(),
                                                    [this, session](std::exception_ptr exception) {
                                                        OnSessionEnd(session, exception);
                                                    }));
    }

    void OnSessionEnd(Sessions::iterator session, const std::exception_ptr& exception) {
        sessions_.erase(session);
        sessions_ended_.NotifyAll();
        try {
            if (exception) std::rethrow_exception(exception);
        } catch (const std::exception& error) {
            LogDebug("health", "connection: {}", error.what());
        }
    }

    Awaitable<void> Serve(tcp::socket socket) {
        beast::tcp_stream stream(std::move(socket));
        std::string buffer;
        while (true) {
            const std::size_t length = co_await ReadHeader(stream, buffer);
            if (length == 0) co_return;
            Answer answer;
            bool head = false, keep_alive = false;
            if (length > kMaxHeader) {
                answer = Refusal(431, "the header is too long");
            } else {
                auto request = Parse(std::string_view(buffer).substr(0, length));
                buffer.erase(0, length);
                if (request) {
                    head = request->head;
                    keep_alive = request->keep_alive;
                    answer = Call(request->path);
                } else {
                    answer = std::move(request.error());
                }
            }
            const std::string text = Serialize(answer, head, keep_alive);
            stream.expires_after(settings_.write_deadline);
            auto [error, written] = co_await asio::async_write(stream, asio::buffer(text),
                                                               asio::as_tuple(asio::use_awaitable));
            if (error) co_return;
            if (!keep_alive) {
                co_await Linger(stream);
                co_return;
            }
        }
    }

    /// Bytes of the next header in `buffer`; 0: nobody there any more; more than kMaxHeader: it
    /// does not end within that.
    Awaitable<std::size_t> ReadHeader(beast::tcp_stream& stream, std::string& buffer) {
        static constexpr std::string_view kEnd = "\r\n\r\n";
        // The deadline of a header starts with its first byte and is not moved by later ones.
        stream.expires_after(buffer.empty() ? settings_.idle_timeout : settings_.header_deadline);
        std::size_t searched = 0;
        while (true) {
            const auto end = buffer.find(kEnd, searched);
            if (end != buffer.npos) co_return std::min(end + kEnd.size(), kMaxHeader + 1);
            if (buffer.size() > kMaxHeader) co_return kMaxHeader + 1;
            searched = buffer.size() < kEnd.size() ? 0 : buffer.size() - kEnd.size() + 1;
            const bool first = buffer.empty();
            char chunk[4096];
            auto [error, size] = co_await stream.async_read_some(
                asio::buffer(chunk), asio::as_tuple(asio::use_awaitable));
            if (error || size == 0) co_return 0;
            if (first) stream.expires_after(settings_.header_deadline);
            buffer.append(chunk, size);
        }
    }

    Answer Call(const std::string& path) {
        auto handler = handlers_.find(path);
        if (handler == handlers_.end()) return Refusal(404, "nothing is here");
        try {
            return handler->second();
        } catch (const std::exception& error) {
            LogError("health", "{}: {}", path, error.what());
            return Refusal(500, "the handler failed; see the log");
        }
    }

    /// A close while the peer still sends would reset the connection and may throw our answer away.
    static Awaitable<void> Linger(beast::tcp_stream& stream) {
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

    asio::any_io_executor executor_;
    std::string address_;
    unsigned short port_;
    Settings settings_;
    tcp::acceptor acceptor_;
    std::map<std::string, Handler> handlers_;
    Sessions sessions_;
    WaitList sessions_ended_;
};

HealthServer::HealthServer(asio::any_io_executor executor, std::string address, unsigned short port)
    : HealthServer(std::move(executor), std::move(address), port, Settings()) {}
HealthServer::HealthServer(asio::any_io_executor executor, std::string address, unsigned short port,
                           Settings settings)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(address), port, settings)) {}
HealthServer::~HealthServer() = default;

void HealthServer::Handle(std::string path, Handler handler) {
    impl_->Handle(std::move(path), std::move(handler));
}
Result<unsigned short> HealthServer::Listen() {
    return impl_->Listen();
}
Awaitable<void> HealthServer::Run() {
    return impl_->Run();
}

}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#include "kube/connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>
#include <limits>

#include "kube/connection_tls.h"
#include "kube/decode.h"
#include "kube/watchdog.h"

namespace dlws::kube::internal {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using TlsStream = asio::ssl::stream<tcp::socket>;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t kMaxHeader = 64 * 1024;
constexpr std::size_t kReadSize = 16 * 1024;  // one TLS record

tcp::socket& Lowest(tcp::socket& socket) {
    return socket;
}
tcp::socket& Lowest(TlsStream& stream) {
    return stream.next_layer();
}
const tcp::socket& Lowest(const tcp::socket& socket) {
    return socket;
}
const tcp::socket& Lowest(const TlsStream& stream) {
    return stream.next_layer();
}

bool IsEnd(const error_code& error) {
    return error == asio::error::eof || error == asio::ssl::error::stream_truncated;
}

/// Its lateness ends whatever waits on the socket, which must outlive it or its Detach().
std::shared_ptr<Watchdog> WatchdogOf(tcp::socket& socket) {
    return std::make_shared<Watchdog>(socket.get_executor(), [&socket] {
        error_code ignored;
        socket.close(ignored);
    });
}

template <typename S>
class ConnectionOn final : public Connection {
  public:
    template <typename... Args>
    explicit ConnectionOn(std::string peer, tcp::socket socket, Args&... args)
        : stream_(std::move(socket), args...),
          peer_(std::move(peer)),
          watchdog_(WatchdogOf(Lowest(stream_))),
          buffer_(kMaxHeader + kReadSize) {}
    ~ConnectionOn() override { watchdog_->Detach(); }

    S& stream() { return stream_; }
    Watchdog& watchdog() { return *watchdog_; }

    Awaitable<std::expected<ResponseHead, Failure>> Start(std::string_view head,
                                                          std::string_view body,
                                                          Clock::time_point deadline) override {
        watchdog_->Arm(deadline);
        const std::array<asio::const_buffer, 2> request{asio::buffer(head), asio::buffer(body)};
        done_ = false;
        const auto [write_error, written] = co_await asio::async_write(stream_, request, kTuple);
        if (write_error) {
            co_return std::unexpected(
                Failure{Explain(write_error, "sending the request"), written > 0, false});
        }
        parser_.emplace();
        parser_->header_limit(kMaxHeader);
        parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
        bool answered = false;
        while (!parser_->is_header_done()) {
            if (buffer_.size() > 0) {
                error_code error;
                buffer_.consume(parser_->put(buffer_.data(), error));
                if (parser_->is_header_done()) break;
                if (error && error != http::error::need_more) {
                    co_return std::unexpected(Failure{NotHttp(error), true, true});
                }
            }
            const error_code error = co_await Fill();
            if (error) {
                co_return std::unexpected(
                    Failure{Explain(error, "waiting for the answer"), true, answered});
            }
            answered = true;
        }
        co_return ReadHead();
    }

    Awaitable<Result<std::size_t>> ReadBody(char* data, std::size_t size,
                                            Clock::time_point deadline) override {
        auto& body = parser_->get().body();
        body.data = data;
        body.size = size;
        body.more = true;
        bool more = buffer_.size() == 0;
        while (!parser_->is_done()) {
            if (more) {
                watchdog_->Arm(deadline);
                error_code error = co_await Fill();
                if (IsEnd(error)) {
                    error_code partial;
                    parser_->put_eof(partial);
                    if (partial) {
                        co_return std::unexpected(Explain(error, "reading the answer"));
                    }
                    break;
                }
                if (error) co_return std::unexpected(Explain(error, "reading the answer"));
                more = false;
            }
            error_code error;
            buffer_.consume(parser_->put(buffer_.data(), error));
            if (error == http::error::need_more) {
                more = true;
            } else if (error && error != http::error::need_buffer) {
                co_return std::unexpected(NotHttp(error));
            }
            if (size - body.size > 0) co_return size - body.size;
            if (buffer_.size() == 0) more = true;
        }
        const std::size_t got = size - body.size;
        if (got == 0) Finish();
        co_return got;
    }

    Awaitable<Result<std::string>> ReadAll(std::size_t limit, Clock::time_point deadline) override {
        std::string text;
        std::size_t used = 0;
        const auto length = parser_->content_length();
        if (length && *length > limit) {
            co_return std::unexpected(TooLarge(limit));
        }
        // Room for simdjson's padding too. A promise of more than 8 MiB is believed as it comes.
        std::size_t room = std::min<std::size_t>(length ? *length + 1 : kReadSize, 8u << 20);
        while (!parser_->is_done()) {
            if (used == text.size()) {
                text.reserve(used + room + kPadding);
                // No zeroes where the body will be written.
                text.resize_and_overwrite(used + room, [&](char*, std::size_t n) { return n; });
                room = text.size();
            }
            const auto got = co_await ReadBody(text.data() + used, text.size() - used, deadline);
            if (!got) co_return std::unexpected(got.error());
            used += *got;
            if (used > limit) co_return std::unexpected(TooLarge(limit));
        }
        Finish();
        text.resize(used);
        co_return text;
    }

    bool Reusable() const override { return done_ && Lowest(stream_).is_open(); }

    bool StillOpen() override {
        char byte = 0;
        const auto n = ::recv(Lowest(stream_).native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }

  private:
    Awaitable<error_code> Fill() {
        const std::size_t room = std::min(kReadSize, buffer_.max_size() - buffer_.size());
        const auto target = buffer_.prepare(room);
        const auto [error, n] = co_await stream_.async_read_some(target, kTuple);
        buffer_.commit(n);
        co_return n > 0 ? error_code() : error;
    }

    void Finish() {
        watchdog_->Disarm();
        done_ = parser_->is_done() && parser_->keep_alive() && buffer_.size() == 0;
    }

    ResponseHead ReadHead() {
        const auto& message = parser_->get();
        ResponseHead head;
        head.status = static_cast<int>(message.result_int());
        head.date = message[http::field::date];
        if (const auto found = message.find(http::field::retry_after); found != message.end()) {
            const auto text = found->value();
            unsigned seconds = 0;
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), seconds);
            if (error == std::errc() && end == text.data() + text.size()) {
                head.retry_after = std::chrono::seconds(seconds);
            }
        }
        const auto [first, last] = message.equal_range(http::field::warning);
        for (auto field = first; field != last; ++field) {
            head.warnings.emplace_back(field->value());
        }
        return head;
    }

    Error Explain(const error_code& error, std::string_view doing) const {
        if (watchdog_->Fired()) {
            return {
                .kind = ErrorKind::kTimeout,
                .message = fmt::format("{}: no progress before the deadline, {}", peer_, doing)};
        }
        if (error == asio::error::operation_aborted) {
            return {.kind = ErrorKind::kCancelled, .message = fmt::format("cancelled, {}", doing)};
        }
        return {.kind = ErrorKind::kNetwork,
                .message = fmt::format(
                    "{}: {}, {}", peer_,
                    IsEnd(error) ? "the server closed the connection" : error.message(), doing)};
    }

    Error NotHttp(const error_code& error) const {
        return {.kind = ErrorKind::kProtocol,
                .message = fmt::format("{}: not proper HTTP: {}", peer_, error.message())};
    }

    Error TooLarge(std::size_t limit) const {
        return {.kind = ErrorKind::kProtocol,
                .message = fmt::format("{}: the answer is larger than {} bytes", peer_, limit)};
    }

    S stream_;
    const std::string peer_;
    std::shared_ptr<Watchdog> watchdog_;
    beast::flat_buffer buffer_;
    std::optional<http::response_parser<http::buffer_body>> parser_;
    bool done_ = false;
};

std::string PeerName(const Endpoint& endpoint) {
    const bool v6 = endpoint.host.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}", v6 ? "[" : "", endpoint.host, v6 ? "]" : "", endpoint.port);
}

std::unexpected<Error> Fail(ErrorKind kind, std::string message) {
    return std::unexpected(Error{.kind = kind, .message = std::move(message)});
}

/// getaddrinfo runs on a thread of Asio's and cannot be interrupted, so nobody may wait for it
/// longer than the deadline: what it needs is shared with it.
struct Lookup {
    explicit Lookup(const asio::any_io_executor& executor) : resolver(executor), done(executor) {}
    tcp::resolver resolver;
    asio::steady_timer done;
    bool finished = false;
    error_code error;
    std::vector<tcp::endpoint> endpoints;
};

Awaitable<Result<std::vector<tcp::endpoint>>> Resolve(asio::any_io_executor executor,
                                                      const Endpoint& endpoint,
                                                      Clock::time_point deadline) {
    unsigned short port = 0;
    const std::string& text = endpoint.port;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (bad != std::errc() || end != text.data() + text.size() || port == 0) {
        co_return Fail(ErrorKind::kInvalidArgument,
                       fmt::format("'{}' is not a port: write a number from 1 to 65535", text));
    }
    error_code not_literal;
    const auto address = asio::ip::make_address(endpoint.host, not_literal);
    if (!not_literal) co_return std::vector<tcp::endpoint>{tcp::endpoint(address, port)};

    const auto lookup = std::make_shared<Lookup>(executor);
    lookup->resolver.async_resolve(
        endpoint.host, text, [lookup](const error_code& error, tcp::resolver::results_type found) {
            lookup->finished = true;
            lookup->error = error;
            for (const auto& entry : found)
                lookup->endpoints.push_back(entry.endpoint());
            lookup->done.cancel();
        });
    lookup->done.expires_at(deadline);
    co_await lookup->done.async_wait(kTuple);
    if (!lookup->finished) {
        lookup->resolver.cancel();
        if (Clock::now() < deadline) co_return Fail(ErrorKind::kCancelled, "cancelled, resolving");
        co_return Fail(ErrorKind::kTimeout,
                       fmt::format("the name '{}' was not resolved in time", endpoint.host));
    }
    if (lookup->error || lookup->endpoints.empty()) {
        co_return Fail(ErrorKind::kNetwork, fmt::format("cannot resolve '{}': {}", endpoint.host,
                                                        lookup->error.message()));
    }
    co_return std::move(lookup->endpoints);
}

/// Connects to the first address that answers; each gets its share of the time that is left.
Awaitable<Result<tcp::socket>> Connect(asio::any_io_executor executor, const Endpoint& endpoint,
                                       Clock::time_point deadline) {
    auto found = co_await Resolve(executor, endpoint, deadline);
    if (!found) co_return std::unexpected(found.error());
    Error last;
    for (std::size_t i = 0; i < found->size(); ++i) {
        tcp::socket socket(executor);
        const auto watchdog = WatchdogOf(socket);
        struct Detach {
            explicit Detach(Watchdog& dog) : dog(dog) {}
            ~Detach() { dog.Detach(); }
            Watchdog& dog;
        } const detach(*watchdog);
        const auto now = Clock::now();
        watchdog->Arm(now + (deadline - now) / static_cast<int>(found->size() - i));
        const tcp::endpoint target = (*found)[i];
        const auto [error] = co_await socket.async_connect(target, kTuple);
        if (!error) {
            error_code ignored;
            socket.set_option(tcp::no_delay(true), ignored);
            socket.set_option(asio::socket_base::keep_alive(true), ignored);
            // A peer that vanished is noticed after 30 + 3 * 10 s; the system's default is 2 h.
            using Idle = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
            using Interval = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;
            using Count = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPCNT>;
            socket.set_option(Idle(30), ignored);
            socket.set_option(Interval(10), ignored);
            socket.set_option(Count(3), ignored);
            co_return std::move(socket);
        }
        if (watchdog->Fired()) {
            last = {.kind = ErrorKind::kTimeout,
                    .message =
                        fmt::format("cannot connect to {}: no answer in time", PeerName(endpoint))};
        } else if (error == asio::error::operation_aborted) {
            co_return Fail(ErrorKind::kCancelled, "cancelled, connecting");
        } else {
            last = {.kind = ErrorKind::kNetwork,
                    .message = fmt::format("cannot connect to {}: {}", PeerName(endpoint),
                                           error.message())};
        }
    }
    co_return std::unexpected(last);
}

Error HandshakeError(const Endpoint& endpoint, const error_code& error, SSL* ssl, bool timeout) {
    const std::string peer = PeerName(endpoint);
    if (timeout) {
        return {.kind = ErrorKind::kTimeout,
                .message = fmt::format("{}: the TLS handshake did not end in time", peer)};
    }
    if (error == asio::error::operation_aborted) {
        return {.kind = ErrorKind::kCancelled, .message = "cancelled, in the TLS handshake"};
    }
    const std::string complaint = CertificateComplaint(ssl);
    if (!complaint.empty()) {
        const std::string& name =
            endpoint.server_name.empty() ? endpoint.host : endpoint.server_name;
        return {.kind = ErrorKind::kNetwork,
                .message = fmt::format("{}: its certificate is not valid for '{}': {}", peer, name,
                                       complaint)};
    }
    return {.kind = ErrorKind::kNetwork,
            .message = fmt::format("{}: TLS handshake: {}", peer, error.message())};
}

}  // namespace

Awaitable<Result<ConnectionPtr>> Dial(asio::any_io_executor executor, const Endpoint& endpoint,
                                      TlsContextPtr tls, Clock::time_point deadline) {
    deadline = std::min(deadline, Clock::now() + endpoint.connect_timeout);
    auto socket = co_await Connect(executor, endpoint, deadline);
    if (!socket) co_return std::unexpected(socket.error());
    if (!endpoint.tls) {
        co_return std::make_unique<ConnectionOn<tcp::socket>>(PeerName(endpoint),
                                                              std::move(*socket));
    }
    auto connection = std::make_unique<ConnectionOn<TlsStream>>(PeerName(endpoint),
                                                                std::move(*socket), tls->context());
    connection->tls = tls;
    SSL* ssl = connection->stream().native_handle();
    const std::string& name = endpoint.server_name.empty() ? endpoint.host : endpoint.server_name;
    if (!PrepareHandshake(ssl, name)) {
        co_return Fail(ErrorKind::kInvalidArgument,
                       fmt::format("'{}' cannot be the name of a TLS server", name));
    }
    connection->watchdog().Arm(deadline);
    const auto [error] =
        co_await connection->stream().async_handshake(asio::ssl::stream_base::client, kTuple);
    if (error) {
        co_return std::unexpected(
            HandshakeError(endpoint, error, ssl, connection->watchdog().Fired()));
    }
    connection->watchdog().Disarm();
    co_return ConnectionPtr(std::move(connection));
}

}  // namespace dlws::kube::internal

// SPDX-License-Identifier: Apache-2.0
#include "kube/http_session.h"

#include <fmt/format.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <exception>
#include <string_view>
#include <utility>

#include "kube/connection_tls.h"
#include "kube/log.h"

namespace dlws::kube::internal {
namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kShort = 16 * 1024;
/// So that who sends a body that is too large reads why: most clients send all of it first.
constexpr std::size_t kMaxLinger = 8 * 1024 * 1024;
constexpr std::chrono::milliseconds kLinger{3000};
/// From a peer that has asked for a stream and has nothing more to say.
constexpr std::size_t kMaxUnasked = 16 * 1024;

using Plain = beast::tcp_stream;
using Tls = beast::ssl_stream<beast::tcp_stream>;

template <typename Stream>
void ExpireAfter(Stream& stream, std::chrono::milliseconds time) {
    beast::get_lowest_layer(stream).expires_after(time);
}

/// A close while the peer still sends would reset the connection and may throw our answer away.
Awaitable<void> Close(Plain& stream) {
    beast::error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream.expires_after(kLinger);
    char chunk[4096];
    for (std::size_t total = 0; total < kMaxLinger;) {
        auto [error, size] = co_await stream.async_read_some(asio::buffer(chunk), kTuple);
        if (error || size == 0) co_return;
        total += size;
    }
}
Awaitable<void> Close(Tls& stream) {
    ExpireAfter(stream, kLinger);
    co_await stream.async_shutdown(kTuple);
    co_await Close(stream.next_layer());
}

/// A peer that has vanished, or takes nothing of what the kernel
/// holds for it, is noticed though we have nothing to write.
void PrepareForStream(tcp::socket& socket, std::chrono::milliseconds patience) {
    using UserTimeout = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;
    beast::error_code ignored;
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    socket.set_option(UserTimeout(int(patience.count())), ignored);
}

HttpAnswer NoRoom() {
    HttpAnswer answer =
        Refusal(503, "too many bodies of requests are being read; send it again in a moment");
    answer.fields = {{"Retry-After", "1"}};
    return answer;
}

/// Returns when the peer has gone, or says more than it may.
template <typename Stream>
Awaitable<void> WatchPeer(Stream& stream, std::size_t unread) {
    char chunk[4096];
    for (std::size_t total = unread; total <= kMaxUnasked;) {
        auto [error, size] = co_await stream.async_read_some(asio::buffer(chunk), kTuple);
        if (error || size == 0) co_return;
        total += size;
    }
}

}  // namespace

HttpServing::HttpServing(asio::any_io_executor executor_in, HttpServer::Handler handler_in,
                         HttpServer::Settings settings_in, ServerTls* tls_in)
    : executor(std::move(executor_in)),
      handler(std::move(handler_in)),
      settings(std::move(settings_in)),
      tls(tls_in),
      // A quarter, so that no one address can keep all others waiting.
      handshakes(executor, std::max<std::size_t>(1, settings.max_handshakes),
                 std::max<std::size_t>(1, settings.max_handshakes / 4)),
      streams(settings.max_streams, settings.max_streams_per_address == 0
                                        ? settings.max_streams
                                        : settings.max_streams_per_address),
      bodies(settings.max_buffered, settings.max_buffered_per_address == 0
                                        ? settings.max_buffered
                                        : settings.max_buffered_per_address) {}

HttpSession::HttpSession(HttpServing& serving, asio::ip::address peer)
    : serving_(serving),
      peer_(std::move(peer)),
      watchdog_(std::make_shared<Watchdog>(
          serving.executor, [this] { cancel_.emit(asio::cancellation_type::terminal); })) {}

void HttpSession::Drain() {
    if (stream_) stream_->Stop();
}

void HttpSession::Cut() {
    cut_ = true;
    cancel_.emit(asio::cancellation_type::terminal);
}

Awaitable<void> HttpSession::Run(tcp::socket socket) {
    // Events go out as they come, and an answer of several writes does not wait 40 ms for the
    // peer's delayed acknowledgement of the first.
    beast::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    if (!serving_.tls) {
        Plain stream(std::move(socket));
        co_await Serve(stream);
        co_return;
    }
    const auto context = serving_.tls->Current();
    if (!context) co_return;
    watchdog_->Arm(Watchdog::Clock::now() + serving_.settings.handshake_deadline);
    std::shared_ptr<void> turn = co_await AwaitHandshakeTurn(socket);
    if (!turn) co_return;
    Tls stream(Plain(std::move(socket)), context->context());
    auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::server, kTuple);
    turn.reset();
    if (error) {
        LogDebug(serving_.settings.name, "handshake: {}", error.message());
        co_return;
    }
    watchdog_->Disarm();
    co_await Serve(stream);
}

/// Who says nothing takes no turn.
Awaitable<std::shared_ptr<void>> HttpSession::AwaitHandshakeTurn(tcp::socket& socket) {
    auto [error] = co_await socket.async_wait(tcp::socket::wait_read, kTuple);
    if (error) co_return nullptr;
    co_return co_await serving_.handshakes.Take(peer_);
}

template <typename Stream>
Awaitable<void> HttpSession::Serve(Stream& stream) {
    std::string buffer;
    bool keep_alive = true;
    while (keep_alive) {
        busy_ = !buffer.empty();
        const std::size_t length = co_await ReadHeader(stream, buffer);
        if (length == 0) co_return;
        bool head = false;
        bool chunked = false;
        HttpAnswer answer;
        if (length > kMaxHttpHeader) {
            answer = serving_.Dressed(Refusal(431, "the header is too long"));
        } else {
            auto header = ParseHttpHeader(std::string_view(buffer).substr(0, length),
                                          serving_.settings.max_body);
            buffer.erase(0, length);
            if (!header) {
                answer = serving_.Dressed(std::move(header.error()));
            } else {
                BodyShare share(serving_.bodies, peer_);
                const BodyEnd end = co_await ReadBody(stream, *header, buffer, share);
                if (end == BodyEnd::kGone) co_return;
                head = header->request.method == "HEAD";
                keep_alive = header->keep_alive;
                chunked = header->version >= 11;
                header->request.peer = peer_.to_string();
                if (end == BodyEnd::kWhole)
                    answer = co_await Call(std::move(header->request));
                else
                    answer = serving_.Dressed(NoRoom());
            }
        }
        if (answer.stream && !head) RefuseOneStreamTooMany(answer);
        if (answer.stream && !head) {
            co_await SendStream(stream, std::move(answer), chunked, buffer.size());
            co_return;
        }
        keep_alive = keep_alive && !answer.close && !answer.stream && !serving_.draining;
        std::string text = SerializeHttpHead(answer, keep_alive, chunked);
        const bool bodiless = head || answer.status == 204 || answer.status == 304;
        std::string_view body = bodiless ? "" : answer.Body();
        // A short one goes with the header. A long one is written by itself and not as a second
        // buffer of one write: of those Beast's TLS stream writes the first alone, and says that it
        // is done.
        if (body.size() <= kShort) text += std::exchange(body, "");
        ExpireAfter(stream, serving_.settings.write_deadline);
        auto [error, written] = co_await asio::async_write(stream, asio::buffer(text), kTuple);
        if (error) co_return;
        if (body.empty()) continue;
        auto [failed, sent] = co_await asio::async_write(stream, asio::buffer(body), kTuple);
        if (failed) co_return;
    }
    co_await Close(stream);
}

/// Bytes of the next header in `buffer`; 0: nobody there any more; more than kMaxHttpHeader: it
/// does not end within that.
template <typename Stream>
Awaitable<std::size_t> HttpSession::ReadHeader(Stream& stream, std::string& buffer) {
    static constexpr std::string_view kEnd = "\r\n\r\n";
    const auto& settings = serving_.settings;
    ExpireAfter(stream, buffer.empty() ? settings.idle_timeout : settings.header_deadline);
    std::size_t searched = 0;
    while (true) {
        const auto end = buffer.find(kEnd, searched);
        if (end != buffer.npos) co_return std::min(end + kEnd.size(), kMaxHttpHeader + 1);
        if (buffer.size() > kMaxHttpHeader) co_return kMaxHttpHeader + 1;
        searched = buffer.size() < kEnd.size() ? 0 : buffer.size() - kEnd.size() + 1;
        char chunk[4096];
        auto [error, size] = co_await stream.async_read_some(asio::buffer(chunk), kTuple);
        if (error || size == 0) co_return 0;
        if (!busy_) ExpireAfter(stream, settings.header_deadline);
        busy_ = true;
        buffer.append(chunk, size);
    }
}

/// What follows the body stays in `buffer`. Without room for all of it none is kept.
template <typename Stream>
Awaitable<HttpSession::BodyEnd> HttpSession::ReadBody(Stream& stream, HttpHeader& header,
                                                      std::string& buffer, BodyShare& share) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    std::string& body = header.request.body;
    const std::size_t have = std::min(header.body_length, buffer.size());
    std::size_t left = header.body_length - have;
    bool room = share.Take(have);
    if (room) body.assign(buffer, 0, have);
    buffer.erase(0, have);
    if (left > 0) ExpireAfter(stream, serving_.settings.body_deadline);
    if (left > 0 && header.wants_continue) {
        if (!room || !share.HasRoomFor(left)) co_return BodyEnd::kNoRoom;
        auto [error, written] = co_await asio::async_write(stream, asio::buffer(kContinue), kTuple);
        if (error) co_return BodyEnd::kGone;
    }
    // Memory grows with what arrives, not with what is announced. What has no room is read all the
    // same: a peer that is still sending would not see our answer.
    while (left > 0) {
        char chunk[16 * 1024];
        const std::size_t want = std::min(sizeof chunk, left);
        auto [error, size] = co_await stream.async_read_some(asio::buffer(chunk, want), kTuple);
        if (error || size == 0) co_return BodyEnd::kGone;
        left -= size;
        if (room && !share.Take(size)) {
            room = false;
            body = std::string();
            share.GiveBack();
        }
        if (room) body.append(chunk, size);
    }
    co_return room ? BodyEnd::kWhole : BodyEnd::kNoRoom;
}

Awaitable<HttpAnswer> HttpSession::Call(HttpRequest request) {
    const auto& settings = serving_.settings;
    const std::string what = request.method + " " + request.path;
    HttpAnswer answer;
    bool failed = false;
    if (settings.request_deadline.count() > 0)
        watchdog_->Arm(Watchdog::Clock::now() + settings.request_deadline);
    try {
        answer = co_await serving_.handler(std::move(request));
    } catch (const std::exception& error) {
        if (!watchdog_->Fired()) LogError(settings.name, "{}: {}", what, error.what());
        failed = true;
    }
    watchdog_->Disarm();
    if (watchdog_->Fired() && !cut_) {
        // The handler was told to stop, and not we: who asked is to hear of it.
        co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
        co_return serving_.Dressed(
            Refusal(503, fmt::format("no answer within {} ms; what was asked for may have been "
                                     "done",
                                     settings.request_deadline.count())));
    }
    if (failed) {
        answer = Refusal(500, "the handler failed; see the log");
        answer.close = false;
        answer = serving_.Dressed(std::move(answer));
    }
    co_return answer;
}

void HttpSession::RefuseOneStreamTooMany(HttpAnswer& answer) const {
    if (serving_.streams.HasRoomFor(peer_)) return;
    answer = serving_.streams.HasRoom()
                 ? Refusal(429, "too many streams of one address; end one of them")
                 : Refusal(503, "too many streams are open; try again later");
    answer.fields = {{"Retry-After", "5"}};
    answer = serving_.Dressed(std::move(answer));
}

/// The connection is not kept: what a peer said meanwhile would have to be.
template <typename Stream>
Awaitable<void> HttpSession::SendStream(Stream& stream, HttpAnswer answer, bool chunked,
                                        std::size_t unread) {
    struct Place {
        Place(HttpSession& session_in, HttpBody& body) : session(session_in) {
            session.serving_.streams.Add(session.peer_);
            session.stream_ = &body;
        }
        Place(const Place&) = delete;
        ~Place() {
            session.stream_ = nullptr;
            session.serving_.streams.Remove(session.peer_);
        }
        HttpSession& session;
    };
    bool whole = false;
    {
        const Place place(*this, *answer.stream);
        if (serving_.draining) answer.stream->Stop();
        PrepareForStream(beast::get_lowest_layer(stream).socket(),
                         serving_.settings.stream_write_deadline);
        // Its timers are for one operation at a time, but here one reads while another writes.
        beast::get_lowest_layer(stream).expires_never();
        auto pieces = SendPieces(stream, SerializeHttpHead(answer, false, chunked), *answer.stream,
                                 chunked, whole);
        auto group = asio::experimental::make_parallel_group(
            asio::co_spawn(serving_.executor, std::move(pieces), asio::deferred),
            asio::co_spawn(serving_.executor, WatchPeer(stream, unread), asio::deferred));
        auto [order, failed, ignored] =
            co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
        watchdog_->Disarm();
        try {
            // Told to end it has to throw.
            const bool told = order[0] != 0 || cut_ || watchdog_->Fired();
            if (failed && !told) std::rethrow_exception(failed);
        } catch (const std::exception& error) {
            LogError(serving_.settings.name, "stream: {}", error.what());
        }
    }
    if (whole) co_await Close(stream);
}

template <typename Stream>
Awaitable<void> HttpSession::SendPieces(Stream& stream, std::string head, HttpBody& body,
                                        bool chunked, bool& whole) {
    bool goes_on = co_await WriteWithProgress(stream, head);
    while (goes_on) {
        std::string piece = co_await body.Next();
        if (piece.empty()) break;
        if (chunked) piece = fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
        goes_on = co_await WriteWithProgress(stream, piece);
    }
    if (!goes_on) co_return;
    const std::string end = chunked ? "0\r\n\r\n" : "";
    whole = co_await WriteWithProgress(stream, end);
}

template <typename Stream>
Awaitable<bool> HttpSession::WriteWithProgress(Stream& stream, const std::string& text) {
    std::string_view left = text;
    while (!left.empty()) {
        watchdog_->Arm(Watchdog::Clock::now() + serving_.settings.stream_write_deadline);
        auto [error, size] =
            co_await stream.async_write_some(asio::buffer(left.data(), left.size()), kTuple);
        if (error) co_return false;
        left.remove_prefix(size);
    }
    watchdog_->Disarm();
    co_return true;
}

}  // namespace dlws::kube::internal

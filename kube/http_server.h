// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "kube/api.h"
#include "kube/http_message.h"
#include "kube/server_tls.h"

namespace dlws::kube {

/// An HTTP/1.1 server, with TLS or without, for callers nobody vouches for.
///
///     HttpServer server(io.get_executor(), "0.0.0.0", 9443, &Answer, {.max_body = 8 << 20}, &tls);
///     if (auto port = server.Listen(); !port) ... port.error().message ...
///     co_await server.Run();   // until cancelled, and drained
///
/// What is refused is said in http_message.h; the connection of a refused request is closed
/// lingering, so that the answer arrives. The deadline of a header starts with its first byte and
/// is not moved by later ones. Over its caps a new connection is closed at once; out of file
/// descriptors it waits a moment. A handler that throws is a 500; one that has not answered at
/// `request_deadline` is cancelled, and the answer is 503. Of TLS handshakes only so many are under
/// way at a time; while there are, no further connection is accepted. What is counted by address
/// is counted by /64 of IPv6 (kube/counted_address.h). Bodies have `max_buffered` bytes of memory
/// together, those of one address `max_buffered_per_address` of it, from their first byte until the
/// handler has returned; what does not fit is read, thrown away and refused with 503.
///
/// An answer with a stream (http_body.h) is sent for as long as it lasts: chunked, or to a caller
/// of HTTP/1.0 until the connection ends. It ends at once when the peer closes even one direction,
/// or says over 16 KiB, and when a write makes no progress for `stream_write_deadline`. The
/// connection is closed after it. Over their caps streams are refused with 503, or 429 for those of
/// one address.
///
/// Told to stop (Run is cancelled) it tells streams to end and goes on for `drain_delay`, closing
/// each connection after its answer, so that callers go elsewhere; then requests and streams that
/// are under way have `drain_deadline`.
///
/// Confined to its executor. `tls`, if given, outlives it.
class HttpServer {
  public:
    using Handler = std::function<Awaitable<HttpAnswer>(HttpRequest)>;
    struct Settings {
        std::string name = "http";  ///< in the log
        std::chrono::milliseconds handshake_deadline{5'000};
        std::chrono::milliseconds header_deadline{5'000};
        std::chrono::milliseconds idle_timeout{60'000};
        std::chrono::milliseconds body_deadline{10'000};
        std::chrono::milliseconds write_deadline{10'000};
        std::chrono::milliseconds request_deadline{30'000};  ///< of the handler; 0: none
        std::chrono::milliseconds stream_write_deadline{30'000};
        std::chrono::milliseconds drain_delay{0};
        std::chrono::milliseconds drain_deadline{0};
        std::size_t max_body = 0;  ///< bytes; 0: no request has a body
        std::size_t max_connections = 64;
        std::size_t max_connections_per_address = 0;  ///< 0: as many as overall
        std::size_t max_handshakes = 64;  ///< a quarter of them of one address; others wait
        std::size_t max_streams = 32;
        std::size_t max_streams_per_address = 0;   ///< 0: as many as overall
        std::size_t max_buffered = 64u << 20;      ///< bytes of bodies, of all connections together
        std::size_t max_buffered_per_address = 0;  ///< of them; 0: as many as overall
        /// What the server itself refuses, or a handler that failed, passes through this before it
        /// is sent: a status, one line of text, fields. For those whose callers read another form.
        std::function<void(HttpAnswer&)> dress_refusal = {};
    };

    HttpServer(boost::asio::any_io_executor executor, std::string address, unsigned short port,
               Handler handler, Settings settings, ServerTls* tls = nullptr);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// Binds; port 0 picks one. kInvalidArgument says which address could not be bound and why.
    Result<unsigned short> Listen();
    /// Serves until cancelled; listens first when nobody has (throws when that fails).
    Awaitable<void> Run();

    std::size_t Connections() const;  ///< open now
    std::size_t Streams() const;      ///< being sent now

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace dlws::kube

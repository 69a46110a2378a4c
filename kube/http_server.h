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
/// descriptors it waits a moment. A handler that throws is a 500.
///
/// Told to stop (Run is cancelled) it goes on for `drain_delay`, closing each connection after its
/// answer, so that callers go elsewhere; then requests that are under way have `drain_deadline`.
///
/// Confined to its executor. `tls`, if given, outlives it. A handler sets its own deadlines.
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
        std::chrono::milliseconds drain_delay{0};
        std::chrono::milliseconds drain_deadline{0};
        std::size_t max_body = 0;  ///< bytes; 0: no request has a body
        std::size_t max_connections = 64;
        std::size_t max_connections_per_address = 0;  ///< 0: as many as overall
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

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "kube/client.h"

namespace dlws::kube {

/// A small plain-HTTP/1.1 server for /healthz, /readyz and /metrics: GET and HEAD only, answers
/// from memory.
///
///     HealthServer health(io.get_executor(), "0.0.0.0", 8081);
///     health.Handle("/readyz", [&] { return HealthServer::Answer{ready ? 200 : 503, "..."}; });
///     if (auto port = health.Listen(); !port) ... port.error().message ...
///     co_await health.Run();   // until cancelled
///
/// Limits: header 16 KiB and 100 fields, body 0, header deadline 5 s, idle 60 s, 64 connections
/// (more are closed at once), back off on EMFILE. Bare LF, obs-fold, and Content-Length together
/// with Transfer-Encoding are refused (RFC 9112). An unknown path is 404, another method 405. A
/// refused request's connection is closed lingering, so that the answer arrives. A handler that
/// throws is a 500. Not for anything a user reaches. Confined to its executor.
class HealthServer {
  public:
    struct Answer {
        int status = 200;
        std::string body;
        std::string content_type = "text/plain; charset=utf-8";
    };
    using Handler = std::function<Answer()>;
    struct Settings {
        std::chrono::milliseconds header_deadline{5'000};
        std::chrono::milliseconds idle_timeout{60'000};
        std::chrono::milliseconds write_deadline{10'000};
        std::size_t max_connections = 64;
    };

    HealthServer(boost::asio::any_io_executor executor, std::string address, unsigned short port);
    HealthServer(boost::asio::any_io_executor executor, std::string address, unsigned short port,
                 Settings settings);
    ~HealthServer();
    HealthServer(const HealthServer&) = delete;
    HealthServer& operator=(const HealthServer&) = delete;

    void Handle(std::string path, Handler handler);  ///< before Run()
    /// Binds; port 0 picks one. kInvalidArgument says which address could not be bound and why.
    Result<unsigned short> Listen();
    /// Serves until cancelled; listens first when nobody has (throws when that fails).
    Awaitable<void> Run();

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace dlws::kube

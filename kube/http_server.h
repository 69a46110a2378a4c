// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "kube/client.h"

namespace dlws::kube {

/// A small plain-HTTP server for /healthz, /readyz and /metrics: GET only, answers from memory.
///
/// Limits: header 16 KiB, body 0, header deadline 5 s, idle 60 s, 64 connections (more are closed at
/// once), back off on EMFILE. Not for anything a user reaches.
class HealthServer {
  public:
    struct Answer {
        int status = 200;
        std::string body;
        std::string content_type = "text/plain; charset=utf-8";
    };
    using Handler = std::function<Answer()>;

    HealthServer(boost::asio::any_io_executor executor, std::string address, unsigned short port);
    ~HealthServer();
    void Handle(std::string path, Handler handler);  ///< before Run()
    /// Binds; port 0 picks one. kInvalidArgument says which address could not be bound and why.
    Result<unsigned short> Listen();
    Awaitable<void> Run();  ///< serves until cancelled

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace dlws::kube

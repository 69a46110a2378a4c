// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>

#include "kube/http_server.h"

namespace dlws::kube {

/// /healthz, /readyz and /metrics: GET and HEAD only, plain HTTP, answers from memory.
///
///     HealthServer health(io.get_executor(), "0.0.0.0", 8081);
///     health.Handle("/readyz", [&] { return HealthServer::Answer{ready ? 200 : 503, "..."}; });
///     if (auto port = health.Listen(); !port) ... port.error().message ...
///     co_await health.Run();   // until cancelled
///
/// An unknown path is 404, another method 405. Not for anything a user reaches. Limits and
/// lifetime: HttpServer.
class HealthServer {
  public:
    using Answer = HttpAnswer;
    using Handler = std::function<Answer()>;
    using Settings = HttpServer::Settings;

    HealthServer(boost::asio::any_io_executor executor, std::string address, unsigned short port,
                 Settings settings = {.name = "health"});

    void Handle(std::string path, Handler handler);  ///< before Run()
    Result<unsigned short> Listen() { return server_.Listen(); }
    Awaitable<void> Run() { return server_.Run(); }

  private:
    Awaitable<HttpAnswer> Call(HttpRequest request);

    std::map<std::string, Handler> handlers_;
    HttpServer server_;
};

}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#include "kube/health_server.h"

#include <utility>

namespace dlws::kube {

HealthServer::HealthServer(boost::asio::any_io_executor executor, std::string address,
                           unsigned short port, Settings settings)
    : server_(
          std::move(executor), std::move(address), port,
          [this](HttpRequest request) { return Call(std::move(request)); }, std::move(settings)) {}

void HealthServer::Handle(std::string path, Handler handler) {
    handlers_.insert_or_assign(std::move(path), std::move(handler));
}

Awaitable<HttpAnswer> HealthServer::Call(HttpRequest request) {
    if (request.method != "GET" && request.method != "HEAD") {
        Answer answer = Refusal(405, "GET or HEAD");
        answer.fields = {{"Allow", "GET, HEAD"}};
        co_return answer;
    }
    auto handler = handlers_.find(request.path);
    if (handler == handlers_.end()) co_return Refusal(404, "nothing is here");
    co_return handler->second();
}

}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
// How a call of the client travels. Internal to kube/.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

#include "kube/client.h"
#include "kube/client_request.h"
#include "kube/connection_pool.h"
#include "kube/credentials.h"
#include "kube/server_clock.h"

namespace dlws::kube::internal {

/// One call as it goes over the wire. Lives in the frame of the public function.
struct Call {
    std::string_view method;
    std::string target;
    std::string_view content_type;  ///< empty: no body
    std::string body;
    /// Sending it twice does no harm: it may be sent again on a fresh connection when a kept one
    /// turned out to be closed.
    bool repeatable = false;
    bool stream = false;  ///< on a connection of its own; the body is left unread
    std::string_view accept = "application/json";
    std::string_view shown_method = {};  ///< in errors, in place of `method`
    CallOptions options;
    std::size_t max_bytes = 0;
};

/// "GET /api/v1/pods", which begins the messages of errors: no query and nothing secret.
std::string RequestName(const Call& call);
std::unexpected<Error> Fail(const Call& call, Error error);

struct Answer {
    std::string body;
    ConnectionPtr connection;  ///< of a stream
};

/// Pool, credentials, and the rules in client.h of what is sent again.
class Sender {
  public:
    Sender(boost::asio::any_io_executor executor, Config config, Client::Settings settings);

    const boost::asio::any_io_executor& executor() const { return executor_; }
    const Client::Settings& settings() const { return settings_; }
    std::string Target(std::string_view path, const QueryString& query) const;
    ServerClock::Wall ServerTime() const { return clock_.Now(Clock::now()); }

    /// Sends until there is a 2xx answer or an error to hand out. `call` lives in the caller's
    /// frame.
    Awaitable<Result<Answer>> Send(const Call& call);

  private:
    Result<std::string> BearerOf(const Call& call) const;
    void Warn(const std::string& text);

    boost::asio::any_io_executor executor_;
    Config config_;
    Client::Settings settings_;
    Endpoint endpoint_;
    ConnectionPool pool_;
    std::shared_ptr<Credentials> credentials_;
    std::string host_ = HostHeader(config_);
    std::string constant_head_;
    std::unordered_set<std::string> warned_;
    ServerClock clock_;
};

}  // namespace dlws::kube::internal

// SPDX-License-Identifier: Apache-2.0
#include "kube/client_send.h"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "kube/client_metrics.h"
#include "kube/decode.h"
#include "kube/log.h"

namespace dlws::kube::internal {

namespace asio = boost::asio;

namespace {

constexpr std::string_view kLogger = "client";
constexpr std::size_t kMaxWarnings = 256;
constexpr int kMaxRetryAfter = 10;
constexpr std::size_t kMaxErrorBody = 1u << 20;

Endpoint MakeEndpoint(const Config& config, std::chrono::milliseconds connect_timeout) {
    return {.host = config.host,
            .port = config.port,
            .tls = config.tls,
            .server_name = config.tls_server_name,
            .connect_timeout = connect_timeout};
}

}  // namespace

std::string RequestName(const Call& call) {
    const std::string_view target = call.target;
    return fmt::format("{} {}", call.shown_method.empty() ? call.method : call.shown_method,
                       target.substr(0, target.find('?')));
}

std::unexpected<Error> Fail(const Call& call, Error error) {
    error.message = fmt::format("{}: {}", RequestName(call), error.message);
    return std::unexpected(std::move(error));
}

Sender::Sender(asio::any_io_executor executor, Config config, Client::Settings settings)
    : executor_(std::move(executor)),
      config_(std::move(config)),
      settings_(std::move(settings)),
      endpoint_(MakeEndpoint(config_, settings_.connect_timeout)),
      pool_(executor_, endpoint_,
            {.max_connections = settings_.max_connections,
             .idle_timeout = settings_.idle_connection_timeout}),
      credentials_(std::make_shared<Credentials>(
          executor_, config_,
          Credentials::Settings{.token_reload = settings_.token_reload,
                                .certificate_reload = settings_.certificate_reload,
                                .exec_patience = settings_.exec_patience})) {
    const std::string agent = settings_.user_agent.empty()
                                  ? std::string("dlworkspace/" DLWS_VERSION)
                                  : settings_.user_agent;
    constant_head_ = fmt::format("Host: {}\r\nUser-Agent: {}\r\n", host_, agent);
    if (settings_.metrics) RequestTally::Describe(*settings_.metrics);
}

std::string Sender::Target(std::string_view path, const QueryString& query) const {
    return fmt::format("{}{}{}", config_.base_path, path, query.text());
}

/// The line that says who calls when the caller says it; empty: the client does.
Result<std::string> Sender::BearerOf(const Call& call) const {
    const std::string& bearer = call.options.bearer;
    if (bearer.empty()) return std::string();
    // The certificate was shown in the handshake, and the API server believes it before any token.
    if (!config_.client_cert_pem.empty() || !config_.client_cert_file.empty() || config_.exec) {
        return std::unexpected(
            Error{.kind = ErrorKind::kInvalidArgument,
                  .message = "a bearer token for one call needs a client without a certificate of "
                             "its own: make it of WithoutIdentity(config)"});
    }
    return BearerLine(bearer);
}

Awaitable<Result<Answer>> Sender::Send(const Call& call) {
    const auto patience = call.options.deadline;
    const auto deadline =
        Clock::now() + (patience.count() > 0 ? patience : settings_.default_deadline);
    const auto bearer = BearerOf(call);
    if (!bearer) co_return Fail(call, bearer.error());
    bool fresh = false;
    bool reloaded = false;
    int waits = 0;
    while (true) {
        IdentityPtr identity = credentials_->Fresh();
        if (!identity) {
            auto refreshed = co_await credentials_->Refresh(deadline);
            if (!refreshed) co_return Fail(call, refreshed.error());
            identity = std::move(*refreshed);
        }
        RequestTally tally(settings_.metrics, host_, call.method, call.stream);
        ConnectionPool::Lease lease;
        ConnectionPtr own;
        if (call.stream) {
            auto dialled = co_await Dial(executor_, endpoint_, identity->tls, deadline);
            if (!dialled) co_return Fail(call, dialled.error());
            own = std::move(*dialled);
        } else {
            auto acquired = co_await pool_.Acquire(identity->tls, fresh, deadline);
            if (!acquired) co_return Fail(call, acquired.error());
            lease = std::move(*acquired);
        }
        Connection& connection = call.stream ? *own : *lease;

        const std::string head =
            BuildHead({.method = call.method,
                       .target = call.target,
                       .constant = constant_head_,
                       .accept = call.accept,
                       .authorization = bearer->empty() ? identity->authorization : *bearer,
                       .content_type = call.content_type,
                       .body_size = call.body.size()});
        tally.Sent();
        const auto answer = co_await connection.Start(head, call.body, deadline);
        if (!answer) {
            const Failure& failure = answer.error();
            const bool stale =
                connection.used && !failure.answered && failure.error.kind == ErrorKind::kNetwork;
            if (stale && !fresh && (call.repeatable || !failure.sent)) {
                fresh = true;  // all the kept ones may have been closed with it
                tally.Forget();
                continue;
            }
            co_return Fail(call, failure.error);
        }
        clock_.Observe(answer->date, Clock::now());
        for (const auto& warning : answer->warnings)
            Warn(WarningText(warning));
        const bool good = answer->status >= 200 && answer->status < 300;
        if (good && call.stream) {
            tally.Answered(answer->status);
            co_return Answer{{}, std::move(own)};
        }

        const std::size_t limit = good ? call.max_bytes : kMaxErrorBody;
        auto body = co_await connection.ReadAll(limit, deadline);
        if (!body) co_return Fail(call, body.error());
        tally.Answered(answer->status);
        if (lease && connection.Reusable()) lease.KeepForNext();
        if (good) co_return Answer{std::move(*body), nullptr};
        lease.Release();
        own.reset();

        // A token that the caller gave is not ours to renew.
        if (answer->status == 401 && !reloaded && bearer->empty()) {
            reloaded = true;
            if (co_await credentials_->Reload(identity->generation, deadline)) continue;
        }
        if (answer->retry_after && (answer->status == 429 || answer->status == 503) &&
            waits < kMaxRetryAfter && Clock::now() + *answer->retry_after < deadline) {
            ++waits;
            asio::steady_timer timer(executor_, *answer->retry_after);
            co_await timer.async_wait(asio::use_awaitable);
            continue;
        }
        Error error = DecodeStatus(RequestName(call), answer->status, *body);
        error.retry_after = answer->retry_after;
        co_return std::unexpected(std::move(error));
    }
}

void Sender::Warn(const std::string& text) {
    if (warned_.size() >= kMaxWarnings || !warned_.insert(text).second) return;
    LogWarning(kLogger, "the API server warns: {}", text);
    if (warned_.size() == kMaxWarnings) {
        LogWarning(kLogger, "{} different warnings so far; no more are logged", kMaxWarnings);
    }
}

}  // namespace dlws::kube::internal

// SPDX-License-Identifier: Apache-2.0
#include "kube/client.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <random>
#include <unordered_set>

#include "kube/client_metrics.h"
#include "kube/client_request.h"
#include "kube/connection_pool.h"
#include "kube/credentials.h"
#include "kube/decode.h"
#include "kube/log.h"
#include "kube/server_clock.h"
#include "kube/watch_stream.h"

namespace dlws::kube {

namespace asio = boost::asio;
using namespace internal;

namespace {

constexpr std::string_view kLogger = "client";
constexpr std::size_t kMaxWarnings = 256;
constexpr int kMaxRetryAfter = 10;
constexpr std::size_t kMaxErrorBody = 1u << 20;

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
    std::chrono::milliseconds deadline{0};
    std::size_t max_bytes = 0;
};

struct Answer {
    std::string body;
    ConnectionPtr connection;  ///< of a stream
};

Endpoint MakeEndpoint(const Config& config, std::chrono::milliseconds connect_timeout) {
    return {.host = config.host,
            .port = config.port,
            .tls = config.tls,
            .server_name = config.tls_server_name,
            .connect_timeout = connect_timeout};
}

std::string RequestName(const Call& call) {
    const std::string_view target = call.target;
    return fmt::format("{} {}", call.stream ? "WATCH" : call.method,
                       target.substr(0, target.find('?')));
}

std::unexpected<Error> Fail(const Call& call, Error error) {
    error.message = fmt::format("{}: {}", RequestName(call), error.message);
    return std::unexpected(std::move(error));
}

}  // namespace

class Client::Impl {
  public:
    Impl(asio::any_io_executor executor, Config config, Settings settings)
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
                                    .exec_patience = settings_.exec_patience})),
          random_(settings_.seed != 0 ? settings_.seed : std::random_device()()) {
        const std::string agent = settings_.user_agent.empty()
                                      ? std::string("dlworkspace/" DLWS_VERSION)
                                      : settings_.user_agent;
        constant_head_ =
            fmt::format("Host: {}\r\nUser-Agent: {}\r\nAccept: application/json\r\n", host_, agent);
        if (settings_.metrics) RequestTally::Describe(*settings_.metrics);
    }

    const asio::any_io_executor& executor() const { return executor_; }
    const Settings& settings() const { return settings_; }

    std::string Target(std::string_view path, const QueryString& query) const {
        return fmt::format("{}{}{}", config_.base_path, path, query.text());
    }

    std::chrono::seconds RandomWatchTime() {
        return std::chrono::seconds(std::uniform_int_distribution<int>(300, 600)(random_));
    }

    /// Sends, and sends again where the rules in client.h allow it, until there is a 2xx answer or
    /// an error to hand out. `call` lives in the caller's frame.
    Awaitable<Result<Answer>> Send(const Call& call) {
        const auto deadline =
            Clock::now() + (call.deadline.count() > 0 ? call.deadline : settings_.default_deadline);
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

            const std::string head = BuildHead({.method = call.method,
                                                .target = call.target,
                                                .constant = constant_head_,
                                                .authorization = identity->authorization,
                                                .content_type = call.content_type,
                                                .body_size = call.body.size()});
            tally.Sent();
            const auto answer = co_await connection.Start(head, call.body, deadline);
            if (!answer) {
                const Failure& failure = answer.error();
                const bool stale = connection.used && !failure.answered &&
                                   failure.error.kind == ErrorKind::kNetwork;
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

            if (answer->status == 401 && !reloaded) {
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

    /// Send() for an answer that is one object.
    Awaitable<Result<ObjectPtr>> SendForObject(Call call) {
        call.max_bytes = settings_.max_response_bytes;
        auto answer = co_await Send(call);
        if (!answer) co_return std::unexpected(answer.error());
        auto object = ParseObject(std::move(answer->body));
        if (!object) co_return Fail(call, object.error());
        co_return std::move(*object);
    }

    ServerClock::Wall ServerTime() const { return clock_.Now(Clock::now()); }

  private:
    void Warn(const std::string& text) {
        if (warned_.size() >= kMaxWarnings || !warned_.insert(text).second) return;
        LogWarning(kLogger, "the API server warns: {}", text);
        if (warned_.size() == kMaxWarnings) {
            LogWarning(kLogger, "{} different warnings so far; no more are logged", kMaxWarnings);
        }
    }

    asio::any_io_executor executor_;
    Config config_;
    Settings settings_;
    Endpoint endpoint_;
    ConnectionPool pool_;
    std::shared_ptr<Credentials> credentials_;
    std::string host_ = HostHeader(config_);
    std::string constant_head_;
    std::mt19937_64 random_;
    std::unordered_set<std::string> warned_;
    ServerClock clock_;
};

namespace {

QueryString WriteQuery(const WriteOptions& options) {
    QueryString query;
    query.Add("fieldManager", options.field_manager)
        .Add("dryRun", options.dry_run ? "All" : "")
        .Add("fieldValidation", options.strict ? "Strict" : "")
        .Add("force", options.force ? "true" : "");
    return query;
}

std::string_view ContentType(PatchType type) {
    switch (type) {
        case PatchType::kMerge:
            return "application/merge-patch+json";
        case PatchType::kJson:
            return "application/json-patch+json";
        case PatchType::kApply:
            return "application/apply-patch+yaml";  // JSON is YAML
    }
    return "";
}

constexpr std::string_view kJson = "application/json";

}  // namespace

Client::Client(asio::any_io_executor executor, Config config)
    : Client(std::move(executor), std::move(config), Settings()) {}
Client::Client(asio::any_io_executor executor, Config config, Settings settings)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(config), std::move(settings))) {}
Client::~Client() = default;

asio::any_io_executor Client::Executor() const {
    return impl_->executor();
}

std::chrono::system_clock::time_point Client::ServerTime() const {
    return impl_->ServerTime();
}

Awaitable<Result<ObjectPtr>> Client::Get(Resource resource, ObjectKey key, CallOptions options) {
    const auto path = ObjectPath(resource, key, "");
    if (!path) co_return std::unexpected(path.error());
    Call call{.method = "GET", .repeatable = true, .deadline = options.deadline};
    call.target = impl_->Target(*path, {});
    co_return co_await impl_->SendForObject(std::move(call));
}

Awaitable<Result<ListPage>> Client::List(Resource resource, ListOptions options) {
    const auto path = CollectionPath(resource, options.ns);
    if (!path) co_return std::unexpected(path.error());
    QueryString query;
    query.Add("labelSelector", options.label_selector)
        .Add("fieldSelector", options.field_selector)
        .Add("limit", options.limit > 0 ? std::to_string(options.limit) : "")
        .Add("continue", options.continue_token)
        .Add("resourceVersion", options.resource_version)
        .Add("resourceVersionMatch", options.resource_version_match);
    Call call{.method = "GET",
              .repeatable = true,
              .deadline = options.deadline,
              .max_bytes = impl_->settings().max_response_bytes};
    call.target = impl_->Target(*path, query);
    auto answer = co_await impl_->Send(call);
    if (!answer) co_return std::unexpected(answer.error());
    auto page = DecodeList(answer->body);
    if (!page) co_return Fail(call, page.error());
    co_return std::move(*page);
}

Awaitable<Result<std::unique_ptr<WatchStream>>> Client::Watch(Resource resource,
                                                              WatchOptions options) {
    const auto path = CollectionPath(resource, options.ns);
    if (!path) co_return std::unexpected(path.error());
    const auto time =
        options.server_timeout.count() > 0 ? options.server_timeout : impl_->RandomWatchTime();
    QueryString query;
    query.Add("watch", "true")
        .Add("allowWatchBookmarks", "true")
        .Add("labelSelector", options.label_selector)
        .Add("fieldSelector", options.field_selector)
        .Add("resourceVersion", options.resource_version)
        .Add("timeoutSeconds", std::to_string(time.count()));
    if (options.send_initial_events) {
        query.Add("sendInitialEvents", "true").Add("resourceVersionMatch", "NotOlderThan");
    }
    Call call{.method = "GET", .repeatable = true, .stream = true, .deadline = options.deadline};
    call.target = impl_->Target(*path, query);
    auto answer = co_await impl_->Send(call);
    if (!answer) co_return std::unexpected(answer.error());
    co_return std::make_unique<LineWatchStream>(std::move(answer->connection), RequestName(call),
                                                options.idle_timeout);
}

Awaitable<Result<ObjectPtr>> Client::Create(Resource resource, std::string ns, std::string body,
                                            WriteOptions options) {
    if (resource.namespaced && ns.empty()) {
        co_return std::unexpected(
            Error{.kind = ErrorKind::kInvalidArgument,
                  .message = fmt::format("create {}: the namespace is missing", resource.plural)});
    }
    const auto path = CollectionPath(resource, ns);
    if (!path) co_return std::unexpected(path.error());
    Call call{.method = "POST", .content_type = kJson, .deadline = options.deadline};
    call.target = impl_->Target(*path, WriteQuery(options));
    call.body = std::move(body);
    co_return co_await impl_->SendForObject(std::move(call));
}

Awaitable<Result<std::string>> Client::Ask(Resource resource, std::string body) {
    const auto path = CollectionPath(resource, "");
    if (!path) co_return std::unexpected(path.error());
    Call call{.method = "POST", .content_type = kJson, .repeatable = true};
    call.target = impl_->Target(*path, QueryString());
    call.body = std::move(body);
    call.max_bytes = impl_->settings().max_response_bytes;
    auto answer = co_await impl_->Send(call);
    if (!answer) co_return std::unexpected(answer.error());
    co_return std::move(answer->body);
}

Awaitable<Result<ObjectPtr>> Client::Update(Resource resource, ObjectKey key, std::string body,
                                            WriteOptions options) {
    const auto path = ObjectPath(resource, key, options.subresource);
    if (!path) co_return std::unexpected(path.error());
    if (body.find("\"resourceVersion\"") == std::string::npos) {
        co_return std::unexpected(
            Error{.kind = ErrorKind::kInvalidArgument,
                  .message = fmt::format("PUT {}: the body has no metadata.resourceVersion, so the "
                                         "update could overwrite somebody's change",
                                         *path)});
    }
    Call call{
        .method = "PUT", .content_type = kJson, .repeatable = true, .deadline = options.deadline};
    call.target = impl_->Target(*path, WriteQuery(options));
    call.body = std::move(body);
    co_return co_await impl_->SendForObject(std::move(call));
}

Awaitable<Result<ObjectPtr>> Client::Patch(Resource resource, ObjectKey key, PatchType type,
                                           std::string body, WriteOptions options) {
    const auto path = ObjectPath(resource, key, options.subresource);
    if (!path) co_return std::unexpected(path.error());
    if (type == PatchType::kApply && options.field_manager.empty()) {
        co_return std::unexpected(Error{
            .kind = ErrorKind::kInvalidArgument,
            .message = fmt::format("PATCH {}: server-side apply needs a field_manager", *path)});
    }
    Call call{.method = "PATCH",
              .content_type = ContentType(type),
              .repeatable = HasPrecondition(type, body),
              .deadline = options.deadline};
    call.target = impl_->Target(*path, WriteQuery(options));
    call.body = std::move(body);
    co_return co_await impl_->SendForObject(std::move(call));
}

Awaitable<Result<void>> Client::Delete(Resource resource, ObjectKey key, DeleteOptions options) {
    const auto path = ObjectPath(resource, key, "");
    if (!path) co_return std::unexpected(path.error());
    boost::json::object body;
    body["apiVersion"] = "v1";
    body["kind"] = "DeleteOptions";
    boost::json::object preconditions;
    if (!options.uid.empty()) preconditions["uid"] = options.uid;
    if (!options.resource_version.empty()) {
        preconditions["resourceVersion"] = options.resource_version;
    }
    const bool pinned = !preconditions.empty();
    if (pinned) body["preconditions"] = std::move(preconditions);
    if (options.grace_period_seconds >= 0) {
        body["gracePeriodSeconds"] = options.grace_period_seconds;
    }
    if (!options.propagation.empty()) body["propagationPolicy"] = options.propagation;
    Call call{.method = "DELETE",
              .content_type = kJson,
              .repeatable = pinned,
              .deadline = options.deadline,
              .max_bytes = impl_->settings().max_response_bytes};
    call.target = impl_->Target(*path, {});
    call.body = boost::json::serialize(body);
    const auto answer = co_await impl_->Send(call);
    if (!answer) co_return std::unexpected(answer.error());
    co_return Result<void>();
}

Awaitable<Result<std::string>> Client::GetRaw(std::string target, CallOptions options) {
    if (!target.starts_with('/')) {
        co_return std::unexpected(
            Error{.kind = ErrorKind::kInvalidArgument,
                  .message = fmt::format("'{}' is no target: it must begin with a slash", target)});
    }
    Call call{.method = "GET",
              .repeatable = true,
              .deadline = options.deadline,
              .max_bytes = impl_->settings().max_response_bytes};
    call.target = impl_->Target(target, {});
    auto answer = co_await impl_->Send(call);
    if (!answer) co_return std::unexpected(answer.error());
    co_return std::move(answer->body);
}

}  // namespace dlws::kube

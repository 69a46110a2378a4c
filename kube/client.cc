// SPDX-License-Identifier: Apache-2.0
#include "kube/client.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <random>

#include "kube/client_request.h"
#include "kube/client_send.h"
#include "kube/decode.h"
#include "kube/watch_stream.h"

namespace dlws::kube {

namespace asio = boost::asio;
using namespace internal;

class Client::Impl : public Sender {
  public:
    Impl(asio::any_io_executor executor, Config config, Settings settings)
        : Sender(std::move(executor), std::move(config), std::move(settings)),
          random_(this->settings().seed != 0 ? this->settings().seed : std::random_device()()) {}

    std::chrono::seconds RandomWatchTime() {
        return std::chrono::seconds(std::uniform_int_distribution<int>(300, 600)(random_));
    }

    /// Send() for an answer that is one object.
    Awaitable<Result<ObjectPtr>> SendForObject(Call call) {
        call.max_bytes = settings().max_response_bytes;
        auto answer = co_await Send(call);
        if (!answer) co_return std::unexpected(answer.error());
        auto object = ParseObject(std::move(answer->body));
        if (!object) co_return Fail(call, object.error());
        co_return std::move(*object);
    }

  private:
    std::mt19937_64 random_;
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
    Call call{.method = "GET", .repeatable = true, .options = options};
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
              .options = options,
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
    Call call{.method = "GET", .repeatable = true, .stream = true, .options = options};
    call.shown_method = "WATCH";
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
    Call call{.method = "POST", .content_type = kJson, .options = options};
    call.target = impl_->Target(*path, WriteQuery(options));
    call.body = std::move(body);
    co_return co_await impl_->SendForObject(std::move(call));
}

Awaitable<Result<std::string>> Client::Ask(Resource resource, std::string body,
                                           CallOptions options) {
    const auto path = CollectionPath(resource, "");
    if (!path) co_return std::unexpected(path.error());
    Call call{.method = "POST", .content_type = kJson, .repeatable = true, .options = options};
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
    Call call{.method = "PUT", .content_type = kJson, .repeatable = true, .options = options};
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
              .options = options};
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
              .options = options,
              .max_bytes = impl_->settings().max_response_bytes};
    call.target = impl_->Target(*path, {});
    call.body = boost::json::serialize(body);
    const auto answer = co_await impl_->Send(call);
    if (!answer) co_return std::unexpected(answer.error());
    co_return Result<void>();
}

namespace {

Result<void> CheckTarget(const std::string& target) {
    if (target.starts_with('/')) return {};
    return std::unexpected(
        Error{.kind = ErrorKind::kInvalidArgument,
              .message = fmt::format("'{}' is no target: it must begin with a slash", target)});
}

}  // namespace

Awaitable<Result<std::string>> Client::GetRaw(std::string target, CallOptions options) {
    const auto checked = CheckTarget(target);
    if (!checked) co_return std::unexpected(checked.error());
    Call call{.method = "GET",
              .repeatable = true,
              .options = options,
              .max_bytes = impl_->settings().max_response_bytes};
    call.target = impl_->Target(target, {});
    auto answer = co_await impl_->Send(call);
    if (!answer) co_return std::unexpected(answer.error());
    co_return std::move(answer->body);
}

Awaitable<Result<std::unique_ptr<ByteStream>>> Client::OpenRaw(std::string target,
                                                               StreamOptions options) {
    const auto checked = CheckTarget(target);
    if (!checked) co_return std::unexpected(checked.error());
    if (options.deadline.count() == 0) options.deadline = options.idle_timeout;
    Call call{.method = "GET", .repeatable = true, .stream = true, .options = options};
    call.accept = "application/json, */*";
    call.target = impl_->Target(target, {});
    auto answer = co_await impl_->Send(call);
    if (!answer) co_return std::unexpected(answer.error());
    co_return MakeByteStream(std::move(answer->connection), RequestName(call),
                             options.idle_timeout);
}

}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/testing/fake_secrets.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include "portal/server/session/store.h"

namespace dlws::portal::testing {

namespace json = boost::json;
using kube::Awaitable;
using kube::Error;
using kube::ObjectPtr;
using kube::Result;

namespace {

std::unexpected<Error> Status(int code, std::string reason) {
    Error error;
    error.kind = kube::ErrorKind::kStatus;
    error.code = code;
    error.message = reason;
    error.reason = std::move(reason);
    return std::unexpected(std::move(error));
}
std::unexpected<Error> Cut() {
    Error error;
    error.message = "the connection is lost";
    return std::unexpected(std::move(error));
}

// As an informer hands it out.
ObjectPtr Little(const std::string& text) {
    kube::Object object = *kube::ParseObject(text).value();
    SessionStore::Watched("").transform(object);
    return std::make_shared<const kube::Object>(std::move(object));
}

}  // namespace

void FakeSecrets::Watch(std::function<void(const kube::Change&)> watcher) {
    for (const auto& [name, text] : stored)
        watcher({nullptr, Little(text)});
    watchers_.push_back(std::move(watcher));
}

void FakeSecrets::Tell() {
    for (const kube::Change& change : std::exchange(untold_, {}))
        for (const auto& watcher : watchers_)
            watcher(change);
}

bool FakeSecrets::Lost(const std::string& verb) {
    return before_write && !before_write(verb);
}

Result<ObjectPtr> FakeSecrets::Put(std::string name, std::string body, const std::string& uid) {
    json::value document = json::parse(body);
    json::object& metadata = document.as_object()["metadata"].as_object();
    metadata["resourceVersion"] = std::to_string(++version_);
    metadata["uid"] = uid;
    std::string text = json::serialize(document);
    const auto before = stored.find(name);
    untold_.push_back({before == stored.end() ? nullptr : Little(before->second), Little(text)});
    stored[std::move(name)] = text;
    return kube::ParseObject(std::move(text));
}

Awaitable<Result<ObjectPtr>> FakeSecrets::Get(kube::Resource, kube::ObjectKey key,
                                              kube::CallOptions) {
    co_await boost::asio::post(executor_, boost::asio::use_awaitable);
    ++reads;
    if (fails != 0) co_return Status(fails, "Failing");
    const auto found = stored.find(key.name);
    if (found == stored.end()) co_return Status(404, "NotFound");
    auto answer = kube::ParseObject(found->second);
    if (after_read) after_read();
    co_return answer;
}

Awaitable<Result<kube::ListPage>> FakeSecrets::List(kube::Resource, kube::ListOptions options) {
    co_await boost::asio::post(executor_, boost::asio::use_awaitable);
    if (fails != 0) co_return Status(fails, "Failing");
    kube::ListPage page;
    const std::size_t equals = options.label_selector.find('=');
    for (const auto& [name, text] : stored) {
        ObjectPtr object = kube::ParseObject(text).value();
        const auto label = object->meta.labels.find(options.label_selector.substr(0, equals));
        if (label != object->meta.labels.end() &&
            label->second == options.label_selector.substr(equals + 1))
            page.items.push_back(std::move(object));
    }
    co_return page;
}

Awaitable<Result<ObjectPtr>> FakeSecrets::Create(kube::Resource, std::string, std::string body,
                                                 kube::WriteOptions) {
    co_await boost::asio::post(executor_, boost::asio::use_awaitable);
    if (fails != 0) co_return Status(fails, "Failing");
    if (Lost("create")) co_return Cut();
    const std::string name = kube::ParseObject(body).value()->meta.name;
    if (stored.contains(name)) co_return Status(409, "AlreadyExists");
    co_return Put(name, std::move(body), fmt::format("uid-{}", version_));
}

Awaitable<Result<ObjectPtr>> FakeSecrets::Update(kube::Resource, kube::ObjectKey key,
                                                 std::string body, kube::WriteOptions) {
    co_await boost::asio::post(executor_, boost::asio::use_awaitable);
    if (fails != 0) co_return Status(fails, "Failing");
    const bool lost = Lost("update");
    if (lost && !lost_after) co_return Cut();
    const auto found = stored.find(key.name);
    if (found == stored.end()) co_return Status(404, "NotFound");
    const kube::Meta now = kube::ParseObject(found->second).value()->meta;
    const kube::Meta then = kube::ParseObject(body).value()->meta;
    if (then.resource_version != now.resource_version || then.uid != now.uid)
        co_return Status(409, "Conflict");
    auto stored_now = Put(key.name, std::move(body), now.uid);
    if (lost) co_return Cut();
    co_return stored_now;
}

Awaitable<Result<ObjectPtr>> FakeSecrets::Patch(kube::Resource, kube::ObjectKey, kube::PatchType,
                                                std::string, kube::WriteOptions) {
    co_return Status(405, "MethodNotAllowed");
}

Awaitable<Result<std::string>> FakeSecrets::Ask(kube::Resource, std::string, kube::CallOptions) {
    co_return Status(405, "MethodNotAllowed");
}

Awaitable<Result<void>> FakeSecrets::Delete(kube::Resource, kube::ObjectKey key,
                                            kube::DeleteOptions options) {
    co_await boost::asio::post(executor_, boost::asio::use_awaitable);
    if (fails != 0) co_return Status(fails, "Failing");
    if (Lost("delete")) co_return Cut();
    const auto found = stored.find(key.name);
    if (found == stored.end()) co_return Status(404, "NotFound");
    const ObjectPtr object = kube::ParseObject(found->second).value();
    const bool same = (options.uid.empty() || options.uid == object->meta.uid) &&
                      (options.resource_version.empty() ||
                       options.resource_version == std::to_string(object->meta.resource_version));
    if (!same) co_return Status(409, "Conflict");
    untold_.push_back({Little(found->second), nullptr});
    stored.erase(found);
    co_return Result<void>();
}

}  // namespace dlws::portal::testing

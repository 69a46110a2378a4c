// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/access.h"

#include <fmt/format.h>

#include "kube/access_review.h"
#include "model/decode.h"
#include "model/names.h"
#include "model/render.h"
#include "model/resources.h"
#include "model/storage.h"

namespace dlws::agent {
namespace {

constexpr std::chrono::seconds kYesCounts{10}, kNoCounts{1};
constexpr std::string_view kWhoAmI =
    R"({"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"})";
constexpr std::size_t kMostKnown = 10'000;

std::string MayReadLogs(const std::string& ns) {
    return kube::AccessReviewOf(kube::AccessQuestion("get", "", "pods", ns, "", "log"));
}

std::unexpected<kube::Error> Refuse(int code, std::string reason, std::string message) {
    return std::unexpected(kube::Error{.kind = kube::ErrorKind::kStatus,
                                       .code = code,
                                       .reason = std::move(reason),
                                       .message = std::move(message)});
}

}  // namespace

kube::Awaitable<kube::Result<LogAccess::Reader>> LogAccess::ReaderOf(std::string token,
                                                                     std::string ns,
                                                                     std::string job) {
    // A map of hashes gives no token away. The line feeds are in no token and in no name.
    const std::string key = model::Sha256Hex(token + "\n" + ns + "\n" + job);
    while (asking_.contains(key))
        co_await answered_.Wait();
    const auto known = known_.find(key);
    if (known != known_.end() && Clock::now() < known->second.until) co_return known->second.reader;
    // Also when this coroutine is cancelled.
    struct Asking {
        ~Asking() {
            access->asking_.erase(*key);
            access->answered_.NotifyAll();
        }
        LogAccess* access;
        const std::string* key;
    };
    asking_.insert(key);
    const Asking asking{this, &key};
    auto reader = co_await Ask(std::move(token), std::move(ns), std::move(job));
    Keep(key, reader);
    co_return reader;
}

void LogAccess::Keep(const std::string& key, const kube::Result<Reader>& reader) {
    const auto now = Clock::now();
    if (known_.size() >= kMostKnown)
        std::erase_if(known_, [&](const auto& one) { return one.second.until < now; });
    if (known_.size() < kMostKnown)
        known_.insert_or_assign(key, Known{reader, now + (reader ? kYesCounts : kNoCounts)});
}

kube::Awaitable<kube::Result<LogAccess::Reader>> LogAccess::Ask(std::string token, std::string ns,
                                                                std::string job) {
    kube::CallOptions options;
    options.bearer = std::move(token);
    options.deadline = std::chrono::seconds(5);
    Reader reader;
    const auto self = co_await users_.Ask(kube::kSelfSubjectReviews, std::string(kWhoAmI), options);
    if (!self) co_return std::unexpected(self.error());
    {
        model::Document document(*self);
        reader.username = document.Root()["status"]["userInfo"]["username"].Text();
        if (!document.error().empty() || reader.username.empty())
            co_return Refuse(500, "InternalError", "The API server does not say who this is.");
    }
    // Before the job, so that a refusal does not tell whether it exists.
    const auto review =
        co_await users_.Ask(kube::kSelfSubjectAccessReviews, MayReadLogs(ns), options);
    if (!review) co_return std::unexpected(review.error());
    bool allowed = false;
    {
        model::Document document(*review);
        allowed = document.Root()["status"]["allowed"].Bool() && document.error().empty();
    }
    if (!allowed)
        co_return Refuse(403, "Forbidden",
                         fmt::format("You may not get pods/log in the namespace {}.", ns));
    const kube::ObjectKey key(std::move(ns), std::move(job));
    const auto object = co_await users_.Get(kDLJobs, key, options);
    if (!object) co_return std::unexpected(object.error());
    // Whatever its spec says.
    model::Document document((*object)->raw);
    const model::Metadata meta = model::ReadMetadata(document.Root()["metadata"]);
    if (!document.error().empty()) co_return Refuse(500, "InternalError", document.error());
    reader.folder = model::JobFolder(meta);
    co_return reader;
}

}  // namespace dlws::agent

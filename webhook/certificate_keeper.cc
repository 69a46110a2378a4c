// SPDX-License-Identifier: Apache-2.0
#include "webhook/certificate_keeper.h"

#include <fmt/format.h>

#include <boost/asio/this_coro.hpp>
#include <boost/json.hpp>

#include "kube/base64.h"
#include "kube/log.h"
#include "kube/wait_list.h"

namespace dlws::webhook {

namespace json = boost::json;
using kube::Awaitable;

namespace {

constexpr std::string_view kLog = "certificates";
constexpr std::chrono::seconds kRetry{1};

// A JSON patch that gives every webhook of a configuration this bundle; empty: it has it already.
std::string BundlePatch(const kube::Object& configuration, const std::string& bundle) {
    const std::string wanted = kube::EncodeBase64(bundle);
    const json::value document = json::parse(configuration.raw);
    json::array patch;
    const json::value* webhooks = document.as_object().if_contains("webhooks");
    for (std::size_t i = 0; webhooks && i < webhooks->as_array().size(); ++i) {
        const json::object& client = webhooks->as_array()[i].at("clientConfig").as_object();
        const json::value* now = client.if_contains("caBundle");
        if (now && now->is_string() && now->as_string() == wanted) continue;
        patch.push_back(json::object{{"op", "add"},
                                     {"path", fmt::format("/webhooks/{}/clientConfig/caBundle", i)},
                                     {"value", wanted}});
    }
    if (patch.empty()) return {};
    // Places in a list mean something in this version of it only.
    patch.insert(patch.begin(),
                 json::object{{"op", "test"},
                              {"path", "/metadata/resourceVersion"},
                              {"value", std::to_string(configuration.meta.resource_version)}});
    return json::serialize(patch);
}

}  // namespace

CertificateKeeper::CertificateKeeper(kube::Api& api, kube::ServerTls& tls, Settings settings)
    : asleep_(api.Executor()), api_(api), tls_(tls), settings_(std::move(settings)) {}

void CertificateKeeper::Wake() {
    asleep_.NotifyAll();
}

Awaitable<void> CertificateKeeper::Run() {
    while (true) {
        const bool good = co_await Look();
        const std::chrono::seconds pause = good ? RereadAfter(settings_.lifetime) : kRetry;
        co_await asleep_.Wait(kube::WaitList::Clock::now() + pause);
        auto cancellation = co_await boost::asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != boost::asio::cancellation_type::none) co_return;
    }
}

Awaitable<bool> CertificateKeeper::Look() {
    kube::ObjectKey key = settings_.secret;
    auto secret = co_await api_.Get(kube::kSecrets, key);
    if (!secret) {
        kube::LogWarning(kLog, "{}", secret.error().message);
        co_return false;
    }
    const Moment now = settings_.now();
    KeptCertificates kept = ReadSecret(secret.value()->raw, settings_.dns_name);
    if (IsDue(kept, now, settings_.lifetime)) {
        const Certificate made = Issue(settings_.dns_name, now, settings_.lifetime);
        std::string patch =
            SecretPatch(kept, made, std::to_string(secret.value()->meta.resource_version));
        auto stored = co_await api_.Patch(kube::kSecrets, std::move(key), kube::PatchType::kMerge,
                                          std::move(patch));
        if (!stored) {  // a conflict: another replica was first
            if (!stored.error().IsConflict()) kube::LogWarning(kLog, "{}", stored.error().message);
            co_return false;
        }
        kube::LogInfo(kLog, "a new certificate for {} was issued", settings_.dns_name);
        kept = ReadSecret(stored.value()->raw, settings_.dns_name);
    }
    // Trusted first, shown second.
    const std::string bundle = Bundle(kept);
    bool trusted = true;
    for (const kube::Resource& configurations :
         {kMutatingConfigurations, kValidatingConfigurations}) {
        const bool done = co_await HaveTrusted(configurations, bundle);
        trusted = trusted && done;
    }
    const Certificate* certificate = ToShow(kept, now, settings_.lifetime);
    const bool shown = certificate && Show(*certificate);
    ready_ = shown && (ready_ || trusted);
    co_return shown&& trusted;
}

Awaitable<bool> CertificateKeeper::HaveTrusted(kube::Resource configurations, std::string bundle) {
    kube::ObjectKey key{"", settings_.configuration};
    auto found = co_await api_.Get(configurations, key);
    if (!found) {
        kube::LogWarning(kLog, "{}", found.error().message);
        co_return false;
    }
    std::string patch = BundlePatch(*found.value(), bundle);
    if (patch.empty()) co_return true;
    auto patched = co_await api_.Patch(configurations, std::move(key), kube::PatchType::kJson,
                                       std::move(patch));
    if (!patched) kube::LogWarning(kLog, "{}", patched.error().message);
    co_return patched.has_value();
}

bool CertificateKeeper::Show(const Certificate& certificate) {
    if (shown_ == certificate.pair.certificate) return true;
    auto used = tls_.Use(certificate.pair.certificate, certificate.pair.key);
    if (!used) {
        kube::LogError(kLog, "{}", used.error().message);
        return false;
    }
    shown_ = certificate.pair.certificate;
    expires_ = certificate.validity.to;
    return true;
}

}  // namespace dlws::webhook

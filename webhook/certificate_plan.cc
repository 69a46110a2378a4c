// SPDX-License-Identifier: Apache-2.0
#include "webhook/certificate_plan.h"

#include <algorithm>
#include <boost/json.hpp>

#include "kube/base64.h"

namespace dlws::webhook {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

// Clocks differ: a certificate holds a little before it is made.
constexpr std::chrono::seconds kBackdated = 300s;

struct Keys {
    std::string_view authority, certificate, key;
};
constexpr Keys kNewer{"ca.crt", "tls.crt", "tls.key"};
constexpr Keys kOlder{"older-ca.crt", "older-tls.crt", "older-tls.key"};

std::string Value(const json::object& data, std::string_view key) {
    const json::value* value = data.if_contains(key);
    if (!value || !value->is_string()) return {};
    return kube::DecodeBase64(std::string_view(value->as_string())).value_or("");
}

std::optional<Certificate> Read(const json::object& data, const Keys& keys,
                                const std::string& name) {
    Certificate found{
        Value(data, keys.authority), {Value(data, keys.certificate), Value(data, keys.key)}, {}};
    const auto validity = kube::ReadPair(found.pair, name);
    if (!validity || found.authority.empty()) return std::nullopt;
    found.validity = *validity;
    return found;
}

void Write(json::object& data, const Keys& keys, const std::optional<Certificate>& certificate) {
    const auto put = [&](std::string_view key, const std::string& value) {
        data[key] = certificate ? json::value(kube::EncodeBase64(value)) : json::value();
    };
    const Certificate& c = certificate ? *certificate : Certificate{};
    put(keys.authority, c.authority);
    put(keys.certificate, c.pair.certificate);
    put(keys.key, c.pair.key);
}

Moment MadeAt(const Certificate& certificate) {
    return certificate.validity.from + kBackdated;
}

}  // namespace

KeptCertificates ReadSecret(std::string_view secret, const std::string& name) {
    boost::system::error_code error;
    const json::value document = json::parse(secret, error);
    const json::object* object = document.if_object();
    const json::value* data = object ? object->if_contains("data") : nullptr;
    if (error || !data || !data->is_object()) return {};
    return {Read(data->as_object(), kNewer, name), Read(data->as_object(), kOlder, name)};
}

std::string SecretPatch(const KeptCertificates& kept, const Certificate& made,
                        std::string_view resource_version) {
    json::object data;
    Write(data, kNewer, made);
    Write(data, kOlder, kept.newer);
    return json::serialize(json::object{{"metadata", {{"resourceVersion", resource_version}}},
                                        {"data", std::move(data)}});
}

Certificate Issue(const std::string& name, Moment now, std::chrono::seconds lifetime) {
    const kube::Validity validity{now - kBackdated, now + lifetime};
    const kube::PemPair authority = kube::MakeAuthority("dlworkspace webhook authority", validity);
    return {authority.certificate,
            kube::IssueCertificate(authority, "dlworkspace webhook", {.names = {name}}, validity),
            validity};
}

std::chrono::seconds Overlap(std::chrono::seconds lifetime) {
    return std::min<std::chrono::seconds>(lifetime / 10, 1h);
}

std::chrono::seconds RereadAfter(std::chrono::seconds lifetime) {
    return std::clamp<std::chrono::seconds>(lifetime / 40, 1s, 60s);
}

bool IsDue(const KeptCertificates& kept, Moment now, std::chrono::seconds lifetime) {
    if (!kept.newer) return true;
    // Its own life, or the one that is wanted by now, if that is shorter.
    const std::chrono::seconds own = kept.newer->validity.to - MadeAt(*kept.newer);
    const auto life = std::min(own, lifetime);
    return now >= MadeAt(*kept.newer) + life * 2 / 3;
}

const Certificate* ToShow(const KeptCertificates& kept, Moment now, std::chrono::seconds lifetime) {
    if (!kept.newer) return kept.older ? &*kept.older : nullptr;
    const bool fresh = now < MadeAt(*kept.newer) + Overlap(lifetime);
    // Until whoever shows it has looked again.
    const bool older_holds =
        kept.older && now + 2 * RereadAfter(lifetime) < kept.older->validity.to;
    return fresh && older_holds ? &*kept.older : &*kept.newer;
}

std::string Bundle(const KeptCertificates& kept) {
    std::string bundle;
    for (const auto* certificate : {&kept.newer, &kept.older})
        if (*certificate) bundle += (*certificate)->authority;
    return bundle;
}

}  // namespace dlws::webhook

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/jwks.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <boost/json.hpp>

#include "kube/base64.h"
#include "portal/server/session/crypto.h"

namespace dlws::portal {

namespace json = boost::json;

namespace {

using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)>;
using Parameters = std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)>;
using Context = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;

std::string Text(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::string Bytes(const json::object& object, std::string_view name) {
    return kube::DecodeBase64Url(Text(object, name)).value_or("");
}

Number NumberOf(const std::string& bytes) {
    return {BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                      static_cast<int>(bytes.size()), nullptr),
            &BN_free};
}

// Null where the numbers make no key.
std::shared_ptr<EVP_PKEY> Make(const char* type, OSSL_PARAM_BLD* builder) {
    const Parameters parameters(OSSL_PARAM_BLD_to_param(builder), &OSSL_PARAM_free);
    const Context context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr), &EVP_PKEY_CTX_free);
    EVP_PKEY* key = nullptr;
    if (parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1)
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get());
    ERR_clear_error();
    return {key, &EVP_PKEY_free};
}

std::shared_ptr<EVP_PKEY> RsaKey(const json::object& jwk) {
    const Number modulus = NumberOf(Bytes(jwk, "n")), exponent = NumberOf(Bytes(jwk, "e"));
    const int bits = BN_num_bits(modulus.get());
    if (bits < 2048 || bits > 8192) return nullptr;
    // A small odd exponent, as all have: a huge one makes each check slow.
    if (BN_num_bits(exponent.get()) < 2 || BN_num_bits(exponent.get()) > 32) return nullptr;
    if (!BN_is_odd(exponent.get())) return nullptr;
    const Builder builder(OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free);
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
    return Make("RSA", builder.get());
}

std::shared_ptr<EVP_PKEY> CurveKey(const json::object& jwk, const char* group, std::size_t size) {
    const std::string x = Bytes(jwk, "x"), y = Bytes(jwk, "y");
    if (x.size() != size || y.size() != size) return nullptr;
    const std::string point = "\x04" + x + y;  // uncompressed, SEC 1 (2.3.3)
    const Builder builder(OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free);
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                     point.size());
    return Make("EC", builder.get());
}

bool IsForSignatures(const json::object& jwk) {
    const std::string use = Text(jwk, "use");
    if (!use.empty() && use != "sig") return false;
    const json::value* operations = jwk.if_contains("key_ops");
    if (!operations) return true;
    if (!operations->is_array()) return false;
    const json::array& list = operations->as_array();
    return std::find(list.begin(), list.end(), json::value("verify")) != list.end();
}

// One without a key where it is none that we take.
Jwk Read(const json::object& object) {
    Jwk jwk;
    jwk.kid = Text(object, "kid");
    jwk.alg = Text(object, "alg");
    const std::string type = Text(object, "kty"), curve = Text(object, "crv");
    if (!IsForSignatures(object)) return jwk;
    if (type == "RSA") {
        jwk.kind = KeyKind::kRsa;
        jwk.key = RsaKey(object);
    } else if (type == "EC" && curve == "P-256") {
        jwk.kind = KeyKind::kP256;
        jwk.key = CurveKey(object, "P-256", 32);
    } else if (type == "EC" && curve == "P-384") {
        jwk.kind = KeyKind::kP384;
        jwk.key = CurveKey(object, "P-384", 48);
    }
    return jwk;
}

}  // namespace

std::expected<std::vector<Jwk>, std::string> ParseJwks(std::string_view text) {
    if (text.size() > kMaxJwks)
        return std::unexpected(fmt::format("the provider's keys are over {} bytes", kMaxJwks));
    json::error_code error;
    const json::value document = json::parse(text, error);
    const json::value* list =
        error || !document.is_object() ? nullptr : document.as_object().if_contains("keys");
    if (!list || !list->is_array())
        return std::unexpected("the provider's keys (jwks_uri) are no JWK set");
    if (list->as_array().size() > kMaxKeys)
        return std::unexpected(fmt::format("the provider has over {} keys", kMaxKeys));
    std::vector<Jwk> keys;
    for (const json::value& each : list->as_array()) {
        if (!each.is_object()) continue;
        if (Jwk jwk = Read(each.as_object()); jwk.key) keys.push_back(std::move(jwk));
    }
    if (keys.empty())
        return std::unexpected(
            "the provider has no key for signatures that the portal knows: RSA of at least 2,048 "
            "bits, P-256 or P-384");
    return keys;
}

}  // namespace dlws::portal

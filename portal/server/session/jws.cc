// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/jws.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <boost/json.hpp>
#include <memory>
#include <optional>

#include "kube/base64.h"
#include "portal/server/session/crypto.h"

namespace dlws::portal {

namespace json = boost::json;

namespace {

using Digest = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using Signature = std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)>;

// RFC 7518, 3.1.
struct Algorithm {
    std::string_view name;
    KeyKind kind;
    const EVP_MD* (*hash)();
    bool pss;
    std::size_t half;  // of an ECDSA signature: bytes of r, and of s
};
constexpr Algorithm kAlgorithms[] = {{"RS256", KeyKind::kRsa, &EVP_sha256, false, 0},
                                     {"PS256", KeyKind::kRsa, &EVP_sha256, true, 0},
                                     {"ES256", KeyKind::kP256, &EVP_sha256, false, 32},
                                     {"ES384", KeyKind::kP384, &EVP_sha384, false, 48}};

const Algorithm* Find(std::string_view name) {
    for (const Algorithm& algorithm : kAlgorithms)
        if (algorithm.name == name) return &algorithm;
    return nullptr;
}

struct Header {
    std::string alg, kid;
};

std::optional<Header> ReadHeader(std::string_view encoded) {
    const auto text = kube::DecodeBase64Url(encoded);
    if (!text) return std::nullopt;
    json::error_code error;
    const json::value document = json::parse(*text, error);
    if (error || !document.is_object()) return std::nullopt;
    const json::object& object = document.as_object();
    if (object.contains("crit")) return std::nullopt;
    Header header;
    for (const auto& [name, value] : object) {
        if (name == "alg" && value.is_string()) header.alg = value.as_string();
        if (name == "kid" && value.is_string()) header.kid = value.as_string();
    }
    return header;
}

// JOSE writes r and s one behind the other, OpenSSL wants them in DER. Empty: no signature.
std::string Der(std::string_view signature, std::size_t half) {
    if (signature.size() != 2 * half) return "";
    const auto* bytes = reinterpret_cast<const unsigned char*>(signature.data());
    const int size = static_cast<int>(half);
    const Signature pair(ECDSA_SIG_new(), &ECDSA_SIG_free);
    BIGNUM* r = BN_bin2bn(bytes, size, nullptr);
    BIGNUM* s = BN_bin2bn(bytes + half, size, nullptr);
    if (!pair || ECDSA_SIG_set0(pair.get(), r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return "";
    }
    unsigned char* encoded = nullptr;
    const int length = i2d_ECDSA_SIG(pair.get(), &encoded);
    std::string der(reinterpret_cast<char*>(encoded), static_cast<std::size_t>(length));
    OPENSSL_free(encoded);
    return der;
}

bool Verify(const Algorithm& algorithm, EVP_PKEY* key, std::string_view text,
            std::string_view signature) {
    const Digest digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    EVP_PKEY_CTX* context = nullptr;  // the digest's
    bool ok =
        digest && EVP_DigestVerifyInit(digest.get(), &context, algorithm.hash(), nullptr, key) == 1;
    if (ok && algorithm.pss)
        ok = EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
    const std::string der = algorithm.half > 0 ? Der(signature, algorithm.half) : "";
    const std::string_view given = algorithm.half > 0 ? std::string_view(der) : signature;
    ok = ok && !given.empty() &&
         EVP_DigestVerify(digest.get(), reinterpret_cast<const unsigned char*>(given.data()),
                          given.size(), reinterpret_cast<const unsigned char*>(text.data()),
                          text.size()) == 1;
    ERR_clear_error();
    return ok;
}

std::unexpected<JwsError> Wrong(std::string message, bool unknown_key = false) {
    return std::unexpected(JwsError{unknown_key, std::move(message)});
}

}  // namespace

std::expected<std::string, JwsError> VerifyJws(std::string_view token,
                                               const std::vector<Jwk>& keys) {
    const std::size_t first = token.find('.');
    const std::size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
    if (token.size() > kMaxToken || second == token.npos ||
        token.find('.', second + 1) != token.npos)
        return Wrong("the token is no signed JSON web token");
    const auto header = ReadHeader(token.substr(0, first));
    const auto payload = kube::DecodeBase64Url(token.substr(first + 1, second - first - 1));
    const auto signature = kube::DecodeBase64Url(token.substr(second + 1));
    if (!header || !payload || !signature)
        return Wrong("the token is no signed JSON web token that the portal can read");
    const Algorithm* algorithm = Find(header->alg);
    if (!algorithm)
        return Wrong(fmt::format(
            "the token is signed by \"{:.16}\"; have the provider use RS256, PS256, ES256 or ES384",
            header->alg));
    bool any = false;
    for (const Jwk& jwk : keys) {
        if (!header->kid.empty() && jwk.kid != header->kid) continue;
        if (jwk.kind != algorithm->kind || (!jwk.alg.empty() && jwk.alg != header->alg)) continue;
        any = true;
        if (Verify(*algorithm, jwk.key.get(), token.substr(0, second), *signature)) return *payload;
    }
    if (!any) return Wrong("the provider has no key of that name for the token's signature", true);
    // Without a name any key could be meant, a new one too.
    return Wrong("the token's signature is not the provider's", header->kid.empty());
}

}  // namespace dlws::portal

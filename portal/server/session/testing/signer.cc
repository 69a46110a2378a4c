// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/testing/signer.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "kube/base64.h"
#include "portal/server/session/crypto.h"

namespace dlws::portal::testing {

namespace {

std::size_t HalfOf(std::string_view alg) {
    return alg == "ES384" ? 48 : 32;
}

std::string NumberOf(EVP_PKEY* key, const char* name, std::size_t size = 0) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key, name, &number);
    std::string bytes(size > 0 ? size : static_cast<std::size_t>(BN_num_bytes(number)), '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
                 static_cast<int>(bytes.size()));
    BN_free(number);
    return kube::EncodeBase64Url(bytes);
}

// r and s, each filled up to `half` bytes.
std::string Joined(const std::string& der, std::size_t half) {
    const auto* begin = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(der.size()));
    std::string joined(2 * half, '\0');
    auto* out = reinterpret_cast<unsigned char*>(joined.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, static_cast<int>(half));
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + half, static_cast<int>(half));
    ECDSA_SIG_free(pair);
    return joined;
}

}  // namespace

Signer::Signer(std::string alg, std::string kid)
    : alg_(std::move(alg)),
      kid_(std::move(kid)),
      key_(alg_ == "ES256"   ? EVP_EC_gen("P-256")
           : alg_ == "ES384" ? EVP_EC_gen("P-384")
                             : EVP_RSA_gen(2048),
           &EVP_PKEY_free) {}

std::string Signer::Signature(std::string_view text) const {
    EVP_MD_CTX* digest = EVP_MD_CTX_new();
    EVP_PKEY_CTX* context = nullptr;
    EVP_DigestSignInit(digest, &context, alg_ == "ES384" ? EVP_sha384() : EVP_sha256(), nullptr,
                       key_.get());
    if (alg_ == "PS256") {
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST);
    }
    const auto* data = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    EVP_DigestSign(digest, nullptr, &size, data, text.size());
    std::string signature(size, '\0');
    EVP_DigestSign(digest, reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                   text.size());
    EVP_MD_CTX_free(digest);
    signature.resize(size);
    return alg_.starts_with("ES") ? Joined(signature, HalfOf(alg_)) : signature;
}

std::string Signer::Sign(std::string_view payload, std::string header) const {
    if (header.empty()) header = fmt::format(R"({{"alg":"{}","kid":"{}"}})", alg_, kid_);
    const std::string input = SigningInput(header, payload);
    return input + "." + kube::EncodeBase64Url(Signature(input));
}

std::string Signer::Jwk(std::string_view more) const {
    std::string numbers;
    if (alg_.starts_with("ES"))
        numbers = fmt::format(R"("kty":"EC","crv":"{}","x":"{}","y":"{}")",
                              alg_ == "ES384" ? "P-384" : "P-256",
                              NumberOf(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, HalfOf(alg_)),
                              NumberOf(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, HalfOf(alg_)));
    else
        numbers = fmt::format(R"("kty":"RSA","n":"{}","e":"{}")",
                              NumberOf(key_.get(), OSSL_PKEY_PARAM_RSA_N),
                              NumberOf(key_.get(), OSSL_PKEY_PARAM_RSA_E));
    return fmt::format(R"({{"kid":"{}",{}{}{}}})", kid_, numbers, more.empty() ? "" : ",", more);
}

std::string Signer::PublicPem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key_.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string pem(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return pem;
}

std::string SigningInput(std::string_view header, std::string_view payload) {
    return kube::EncodeBase64Url(header) + "." + kube::EncodeBase64Url(payload);
}

}  // namespace dlws::portal::testing

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/crypto.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <memory>
#include <stdexcept>

namespace dlws::portal {

namespace {

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;
using Kdf = std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)>;

void Check(bool ok, const char* what) {
    if (ok) return;
    ERR_clear_error();
    throw std::runtime_error(std::string("OpenSSL could not ") + what);
}

unsigned char* Bytes(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* Bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
int Length(std::string_view text) {
    return static_cast<int>(text.size());
}

}  // namespace

std::string RandomBytes(std::size_t count) {
    std::string bytes(count, '\0');
    Check(RAND_bytes(Bytes(bytes), static_cast<int>(count)) == 1, "draw random bytes");
    return bytes;
}

std::string HexOf(std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        text += kDigits[value >> 4];
        text += kDigits[value & 15];
    }
    return text;
}

std::string Sha256(std::string_view bytes) {
    std::string digest(32, '\0');
    Check(
        EVP_Digest(bytes.data(), bytes.size(), Bytes(digest), nullptr, EVP_sha256(), nullptr) == 1,
        "compute SHA-256");
    return digest;
}

std::string HmacSha256(const Secret& key, std::string_view bytes) {
    std::string digest(32, '\0');
    const std::string& secret = key.Reveal();
    Check(HMAC(EVP_sha256(), secret.data(), Length(secret), Bytes(bytes), bytes.size(),
               Bytes(digest), nullptr) != nullptr,
          "compute an HMAC");
    return digest;
}

Secret Hkdf(const Secret& key, std::string_view salt, std::string_view info) {
    const Kdf kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr), &EVP_KDF_free);
    const KdfContext context(EVP_KDF_CTX_new(kdf.get()), &EVP_KDF_CTX_free);
    Check(context != nullptr, "find HKDF");
    char digest[] = "SHA256";
    const auto octets = [](const char* name, std::string_view value) {
        // The parameter is read only; OpenSSL's type does not say so.
        return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(value.data()),
                                                 value.size());
    };
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        octets(OSSL_KDF_PARAM_KEY, key.Reveal()), octets(OSSL_KDF_PARAM_SALT, salt),
        octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
    std::string derived(32, '\0');
    Check(EVP_KDF_derive(context.get(), Bytes(derived), derived.size(), parameters) == 1,
          "derive a key");
    return Secret(std::move(derived));
}

bool SameBytes(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string Encrypt(const Secret& key, std::string_view plain, std::string_view additional) {
    const Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    Check(cipher != nullptr && key.Reveal().size() == 32, "make a cipher");
    const std::string nonce = RandomBytes(kNonceBytes);
    std::string text(plain.size(), '\0'), tag(kTagBytes, '\0');
    int length = 0;
    const bool ok =
        EVP_EncryptInit_ex2(cipher.get(), EVP_aes_256_gcm(), Bytes(key.Reveal()), Bytes(nonce),
                            nullptr) == 1 &&
        EVP_EncryptUpdate(cipher.get(), nullptr, &length, Bytes(additional), Length(additional)) ==
            1 &&
        EVP_EncryptUpdate(cipher.get(), Bytes(text), &length, Bytes(plain), Length(plain)) == 1 &&
        EVP_EncryptFinal_ex(cipher.get(), Bytes(text) + length, &length) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag.data()) == 1;
    Check(ok, "encrypt");
    return nonce + text + tag;
}

std::optional<Secret> Decrypt(const Secret& key, std::string_view sealed,
                              std::string_view additional) {
    if (sealed.size() < kNonceBytes + kTagBytes) return std::nullopt;
    const Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    Check(cipher != nullptr && key.Reveal().size() == 32, "make a cipher");
    const std::string_view nonce = sealed.substr(0, kNonceBytes);
    const std::string_view text =
        sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
    std::string tag(sealed.substr(sealed.size() - kTagBytes));
    std::string plain(text.size(), '\0');
    int length = 0;
    const bool ok =
        EVP_DecryptInit_ex2(cipher.get(), EVP_aes_256_gcm(), Bytes(key.Reveal()), Bytes(nonce),
                            nullptr) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
        EVP_DecryptUpdate(cipher.get(), nullptr, &length, Bytes(additional), Length(additional)) ==
            1 &&
        EVP_DecryptUpdate(cipher.get(), Bytes(plain), &length, Bytes(text), Length(text)) == 1 &&
        EVP_DecryptFinal_ex(cipher.get(), Bytes(plain) + length, &length) == 1;
    Secret revealed(std::move(plain));  // wiped also where the tag did not fit
    ERR_clear_error();
    if (!ok) return std::nullopt;
    return revealed;
}

}  // namespace dlws::portal

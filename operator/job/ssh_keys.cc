// SPDX-License-Identifier: Apache-2.0
#include "operator/job/ssh_keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstdint>
#include <memory>
#include <string_view>

namespace dlws::job {

namespace {

constexpr std::string_view kType = "ssh-ed25519";

std::string Number(std::uint32_t n) {
    return {char(n >> 24), char(n >> 16), char(n >> 8), char(n)};
}

// A string as the ssh protocol writes it (RFC 4251): its length, then its bytes.
std::string Field(std::string_view bytes) {
    return Number(std::uint32_t(bytes.size())) + std::string(bytes);
}

std::string Base64(std::string_view bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), int(bytes.size()));
    text.resize(std::size_t(size));
    return text;
}

}  // namespace

std::expected<SshKeys, std::string> SshKeysFromSeed(const std::array<unsigned char, 32>& seed) {
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()),
        EVP_PKEY_free);
    std::string point(32, '\0');
    std::size_t size = point.size();
    if (!key || EVP_PKEY_get_raw_public_key(
                    key.get(), reinterpret_cast<unsigned char*>(point.data()), &size) != 1)
        return std::unexpected("OpenSSL makes no Ed25519 key here");

    const std::string public_blob = Field(kType) + Field(point);
    const std::string secret(reinterpret_cast<const char*>(seed.data()), seed.size());
    // Twice the same number: by it a reader sees whether a passphrase was right. There is none.
    std::string list = Number(0) + Number(0) + Field(kType) + Field(point) + Field(secret + point) +
                       Field("dlworkspace");
    for (char pad = 1; list.size() % 8 != 0; ++pad)
        list += pad;
    using namespace std::string_literals;
    const std::string file = "openssh-key-v1\0"s + Field("none") + Field("none") + Field("") +
                             Number(1) + Field(public_blob) + Field(list);
    const std::string text = Base64(file);

    SshKeys keys;
    keys.public_key = std::string(kType) + " " + Base64(public_blob);
    keys.private_key = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
    for (std::size_t at = 0; at < text.size(); at += 70)
        keys.private_key += text.substr(at, 70) + "\n";
    keys.private_key += "-----END OPENSSH PRIVATE KEY-----\n";
    return keys;
}

std::expected<SshKeys, std::string> MakeSshKeys() {
    std::array<unsigned char, 32> seed;
    if (RAND_priv_bytes(seed.data(), int(seed.size())) != 1)
        return std::unexpected("OpenSSL has no randomness");
    auto keys = SshKeysFromSeed(seed);
    OPENSSL_cleanse(seed.data(), seed.size());
    return keys;
}

}  // namespace dlws::job

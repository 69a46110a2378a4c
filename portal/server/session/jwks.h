// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/evp.h>

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dlws::portal {

enum class KeyKind { kRsa, kP256, kP384 };

/// A provider's public key for signatures (RFC 7517). A plain value; the key itself is shared.
struct Jwk {
    std::string kid;  ///< may be empty
    std::string alg;  ///< the one it is for; empty: any that fits its kind
    KeyKind kind = KeyKind::kRsa;
    std::shared_ptr<EVP_PKEY> key;
};

inline constexpr std::size_t kMaxJwks = 256 * 1024;
inline constexpr std::size_t kMaxKeys = 64;

/// The keys of a JWK set that can verify: RSA of 2,048 to 8,192 bits, P-256, P-384, for signatures.
/// Others are left out, as RFC 7517 (5) asks: encryption keys, symmetric keys, what cannot be read.
/// The error says what is wrong with the whole.
std::expected<std::vector<Jwk>, std::string> ParseJwks(std::string_view text);

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "portal/server/session/secret.h"

/// @file
/// The few primitives that sessions are made of, by OpenSSL's EVP. Each throws std::runtime_error
/// where OpenSSL itself fails (no memory, no entropy). Any thread.

namespace dlws::portal {

/// From the system's generator.
std::string RandomBytes(std::size_t count);
std::string HexOf(std::string_view bytes);

std::string Sha256(std::string_view bytes);
std::string HmacSha256(const Secret& key, std::string_view bytes);
/// HKDF with SHA-256 (RFC 5869): 32 bytes.
Secret Hkdf(const Secret& key, std::string_view salt, std::string_view info);

/// Compares in a time that depends on the lengths alone.
bool SameBytes(std::string_view a, std::string_view b);

inline constexpr std::size_t kNonceBytes = 12;
inline constexpr std::size_t kTagBytes = 16;

/// AES-256-GCM (NIST SP 800-38D): nonce, ciphertext, tag. The nonce is drawn anew in each call.
std::string Encrypt(const Secret& key, std::string_view plain, std::string_view additional);
/// Nothing where any bit of `sealed`, key or `additional` is another.
std::optional<Secret> Decrypt(const Secret& key, std::string_view sealed,
                              std::string_view additional);

}  // namespace dlws::portal

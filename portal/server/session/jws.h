// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "portal/server/session/jwks.h"

namespace dlws::portal {

inline constexpr std::size_t kMaxToken = 16 * 1024;

struct JwsError {
    bool unknown_key = false;  ///< no key of that name: the provider may have made new ones
    std::string message;       ///< for people; nothing of the token but names of its header
};

/// The payload of a signed token in compact form (RFC 7515), if one of `keys` signed it by RS256,
/// PS256, ES256 or ES384. The algorithm must be one of the key's kind, and the key's own `alg`
/// where it has one; `none`, HS256 and all others are refused before a signature is looked at, so a
/// public key never serves as a secret (RFC 8725, 3.1). `crit` is refused: we know no extension.
std::expected<std::string, JwsError> VerifyJws(std::string_view token,
                                               const std::vector<Jwk>& keys);

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "portal/server/credential.h"
#include "portal/server/session/secret.h"

/// @file
/// What a browser, or the command line, holds of a session (RFC 6265bis). Pure.

namespace dlws::portal {

inline constexpr std::string_view kLoginCookie = "__Host-dlws-login";
inline constexpr std::chrono::minutes kLoginLifetime{10};

/// Names a session and opens its record: `ID.KEY`.
struct SessionKey {
    SessionKey() {}
    SessionKey(std::string id, Secret key) : id(std::move(id)), key(std::move(key)) {}
    std::string id;  ///< 128 random bits as 32 hex digits: the name of its Secret
    Secret key;      ///< 32 random bytes, which no server keeps
};

SessionKey NewSessionKey();
/// "ID.KEY"; KEY in base64url.
std::string Format(const SessionKey& key);
/// Nothing where it is not exactly what Format writes.
std::optional<SessionKey> ParseSessionKey(std::string_view text);

/// Values of Set-Cookie. The session's goes with no request that another site begins.
std::string SetSessionCookie(const SessionKey& key, std::chrono::seconds lifetime);
std::string ClearSessionCookie();

/// What must be the same when the provider sends the browser back. Nothing in it is secret from
/// that browser, and no other site can set it (__Host-), so it is not signed.
struct LoginAttempt {
    LoginAttempt() {}
    std::string state, nonce, verifier;  ///< base64url of 32 random bytes each
    std::string return_to = "/";
    std::uint16_t cli_port = 0;  ///< of `dlws login`; 0: none
    std::string cli_challenge;
};
LoginAttempt NewLoginAttempt(std::string return_to);
std::string SetLoginCookie(const LoginAttempt& attempt);
std::string ClearLoginCookie();
std::optional<LoginAttempt> ParseLoginAttempt(std::string_view cookie);

/// Where to go after the login: `wanted` when it is a path of this origin, else "/". A browser
/// reads `//host` and `/\host` as another host, and drops tabs and line ends before it looks.
std::string SafeReturn(std::string_view wanted);

}  // namespace dlws::portal

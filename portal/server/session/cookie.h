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
inline constexpr std::string_view kCliCookie = "__Host-dlws-cli";
inline constexpr std::chrono::minutes kLoginLifetime{10};

/// What a key is for. It opens the record that was made for that, and no other: what is in a cookie
/// is no bearer, and a bearer is nothing in a cookie.
enum class SessionKind {
    kBrowser,  ///< a session, in the cookie __Host-dlws
    kCli,      ///< a session of `dlws login`, in Authorization
    kCliCode,  ///< a login that `dlws login` waits for (cli_login.h): first a cookie, then a code
};

/// Names a session and opens its record: `ID.KEY`.
struct SessionKey {
    SessionKey() {}
    SessionKey(std::string id, Secret key, SessionKind kind = SessionKind::kBrowser)
        : id(std::move(id)), key(std::move(key)), kind(kind) {}
    std::string id;  ///< 128 random bits as 32 hex digits: the name of its Secret
    Secret key;      ///< 32 random bytes, which no server keeps
    SessionKind kind = SessionKind::kBrowser;
};

SessionKey NewSessionKey(SessionKind kind = SessionKind::kBrowser);
/// "ID.KEY"; KEY in base64url. Its kind is told by where it is found.
std::string Format(const SessionKey& key);
/// Nothing where it is not exactly what Format writes.
std::optional<SessionKey> ParseSessionKey(std::string_view text, SessionKind kind);

/// Values of Set-Cookie. The session's goes with no request that another site begins.
std::string SetSessionCookie(const SessionKey& key, std::chrono::seconds lifetime);
std::string ClearSessionCookie();
/// The same of a login that `dlws login` waits for; it lives as long as that waits.
std::string SetCliCookie(const SessionKey& key);
std::string ClearCliCookie();

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

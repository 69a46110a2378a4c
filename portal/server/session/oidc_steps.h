// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "kube/http_message.h"
#include "portal/server/session/cookie.h"
#include "portal/server/session/record.h"

/// @file
/// OpenID Connect's code flow (OpenID Connect Core 1.0, RFC 6749, 7636, 9207), apart from its
/// network: what to ask, and whether what came back is an answer to it. Pure. Errors are sentences
/// for people that hold no token and no code.

namespace dlws::portal {

template <typename T>
using Checked = std::expected<T, std::string>;

/// What the administrator tells us.
struct OidcClient {
    std::string issuer;  ///< exactly as the API server has it; https
    std::string client_id;
    Secret client_secret;  ///< empty: a public client, which PKCE protects
    std::vector<std::string> scopes{"profile", "email", "groups"};  ///< besides openid
    std::string redirect_uri;
};

/// What the provider says of itself (OpenID Connect Discovery 1.0).
struct Discovery {
    std::string issuer, authorization_endpoint, token_endpoint, jwks_uri;
    std::string end_session_endpoint;  ///< may be empty
    bool offers_offline = false;       ///< the scope offline_access
    bool names_itself = false;         ///< `iss` in its answers (RFC 9207): then it must be there
    bool takes_basic = true;           ///< client_secret_basic; else client_secret_post
};

inline constexpr std::size_t kMaxDiscovery = 64 * 1024;
inline constexpr std::chrono::seconds kClockSkew{60};
/// A token that was made so long ago was not made for this login.
inline constexpr std::chrono::minutes kMaxTokenAge{10};

std::string DiscoveryUrl(std::string_view issuer);
/// All endpoints must be https, without user, password or fragment; the issuer must be the one that
/// was asked.
Checked<Discovery> ParseDiscovery(std::string_view text, std::string_view issuer);

std::string AuthorizationUrl(const Discovery& discovery, const OidcClient& client,
                             const LoginAttempt& attempt);

/// What the provider put into the address it sent the browser to.
struct Callback {
    std::string code, state, iss, error, error_description;
};
/// The code. Refused: another state than this browser's, another provider's answer.
Checked<std::string> CheckCallback(const Callback& callback, const LoginAttempt& attempt,
                                   const Discovery& discovery);

/// A POST to the token endpoint.
struct TokenRequest {
    std::string form;         ///< application/x-www-form-urlencoded
    kube::HttpFields fields;  ///< Authorization, for a client with a secret
};
TokenRequest CodeRequest(const Discovery& discovery, const OidcClient& client,
                         std::string_view code, std::string_view verifier);
TokenRequest RefreshRequest(const Discovery& discovery, const OidcClient& client,
                            const Secret& refresh_token);

/// The token endpoint's answer.
struct Tokens {
    Secret id_token, refresh_token;  ///< the second may be empty
};
struct TokenRefusal {
    std::string message;
    bool final = false;  ///< the same will not work later: invalid_grant and its like
};
std::expected<Tokens, TokenRefusal> ParseTokens(int status, std::string_view body);

struct Claims {
    std::string subject;
    Seconds issued{}, ends{};
};
/// What an ID token must say (OpenID Connect Core 1.0, 3.1.3.7 and 12.2). `payload`: verified.
struct Expected {
    std::string issuer, client_id;
    std::string nonce;    ///< of the login; empty: a renewal, which need not have one
    std::string subject;  ///< of a renewal: the same as at login
    Seconds now{};
};
Checked<Claims> CheckIdToken(std::string_view payload, const Expected& expected);

/// Where the browser ends its session at the provider; empty where it has no such address. Without
/// id_token_hint: addresses are kept by browsers and proxies, and the API server takes an ID token
/// until its end. The provider asks instead (OpenID Connect RP-Initiated Logout 1.0, 2).
std::string EndSessionUrl(const Discovery& discovery, const OidcClient& client,
                          std::string_view return_to);

}  // namespace dlws::portal

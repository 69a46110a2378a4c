// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kube/http_message.h"
#include "portal/server/session/cookie.h"

/// @file
/// What keeps other sites from using a session: rules over a request's fields, and the token that
/// only our own pages can read. Pure.

namespace dlws::portal {

/// HMAC-SHA256(HKDF(KEY, salt ID, info "dlws csrf 1"), ID), in base64url: what GetSession gives and
/// `X-CSRF-Token` must bring.
std::string CsrfToken(const SessionKey& key);

/// The origin of the portal's own address, as a browser writes it: scheme and host in lower case,
/// without the port 443. Nothing where `url` is no https address: without TLS no browser keeps a
/// `__Host-` cookie.
std::optional<std::string> OriginOf(std::string_view url);

/// Each says why a request is refused (403), in words for people; empty: it is not.
/// Writes that have no session yet: no other site causes them (IsCrossSite()), and they come from
/// our own pages by `Origin` (RFC 6454).
std::string WhyNotOwnOrigin(const kube::HttpFields& fields, std::string_view own_origin);
/// Writes with a session cookie: all of it.
std::string WhyForged(const kube::HttpFields& fields, std::string_view own_origin,
                      const SessionKey& key);

}  // namespace dlws::portal

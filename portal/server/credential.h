// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "kube/http_message.h"
#include "portal/server/problem.h"

/// @file
/// What a request brings to say who calls. Pure.

namespace dlws::portal {

inline constexpr std::string_view kSessionCookie = "__Host-dlws";
inline constexpr std::string_view kBearerPrefix = "dlws1.";

/// The value of a cookie in the `Cookie` fields of a request (RFC 6265, 4.2). Nothing when it is
/// not there, and when it is there twice: which of two is ours nobody can say.
std::optional<std::string> FindCookie(const kube::HttpFields& fields, std::string_view name);

struct Credential {
    enum Kind {
        kNone,
        kToken,    ///< of the API server's, which goes there as it is
        kSession,  ///< ID.KEY
    };
    Kind kind = kNone;
    std::string text = {};
    /// A session's, and in a cookie: so a write needs what a page of another site cannot send.
    bool browser = false;
};

/// `sessions` false: there are none, so no cookie says anything and any bearer is the API server's.
/// 400 for two of them, or one that is none.
std::expected<Credential, Problem> CredentialOf(const kube::HttpRequest& request, bool sessions);

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/credential.h"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <cctype>

namespace dlws::portal {
namespace {

constexpr std::size_t kMaxToken = 8'192;

std::string_view Trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

// b64token of RFC 6750, 2.1.
bool IsToken(std::string_view token) {
    return !token.empty() && token.size() <= kMaxToken && std::ranges::all_of(token, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) ||
               std::string_view("-._~+/=").find(c) != std::string_view::npos;
    });
}

}  // namespace

std::optional<std::string> FindCookie(const kube::HttpFields& fields, std::string_view name) {
    std::optional<std::string> found;
    for (const auto& [field, value] : fields) {
        if (!boost::algorithm::iequals(field, "cookie")) continue;
        std::string_view rest = value;
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find(';'), rest.size());
            const std::string_view pair = Trimmed(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
            const std::size_t equals = pair.find('=');
            if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
            if (found) return std::nullopt;
            found = std::string(pair.substr(equals + 1));
        }
    }
    return found;
}

std::expected<Credential, Problem> CredentialOf(const kube::HttpRequest& request, bool sessions) {
    const std::string_view authorization = request.Field("Authorization");
    const std::string cookie = FindCookie(request.fields, kSessionCookie).value_or("");
    if (!authorization.empty() && !cookie.empty())
        return std::unexpected(BadRequest("header.Authorization",
                                          "and the session cookie are two logins; send one of "
                                          "them"));
    if (authorization.empty()) {
        if (cookie.empty() || !sessions) return Credential{};
        return Credential{Credential::kSession, cookie, true};
    }
    constexpr std::string_view kScheme = "bearer ";
    const std::string_view token =
        authorization.substr(std::min(kScheme.size(), authorization.size()));
    if (!boost::algorithm::istarts_with(authorization, kScheme) || !IsToken(token))
        return std::unexpected(BadRequest("header.Authorization", "must be `Bearer TOKEN`"));
    if (sessions && token.starts_with(kBearerPrefix))
        return Credential{Credential::kSession, std::string(token.substr(kBearerPrefix.size())),
                          false};
    return Credential{Credential::kToken, std::string(token), false};
}

}  // namespace dlws::portal

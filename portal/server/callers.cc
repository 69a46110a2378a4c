// SPDX-License-Identifier: Apache-2.0
#include "portal/server/callers.h"

#include <algorithm>
#include <cctype>

namespace dlws::portal {
namespace {

constexpr std::string_view kCookie = "__Host-dlws";
constexpr std::string_view kSessionToken = "dlws1.";
constexpr std::size_t kMaxToken = 8'192;

// b64token of RFC 6750, 2.1.
bool IsToken(std::string_view token) {
    return !token.empty() && token.size() <= kMaxToken && std::ranges::all_of(token, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) ||
               std::string_view("-._~+/=").find(c) != std::string_view::npos;
    });
}

// The value of our cookie (RFC 6265, 4.2); empty: there is none.
std::string_view CookieOf(const kube::HttpRequest& request) {
    std::string_view rest = request.Field("Cookie");
    while (!rest.empty()) {
        std::string_view pair = rest.substr(0, rest.find(';'));
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
        while (pair.starts_with(' '))
            pair.remove_prefix(1);
        if (pair.starts_with(kCookie) && pair.substr(kCookie.size()).starts_with('='))
            return pair.substr(kCookie.size() + 1);
    }
    return {};
}

}  // namespace

kube::Awaitable<std::expected<Caller, Problem>> Callers::Of(
    const kube::HttpRequest& request) const {
    const std::string_view authorization = request.Field("Authorization");
    const std::string_view cookie = CookieOf(request);
    if (!authorization.empty() && !cookie.empty())
        co_return std::unexpected(BadRequest(
            "header.Authorization", "and the session cookie are two logins; send one of them"));
    if (authorization.empty() && (cookie.empty() || !open_session_))
        co_return std::unexpected(Problem(401, "LoginRequired", "You are not logged in",
                                          "Log in, or send Authorization: Bearer with a token of "
                                          "the API server's."));
    Caller caller;
    std::string credential(cookie);
    if (!authorization.empty()) {
        const std::string_view token =
            authorization.substr(std::min<std::size_t>(7, authorization.size()));
        std::string scheme(authorization.substr(0, 7));
        std::ranges::transform(scheme, scheme.begin(),
                               [](unsigned char c) { return std::tolower(c); });
        if (scheme != "bearer " || !IsToken(token))
            co_return std::unexpected(BadRequest("header.Authorization", "must be `Bearer TOKEN`"));
        if (token.starts_with(kSessionToken) && open_session_)
            credential = token.substr(kSessionToken.size());
        else
            caller.token = token;
    }
    if (caller.token.empty()) {
        auto opened = co_await open_session_(credential, request, authorization.empty());
        if (!opened) co_return std::unexpected(opened.error());
        caller = std::move(*opened);
    }
    caller.key = KeyOf(caller.token);
    auto person = co_await verdicts_.Who(caller.token, caller.key);
    if (!person) co_return std::unexpected(FromError(person.error()));
    caller.username = std::move(person->username);
    caller.uid = std::move(person->uid);
    caller.groups = std::move(person->groups);
    co_return caller;
}

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/access/jwt.h"

#include <boost/json.hpp>

#include "kube/base64.h"

namespace dlws::portal {

namespace json = boost::json;

std::optional<std::chrono::sys_seconds> TimeClaim(const json::object& claims,
                                                  std::string_view name) {
    const json::value* value = claims.if_contains(name);
    if (!value || !value->is_number()) return std::nullopt;
    const double seconds = value->to_number<double>();
    if (!(seconds >= 0 && seconds < 1e11)) return std::nullopt;
    return std::chrono::sys_seconds(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

std::optional<std::chrono::sys_seconds> EndOfJwt(std::string_view token) {
    const std::size_t from = token.find('.');
    if (from == token.npos) return std::nullopt;
    const std::size_t to = token.find('.', from + 1);
    if (to == token.npos) return std::nullopt;
    const auto payload = kube::DecodeBase64Url(token.substr(from + 1, to - from - 1));
    if (!payload) return std::nullopt;
    json::error_code error;
    const json::value claims = json::parse(*payload, error);
    if (error || !claims.is_object()) return std::nullopt;
    const json::value* end = claims.as_object().if_contains("exp");
    if (end && end->is_number() && end->to_number<double>() < 0) return std::chrono::sys_seconds();
    return TimeClaim(claims.as_object(), "exp");
}

}  // namespace dlws::portal

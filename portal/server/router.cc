// SPDX-License-Identifier: Apache-2.0
#include "portal/server/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

namespace dlws::portal {
namespace {

std::vector<std::string_view> Split(std::string_view path) {
    std::vector<std::string_view> segments;
    while (path.starts_with('/')) {
        path.remove_prefix(1);
        segments.push_back(path.substr(0, path.find('/')));
        path.remove_prefix(segments.back().size());
    }
    return segments;
}

bool IsParameter(std::string_view segment) {
    return segment.starts_with('{');
}

// The names of the braces; none: it is another path.
std::optional<std::map<std::string, std::string, std::less<>>> Fits(
    const std::vector<std::string_view>& pattern, const std::vector<std::string_view>& path) {
    if (pattern.size() != path.size()) return std::nullopt;
    std::map<std::string, std::string, std::less<>> names;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (!IsParameter(pattern[i])) {
            if (pattern[i] != path[i]) return std::nullopt;
            continue;
        }
        names.emplace(pattern[i].substr(1, pattern[i].size() - 2), path[i]);
    }
    return names;
}

bool IsLower(char c) {
    return c >= 'a' && c <= 'z';
}
bool IsDigit(char c) {
    return c >= '0' && c <= '9';
}

// A DNS label, or with dots a subdomain (RFC 1123).
bool IsDns(std::string_view name, std::size_t most, bool dots) {
    const auto word = [](char c) { return IsLower(c) || IsDigit(c); };
    return !name.empty() && name.size() <= most && word(name.front()) && word(name.back()) &&
           std::ranges::all_of(name,
                               [&](char c) { return word(c) || c == '-' || (dots && c == '.'); });
}

bool IsRole(std::string_view name) {
    return !name.empty() && name.size() <= 15 && IsLower(name.front()) &&
           std::ranges::all_of(name, [](char c) { return IsLower(c) || IsDigit(c); });
}

}  // namespace

std::string MediaType(const kube::HttpRequest& request) {
    const std::string_view field = request.Field("Content-Type");
    std::string type(field.substr(0, field.find(';')));
    while (type.ends_with(' '))
        type.pop_back();
    std::ranges::transform(type, type.begin(), [](unsigned char c) { return std::tolower(c); });
    return type;
}

std::string WrongName(std::string_view parameter, std::string_view value) {
    if (parameter == "namespace")
        return IsDns(value, 63, false)
                   ? ""
                   : "must be a namespace's name: small letters, digits and dashes, at most 63";
    if (parameter == "job")
        return IsDns(value, 40, false) && IsLower(value.front())
                   ? ""
                   : "must be the name of a job: at most 40 of a-z, 0-9 and -, a letter first";
    if (parameter == "user")
        return IsDns(value, 32, false) && IsLower(value.front())
                   ? ""
                   : "must be the name of a DLUser: at most 32 of a-z, 0-9 and -, a letter first";
    if (parameter == "role")
        return IsRole(value) ? ""
                             : "must be the name of a role: at most 15 of a-z and 0-9, a letter "
                               "first";
    return IsDns(value, 253, true) ? "" : "must be a name: at most 253 of a-z, 0-9, - and .";
}

std::expected<Router::Match, Problem> Router::Find(std::string_view method,
                                                   std::string_view path) const {
    if (method == "HEAD") method = "GET";
    const std::vector<std::string_view> segments = Split(path);
    std::string allow;
    for (const Operation& operation : operations_) {
        auto names = Fits(Split(operation.path), segments);
        if (!names) continue;
        if (operation.method != method) {
            allow += (allow.empty() ? "" : ", ") + operation.method;
            continue;
        }
        for (auto& [parameter, value] : *names) {
            auto decoded = kube::DecodeHttpSegment(value);
            std::string wrong = decoded ? WrongName(parameter, *decoded) : decoded.error();
            if (!wrong.empty())
                return std::unexpected(BadRequest("path." + parameter, std::move(wrong)));
            value = std::move(*decoded);
        }
        return Match{&operation, std::move(*names)};
    }
    if (allow.empty()) return std::unexpected(NotFound("path here"));
    Problem problem(405, "MethodNotAllowed", "The path does not take this method",
                    fmt::format("Use {}.", allow));
    problem.allow = allow;
    return std::unexpected(std::move(problem));
}

std::expected<std::string, Problem> ReadUid(const kube::HttpParameters& query) {
    const std::string* uid = query.Find("uid");
    if (!uid) return "";
    const auto word = [](unsigned char c) { return std::isalnum(c) || c == '-'; };
    if (uid->empty() || uid->size() > 64 || !std::ranges::all_of(*uid, word))
        return std::unexpected(BadRequest(
            "query.uid", "must be the uid of the object that is meant; leave it out for any"));
    return *uid;
}

}  // namespace dlws::portal

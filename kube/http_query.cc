// SPDX-License-Identifier: Apache-2.0
#include "kube/http_query.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>
#include <boost/url/pct_string_view.hpp>

namespace dlws::kube {
namespace {

constexpr std::size_t kMaxQuoted = 64;

bool IsReadable(std::string_view text) {
    return text.size() <= kMaxQuoted &&
           std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != '\''; });
}

/// What was sent, for a message: whole where it is short and readable.
std::string Quoted(std::string_view text) {
    return IsReadable(text) ? fmt::format("'{}'", text) : fmt::format("of {} bytes", text.size());
}

std::unexpected<std::string> Refuse(std::string why) {
    return std::unexpected(std::move(why));
}

/// `what` begins the error: "the parameter 'q'".
std::expected<std::string, std::string> Decode(std::string_view text, bool plus_is_space,
                                               const std::string& what) {
    const auto encoded = boost::urls::make_pct_string_view({text.data(), text.size()});
    if (!encoded)
        return Refuse(what +
                      " has a '%' without two hexadecimal digits after it; write '%' itself "
                      "as %25");
    boost::urls::encoding_opts options;
    options.space_as_plus = plus_is_space;
    std::string decoded = encoded->decode(options);
    if (decoded.find('\0') != decoded.npos) return Refuse(what + " has a NUL (%00); leave it out");
    if (!simdjson::validate_utf8(decoded))
        return Refuse(what + " is not UTF-8; percent-encode the bytes of its UTF-8");
    return decoded;
}

std::string NamesOf(std::span<const HttpParameter> known) {
    std::vector<std::string_view> names;
    for (const HttpParameter& parameter : known)
        names.push_back(parameter.name);
    return names.empty() ? "there are none here"
                         : fmt::format("there are: {}", fmt::join(names, ", "));
}

}  // namespace

const std::string* HttpParameters::Find(std::string_view name) const {
    for (const auto& [key, value] : given_)
        if (key == name) return &value;
    return nullptr;
}

std::vector<std::string> HttpParameters::All(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [key, value] : given_)
        if (key == name) values.push_back(value);
    return values;
}

std::expected<HttpParameters, std::string> ParseHttpQuery(std::string_view query,
                                                          std::span<const HttpParameter> known,
                                                          std::string* wrong) {
    std::string ignored;
    std::string& name_of = wrong ? *wrong : ignored;
    name_of.clear();
    if (query.size() > kMaxHttpQuery)
        return Refuse(fmt::format("the query is {} bytes long; send at most {}", query.size(),
                                  kMaxHttpQuery));
    HttpParameters parameters;
    while (!query.empty()) {
        const std::string_view piece = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), piece.size() + 1));
        if (piece.empty()) continue;
        if (parameters.given_.size() == kMaxHttpParameters)
            return Refuse(
                fmt::format("the query has over {} parameters; send fewer", kMaxHttpParameters));
        const auto equals = std::min(piece.find('='), piece.size());
        const std::string what = "the parameter " + Quoted(piece.substr(0, equals));
        auto name = Decode(piece.substr(0, equals), true, "the name of " + what);
        if (!name) return Refuse(name.error());
        if (IsReadable(*name)) name_of = *name;
        const auto entry = std::ranges::find(known, *name, &HttpParameter::name);
        if (entry == known.end()) return Refuse(what + " is not known; " + NamesOf(known));
        if (!entry->repeated && parameters.Find(*name))
            return Refuse(what + " is given twice; give it once");
        auto value = Decode(piece.substr(std::min(piece.size(), equals + 1)), true, what);
        if (!value) return Refuse(value.error());
        parameters.given_.emplace_back(std::move(*name), std::move(*value));
        name_of.clear();
    }
    return parameters;
}

std::expected<std::vector<std::string>, std::string> SplitHttpPath(std::string_view path) {
    if (!path.starts_with('/')) return Refuse("the path does not begin with '/'");
    std::vector<std::string> segments;
    while (!path.empty()) {
        path.remove_prefix(1);
        const std::string_view segment = path.substr(0, path.find('/'));
        path.remove_prefix(segment.size());
        auto decoded = DecodeHttpSegment(segment);
        if (!decoded) return Refuse(decoded.error());
        if (*decoded == "." || *decoded == "..")
            return Refuse(
                "the path has the segment '.' or '..'; write the whole path without them");
        segments.push_back(std::move(*decoded));
    }
    return segments;
}

std::expected<std::string, std::string> DecodeHttpSegment(std::string_view segment) {
    return Decode(segment, false, "the part of the path " + Quoted(segment));
}

}  // namespace dlws::kube

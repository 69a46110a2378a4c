// SPDX-License-Identifier: Apache-2.0
#include "model/json_difference.h"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace dlws::model {

namespace json = boost::json;

json::value ParseOrNull(std::string_view text) {
    json::error_code error;
    json::value value = json::parse(text, error);
    return error ? json::value() : value;
}

bool IsEmptyJson(const json::value& value) {
    if (const json::object* o = value.if_object()) return o->empty();
    if (const json::array* a = value.if_array()) return a->empty();
    if (const json::string* s = value.if_string()) return s->empty();
    return value.is_null() || value == json::value(false);
}

namespace {

std::string ObjectDifference(const json::object& wanted, const json::value& is,
                             const std::string& path, const Tolerance& tolerance) {
    const json::object* other = is.if_object();
    if (!other) return wanted.empty() && is.is_null() ? "" : path;
    const auto below = [&](std::string_view key) { return fmt::format("{}.{}", path, key); };
    for (const auto& [key, value] : wanted) {
        const json::value* found = other->if_contains(key);
        if (!found && (IsEmptyJson(value) || value == json::value(0))) continue;
        if (!found) return below(key);
        std::string difference = FirstDifference(value, *found, below(key), tolerance);
        if (!difference.empty()) return difference;
    }
    for (const auto& [key, value] : *other) {
        if (wanted.contains(key) || IsEmptyJson(value)) continue;
        if (!tolerance.filled_in || !tolerance.filled_in(path, key, value)) return below(key);
    }
    return "";
}

std::string ListDifference(const json::array& wanted, const json::value& is,
                           const std::string& path, const Tolerance& tolerance) {
    const json::array* other = is.if_array();
    const std::size_t size = other ? other->size() : 0;
    const bool grew = size > wanted.size();
    if (size < wanted.size() || (grew && !(tolerance.may_grow && tolerance.may_grow(path))))
        return path;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        std::string difference =
            FirstDifference(wanted[i], (*other)[i], fmt::format("{}[{}]", path, i), tolerance);
        if (!difference.empty()) return difference;
    }
    return "";
}

}  // namespace

std::string FirstDifference(const json::value& wanted, const json::value& is,
                            const std::string& path, const Tolerance& tolerance) {
    if (const json::object* object = wanted.if_object())
        return ObjectDifference(*object, is, path, tolerance);
    if (const json::array* list = wanted.if_array())
        return ListDifference(*list, is, path, tolerance);
    const bool same = wanted == is || (tolerance.same && tolerance.same(path, wanted, is));
    return same ? "" : path;
}

}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

/// @file
/// What the portal sends, read leniently: a field that is missing or of another kind is empty.
/// Pure.

namespace dlws::cli {

namespace json = boost::json;

/// The value at `path`, keys with '/' between; null where there is none.
inline const json::value& At(const json::value& value, std::string_view path) {
    static const json::value none;
    const json::value* at = &value;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const json::object* object = at->if_object();
        const json::value* next = object ? object->if_contains(path.substr(0, slash)) : nullptr;
        if (!next) return none;
        at = next;
        path = slash == std::string_view::npos ? "" : path.substr(slash + 1);
    }
    return *at;
}

/// A string as it is, a number or boolean as JSON, anything else "".
inline std::string TextAt(const json::value& value, std::string_view path) {
    const json::value& at = At(value, path);
    if (const json::string* text = at.if_string()) return std::string(*text);
    return at.is_number() || at.is_bool() ? json::serialize(at) : "";
}

inline long long NumberAt(const json::value& value, std::string_view path, long long otherwise) {
    const json::value& at = At(value, path);
    boost::system::error_code error;
    const auto number = at.is_number() ? at.to_number<long long>(error) : otherwise;
    return error ? otherwise : number;
}

inline bool FlagAt(const json::value& value, std::string_view path) {
    const json::value& at = At(value, path);
    return at.is_bool() && at.get_bool();
}

inline const json::array& ListAt(const json::value& value, std::string_view path) {
    static const json::array none;
    const json::array* list = At(value, path).if_array();
    return list ? *list : none;
}
const json::array& ListAt(json::value&& value, std::string_view path) = delete;  // would dangle

}  // namespace dlws::cli

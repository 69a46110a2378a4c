// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <string_view>

/// @file
/// For the tests of model/: documents looked at by JSON pointer.

namespace dlws::model {

/// The value at `pointer` ("/spec/containers/0/name") as JSON text; "(none)" if there is nothing.
inline std::string At(const boost::json::value& document, std::string_view pointer) {
    boost::json::error_code error;
    const boost::json::value* value = document.find_pointer(pointer, error);
    return value ? boost::json::serialize(*value) : "(none)";
}

/// The item of the list at `pointer` whose `key` has this text, as JSON text; "(none)" if there is
/// none.
inline std::string Item(const boost::json::value& document, std::string_view pointer,
                        std::string_view key, std::string_view text) {
    boost::json::error_code error;
    const boost::json::value* list = document.find_pointer(pointer, error);
    if (!list || !list->is_array()) return "(none)";
    std::string found = "(none)";
    for (const boost::json::value& item : list->get_array()) {
        const boost::json::value* name = item.as_object().if_contains(key);
        if (!name || name->as_string() != text) continue;
        if (found != "(none)") return "(twice)";
        found = boost::json::serialize(item);
    }
    return found;
}

/// The value of an environment variable of the first container; "(none)" if it is not there.
inline std::string Env(const boost::json::value& pod, std::string_view name) {
    std::string item = Item(pod, "/spec/containers/0/env", "name", name);
    if (item.front() == '(') return item;
    const boost::json::value parsed = boost::json::parse(item);
    const boost::json::value* value = parsed.as_object().if_contains("value");
    return value ? std::string(value->as_string()) : item;
}

}  // namespace dlws::model

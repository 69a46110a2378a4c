// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

/// @file
/// Whether an object that the API server holds is the one that was sent to it. Pure.

namespace dlws::model {

/// What may differ all the same. Each function is called with the path or key in question; null
/// means never.
struct Tolerance {
    /// A field `key` of the object at `path` that was not sent and may be there: a default. Empty
    /// values always may.
    bool (*filled_in)(std::string_view path, std::string_view key,
                      const boost::json::value& value) = nullptr;
    /// A list to whose end others may add.
    bool (*may_grow)(std::string_view path) = nullptr;
    /// Two values that mean the same.
    bool (*same)(std::string_view path, const boost::json::value& a,
                 const boost::json::value& b) = nullptr;
};

/// The value that the text is; null when it is no JSON.
boost::json::value ParseOrNull(std::string_view text);

/// null, false, "", {} or [].
bool IsEmptyJson(const boost::json::value& value);

/// The path, beginning with `path`, of the first place where `is` differs from `wanted`; empty:
/// nowhere.
std::string FirstDifference(const boost::json::value& wanted, const boost::json::value& is,
                            const std::string& path, const Tolerance& tolerance);

}  // namespace dlws::model

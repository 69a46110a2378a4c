// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/status.h"
#include "model/time.h"

/// @file
/// Internal to model/: fields of a document. What is empty, absent or 0 is left out.

namespace dlws::model {

/// The CRDs count characters, so cutting at as many bytes is always short enough; a character is
/// never cut in half.
inline std::string_view Cut(std::string_view text, std::size_t most = kMaxMessage) {
    if (text.size() <= most) return text;
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
        --end;
    return text.substr(0, end);
}

inline void PutText(boost::json::object& o, std::string_view key, std::string_view value,
                    std::size_t most = kMaxMessage) {
    if (!value.empty()) o[key] = Cut(value, most);
}

inline void PutTime(boost::json::object& o, std::string_view key,
                    const std::optional<Time>& value) {
    if (value) o[key] = FormatTime(*value);
}

inline void PutNumber(boost::json::object& o, std::string_view key, std::int64_t value) {
    if (value != 0) o[key] = value;
}

}  // namespace dlws::model

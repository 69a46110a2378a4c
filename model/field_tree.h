// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

/// @file
/// Internal to model/: which fields of a document are meant, written down as a table.

namespace dlws::model {

/// A field; without `inner` with all that is in it. In a list it speaks of each item.
struct Field {
    std::string_view name;
    std::span<const Field> inner = {};
};

}  // namespace dlws::model

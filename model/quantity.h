// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace dlws::model {

/// An amount as Kubernetes writes it ("100m", "4", "16Gi", "1.5e3"), held in thousandths.
///
///     auto q = ParseQuantity("1.5Gi");
///     if (q && *q <= *ParseQuantity("2Gi")) …
///
/// What is finer than a thousandth is rounded up, as Kubernetes does. The range is that of
/// int64 thousandths (about 8 PiB of memory); beyond it is an error, never a wrap.
/// Source: k8s.io/apimachinery/pkg/api/resource, "Quantity".
struct Quantity {
    std::int64_t milli = 0;

    /// Whole units, rounded up ("100m" -> 1).
    std::int64_t Value() const;
    auto operator<=>(const Quantity&) const = default;
};

/// Error: a sentence that names the text and an example of a right one.
std::expected<Quantity, std::string> ParseQuantity(std::string_view text);

/// Sum; error on overflow.
std::expected<Quantity, std::string> Add(Quantity a, Quantity b);

}  // namespace dlws::model

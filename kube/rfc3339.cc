// SPDX-License-Identifier: Apache-2.0
#include "kube/rfc3339.h"

#include <cstddef>

namespace dlws::kube::internal {
namespace {

/// Takes `digits` decimal digits from the front.
bool TakeNumber(std::string_view& text, std::size_t digits, int& out) {
    if (text.size() < digits) return false;
    out = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (text[i] < '0' || text[i] > '9') return false;
        out = out * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return true;
}

bool TakeChar(std::string_view& text, std::string_view choices) {
    if (text.empty() || choices.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

std::optional<std::chrono::system_clock::time_point> ParseRfc3339(std::string_view text) {
    using namespace std::chrono;
    int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0;
    if (!TakeNumber(text, 4, y) || !TakeChar(text, "-") || !TakeNumber(text, 2, mo) ||
        !TakeChar(text, "-") || !TakeNumber(text, 2, d) || !TakeChar(text, "Tt") ||
        !TakeNumber(text, 2, h) || !TakeChar(text, ":") || !TakeNumber(text, 2, mi) ||
        !TakeChar(text, ":") || !TakeNumber(text, 2, s)) {
        return std::nullopt;
    }
    const year_month_day date{year(y), month(static_cast<unsigned>(mo)),
                              day(static_cast<unsigned>(d))};
    if (!date.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;
    std::int64_t nanos = 0;
    if (TakeChar(text, ".")) {
        std::int64_t unit = 1'000'000'000;
        int digit = 0;
        if (!TakeNumber(text, 1, digit)) return std::nullopt;
        do {
            unit /= 10;
            nanos += digit * unit;
        } while (TakeNumber(text, 1, digit));
    }
    minutes offset{0};
    if (!TakeChar(text, "Zz")) {
        const bool minus = text.starts_with('-');
        int oh = 0, om = 0;
        if (!TakeChar(text, "+-") || !TakeNumber(text, 2, oh) || !TakeChar(text, ":") ||
            !TakeNumber(text, 2, om) || oh > 23 || om > 59) {
            return std::nullopt;
        }
        offset = hours(oh) + minutes(om);
        if (minus) offset = -offset;
    }
    if (!text.empty()) return std::nullopt;
    // What the clock cannot count to (2262) is "never"; a certificate may well be valid until 9999.
    if (y >= 2262) return system_clock::time_point::max();
    if (y <= 1677) return system_clock::time_point::min();
    const auto seconds_point = sys_days(date) + hours(h) + minutes(mi) + seconds(s) - offset;
    return time_point_cast<system_clock::duration>(seconds_point + nanoseconds(nanos));
}

}  // namespace dlws::kube::internal

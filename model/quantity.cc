// SPDX-License-Identifier: Apache-2.0
#include "model/quantity.h"

#include <fmt/format.h>

#include <limits>

namespace dlws::model {

namespace {

__extension__ using Wide = __int128;
constexpr Wide kMax = std::numeric_limits<std::int64_t>::max();

std::unexpected<std::string> NotAQuantity(std::string_view text) {
    return std::unexpected(fmt::format(
        "'{}' is not a quantity; write, for example, 500m, 2 or 16Gi", text.substr(0, 40)));
}

std::unexpected<std::string> TooLarge(std::string_view text) {
    return std::unexpected(fmt::format("'{}' is too large a quantity", text.substr(0, 40)));
}

// What a suffix multiplies by: num / den, both powers of 2 or 10.
struct Scale {
    int power = 0;  // of 10, or of 1024
    bool binary = false;
};

bool ParseSuffix(std::string_view suffix, Scale& scale) {
    if (suffix.empty()) return true;
    if (suffix.size() == 2 && suffix[1] == 'i') {
        const std::size_t at = std::string_view("KMGTPE").find(suffix[0]);
        scale = {static_cast<int>(at) + 1, true};
        return at != std::string_view::npos;
    }
    if (suffix.size() == 1) {
        const std::string_view names = "num kMGTPE";
        const std::size_t at = names.find(suffix[0]);
        if (at != std::string_view::npos && suffix[0] != ' ') {
            scale.power = (static_cast<int>(at) - 3) * 3;
            return true;
        }
    }
    if (suffix[0] != 'e' && suffix[0] != 'E') return false;
    std::size_t at = 1;
    bool negative = false;
    if (at < suffix.size() && (suffix[at] == '+' || suffix[at] == '-'))
        negative = suffix[at++] == '-';
    if (at == suffix.size()) return false;
    int power = 0;
    for (; at < suffix.size(); ++at) {
        if (suffix[at] < '0' || suffix[at] > '9') return false;
        if (power < 1000) power = power * 10 + (suffix[at] - '0');
    }
    scale.power = negative ? -power : power;
    return true;
}

}  // namespace

std::int64_t Quantity::Value() const {
    const std::int64_t whole = milli / 1000;
    return milli % 1000 > 0 ? whole + 1 : whole;
}

std::expected<Quantity, std::string> ParseQuantity(std::string_view text) {
    std::size_t at = 0;
    bool negative = false;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) negative = text[at++] == '-';
    // Digits are gathered as one whole number and the place of the point as a power of ten.
    Wide number = 0;
    int fraction = 0;
    bool point = false, any = false, inexact = false;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '.') {
            if (point) return NotAQuantity(text);
            point = true;
        } else if (c >= '0' && c <= '9') {
            any = true;
            if (number > kMax) {
                // More digits than any value we hold: before the point that is too large, after it
                // it only matters that something is there, for rounding up.
                if (!point) return TooLarge(text);
                inexact |= c != '0';
                continue;
            }
            number = number * 10 + (c - '0');
            if (point) ++fraction;
        } else {
            break;
        }
    }
    Scale scale;
    if (!any || !ParseSuffix(text.substr(at), scale)) return NotAQuantity(text);

    int power = 3 - fraction;  // thousandths
    if (scale.binary) {
        for (int i = 0; i < scale.power; ++i) {
            number *= 1024;
            if (number > kMax * 1000000000) return TooLarge(text);
        }
    } else {
        power += scale.power;
    }
    for (; power > 0 && number != 0; --power) {
        number *= 10;
        if (number > kMax * 1000000000) return TooLarge(text);
    }
    for (; power < 0 && number != 0; ++power) {
        inexact |= number % 10 != 0;
        number /= 10;
    }
    if (inexact) ++number;
    if (number > kMax) return TooLarge(text);
    const auto milli = static_cast<std::int64_t>(number);
    return Quantity{negative ? -milli : milli};
}

std::expected<Quantity, std::string> Add(Quantity a, Quantity b) {
    Quantity sum;
    if (__builtin_add_overflow(a.milli, b.milli, &sum.milli))
        return std::unexpected("the sum is too large a quantity");
    return sum;
}

}  // namespace dlws::model

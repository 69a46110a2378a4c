// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace dlws::cli {
namespace {

constexpr char32_t kNoCharacter = 0xFFFFFFFF;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Range {
    char32_t first, last;
};

// Two columns: East_Asian_Width W and F of Unicode 15, adjoining blocks taken together.
constexpr std::array kWide{
    Range{0x1100, 0x115F},   Range{0x231A, 0x231B},   Range{0x2329, 0x232A},
    Range{0x23E9, 0x23EC},   Range{0x23F0, 0x23F0},   Range{0x23F3, 0x23F3},
    Range{0x25FD, 0x25FE},   Range{0x2614, 0x2615},   Range{0x2648, 0x2653},
    Range{0x267F, 0x267F},   Range{0x2693, 0x2693},   Range{0x26A1, 0x26A1},
    Range{0x26AA, 0x26AB},   Range{0x26BD, 0x26BE},   Range{0x26C4, 0x26C5},
    Range{0x26CE, 0x26CE},   Range{0x26D4, 0x26D4},   Range{0x26EA, 0x26EA},
    Range{0x26F2, 0x26F3},   Range{0x26F5, 0x26F5},   Range{0x26FA, 0x26FA},
    Range{0x26FD, 0x26FD},   Range{0x2705, 0x2705},   Range{0x270A, 0x270B},
    Range{0x2728, 0x2728},   Range{0x274C, 0x274C},   Range{0x274E, 0x274E},
    Range{0x2753, 0x2755},   Range{0x2757, 0x2757},   Range{0x2795, 0x2797},
    Range{0x27B0, 0x27B0},   Range{0x27BF, 0x27BF},   Range{0x2B1B, 0x2B1C},
    Range{0x2B50, 0x2B50},   Range{0x2B55, 0x2B55},   Range{0x2E80, 0x303E},
    Range{0x3041, 0x4DBF},   Range{0x4E00, 0xA4CF},   Range{0xA960, 0xA97C},
    Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},   Range{0xFE10, 0xFE19},
    Range{0xFE30, 0xFE6B},   Range{0xFF01, 0xFF60},   Range{0xFFE0, 0xFFE6},
    Range{0x16FE0, 0x18CFF}, Range{0x1AFF0, 0x1B2FB}, Range{0x1F004, 0x1F004},
    Range{0x1F0CF, 0x1F0CF}, Range{0x1F18E, 0x1F18E}, Range{0x1F191, 0x1F19A},
    Range{0x1F200, 0x1F320}, Range{0x1F32D, 0x1F335}, Range{0x1F337, 0x1F37C},
    Range{0x1F37E, 0x1F393}, Range{0x1F3A0, 0x1F3CA}, Range{0x1F3CF, 0x1F3D3},
    Range{0x1F3E0, 0x1F3F0}, Range{0x1F3F4, 0x1F3F4}, Range{0x1F3F8, 0x1F43E},
    Range{0x1F440, 0x1F440}, Range{0x1F442, 0x1F4FC}, Range{0x1F4FF, 0x1F53D},
    Range{0x1F54B, 0x1F567}, Range{0x1F57A, 0x1F57A}, Range{0x1F595, 0x1F596},
    Range{0x1F5A4, 0x1F5A4}, Range{0x1F5FB, 0x1F64F}, Range{0x1F680, 0x1F6C5},
    Range{0x1F6CC, 0x1F6CC}, Range{0x1F6D0, 0x1F6D2}, Range{0x1F6D5, 0x1F6DF},
    Range{0x1F6EB, 0x1F6EC}, Range{0x1F6F4, 0x1F6FC}, Range{0x1F7E0, 0x1F7F0},
    Range{0x1F90C, 0x1F9FF}, Range{0x1FA70, 0x1FAFF}, Range{0x20000, 0x3FFFD},
};

// No column: the combining marks that people write, and variation selectors.
constexpr std::array kCombining{
    Range{0x0300, 0x036F}, Range{0x0483, 0x0489},   Range{0x0591, 0x05BD}, Range{0x0610, 0x061A},
    Range{0x064B, 0x065F}, Range{0x0670, 0x0670},   Range{0x06D6, 0x06DC}, Range{0x0900, 0x0902},
    Range{0x093C, 0x093C}, Range{0x0941, 0x0948},   Range{0x094D, 0x094D}, Range{0x0E31, 0x0E31},
    Range{0x0E34, 0x0E3A}, Range{0x0E47, 0x0E4E},   Range{0x1AB0, 0x1ACE}, Range{0x1DC0, 0x1DFF},
    Range{0x20D0, 0x20F0}, Range{0x302A, 0x302D},   Range{0x3099, 0x309A}, Range{0xFE00, 0xFE0F},
    Range{0xFE20, 0xFE2F}, Range{0xE0100, 0xE01EF},
};

// What can mislead an eye: directions (UAX #9), characters without width, line separators, those
// that are none. The joiner of emoji (200D) too: without it they stand beside each other.
constexpr std::array kHidden{
    Range{0x00AD, 0x00AD}, Range{0x061C, 0x061C},   Range{0x115F, 0x1160}, Range{0x17B4, 0x17B5},
    Range{0x180B, 0x180F}, Range{0x200B, 0x200F},   Range{0x2028, 0x202E}, Range{0x2060, 0x206F},
    Range{0x3164, 0x3164}, Range{0xFEFF, 0xFEFF},   Range{0xFFA0, 0xFFA0}, Range{0xFFF0, 0xFFFB},
    Range{0xFFFE, 0xFFFF}, Range{0xE0000, 0xE00FF},
};

template <std::size_t n>
bool Within(const std::array<Range, n>& ranges, char32_t c) {
    const auto found = std::ranges::lower_bound(ranges, c, {}, &Range::last);
    return found != ranges.end() && found->first <= c;
}

struct Character {
    char32_t code = kNoCharacter;  ///< kNoCharacter: a byte that is no UTF-8
    std::size_t size = 1;
};

// RFC 3629: no overlong forms, no surrogates, nothing over U+10FFFF.
Character First(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {};
    char32_t code = lead & (0x7F >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return {};
        code = (code << 6) | (byte(i) & 0x3F);
    }
    static constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kLeast[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
    return {code, size};
}

std::size_t ColumnsOf(char32_t c) {
    if (Within(kCombining, c)) return 0;
    return Within(kWide, c) ? 2 : 1;
}

void AppendClean(std::string& out, std::string_view bytes, char32_t c) {
    if (c == kNoCharacter || (c >= 0x80 && c < 0xA0) || Within(kHidden, c)) {
        out += kReplacement;
    } else if (c == '\n' || c == '\r' || c == '\t') {
        out += ' ';
    } else if (c < 0x20 || c == 0x7F) {
        out += '^';
        out += static_cast<char>(c ^ 0x40);
    } else {
        out += bytes;
    }
}

// Length of a sequence that only sets colours, at the start of `text`; 0: it is none.
std::size_t ColourSequence(std::string_view text) {
    if (!text.starts_with("\x1b[")) return 0;
    const std::size_t end = text.find_first_not_of("0123456789;", 2);
    return end < 32 && text[end] == 'm' ? end + 1 : 0;  // npos is more
}

}  // namespace

std::string Clean(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const Character c = First(text);
        AppendClean(out, text.substr(0, c.size), c.code);
        text.remove_prefix(c.size);
    }
    return out;
}

std::string CleanLog(std::string_view line) {
    std::string out;
    out.reserve(line.size());
    bool coloured = false;
    while (!line.empty()) {
        Character c = First(line);
        if (const std::size_t size = ColourSequence(line)) {
            c.size = size;
            out += line.substr(0, size);
            coloured = true;
        } else if (c.code == '\t' || c.code == '\r') {
            out += static_cast<char>(c.code);
        } else {
            AppendClean(out, line.substr(0, c.size), c.code);
        }
        line.remove_prefix(c.size);
    }
    if (coloured) out += "\x1b[0m";
    return out;
}

bool IsUtf8(std::string_view text) {
    while (!text.empty()) {
        const Character c = First(text);
        if (c.code == kNoCharacter) return false;
        text.remove_prefix(c.size);
    }
    return true;
}

std::size_t Width(std::string_view clean) {
    std::size_t width = 0;
    while (!clean.empty()) {
        const Character c = First(clean);
        width += ColumnsOf(c.code);
        clean.remove_prefix(c.size);
    }
    return width;
}

std::string Cut(std::string_view clean, std::size_t width) {
    if (Width(clean) <= width) return std::string(clean);
    if (width == 0) return "";
    std::size_t kept = 0, columns = 0;
    while (kept < clean.size()) {
        const Character c = First(clean.substr(kept));
        if (columns + ColumnsOf(c.code) > width - 1) break;
        columns += ColumnsOf(c.code);
        kept += c.size;
    }
    return std::string(clean.substr(0, kept)) + "…";
}

std::string Duration(long long seconds) {
    constexpr long long kMinute = 60, kHour = 3600, kDay = 86400, kYear = 365 * kDay;
    const auto two = [](long long big, char unit, long long small, char small_unit) {
        return small == 0 ? fmt::format("{}{}", big, unit)
                          : fmt::format("{}{}{}{}", big, unit, small, small_unit);
    };
    // Clocks of two machines are never quite the same.
    if (seconds < 0) return seconds < -1 ? "<invalid>" : "0s";
    if (seconds < 2 * kMinute) return fmt::format("{}s", seconds);
    if (seconds < 10 * kMinute) return two(seconds / kMinute, 'm', seconds % kMinute, 's');
    if (seconds < 3 * kHour) return fmt::format("{}m", seconds / kMinute);
    if (seconds < 8 * kHour) return two(seconds / kHour, 'h', seconds % kHour / kMinute, 'm');
    if (seconds < 2 * kDay) return fmt::format("{}h", seconds / kHour);
    if (seconds < 8 * kDay) return two(seconds / kDay, 'd', seconds % kDay / kHour, 'h');
    if (seconds < 2 * kYear) return fmt::format("{}d", seconds / kDay);
    if (seconds < 8 * kYear) return two(seconds / kYear, 'y', seconds % kYear / kDay, 'd');
    return fmt::format("{}y", seconds / kYear);
}

std::string Age(std::string_view time, model::Time now) {
    if (time.empty()) return "";
    const auto then = model::ParseTime(time);
    return then ? Duration((now - *then).count()) : "<unknown>";
}

}  // namespace dlws::cli

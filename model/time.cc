// SPDX-License-Identifier: Apache-2.0
#include "model/time.h"

#include <fmt/format.h>

#include <cctype>

namespace dlws::model {

namespace {

// Reads exactly `digits` digits at `at`; -1 if they are not all digits.
int Digits(std::string_view text, std::size_t at, std::size_t digits) {
    if (at + digits > text.size()) return -1;
    int value = 0;
    for (std::size_t i = at; i < at + digits; ++i) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

bool Is(std::string_view text, std::size_t at, std::string_view any) {
    return at < text.size() && any.find(text[at]) != std::string_view::npos;
}

}  // namespace

std::string FormatTime(Time t) {
    const auto day = std::chrono::floor<std::chrono::days>(t);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(t - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::expected<Time, std::string> ParseTime(std::string_view text) {
    const auto wrong = [&] {
        return std::unexpected(
            fmt::format("'{}' is not a time such as 2026-01-02T03:04:05Z", text.substr(0, 40)));
    };
    const int year = Digits(text, 0, 4), month = Digits(text, 5, 2), day = Digits(text, 8, 2);
    const int hour = Digits(text, 11, 2), minute = Digits(text, 14, 2),
              second = Digits(text, 17, 2);
    if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return wrong();
    if (!Is(text, 4, "-") || !Is(text, 7, "-") || !Is(text, 10, "Tt ") || !Is(text, 13, ":") ||
        !Is(text, 16, ":"))
        return wrong();
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    // RFC 3339 allows a leap second, which the calendar of the machine does not have.
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return wrong();
    std::size_t at = 19;
    if (Is(text, at, ".")) {
        ++at;
        const std::size_t first = at;
        while (Is(text, at, "0123456789"))
            ++at;
        if (at == first) return wrong();
    }
    std::chrono::minutes offset{0};
    if (Is(text, at, "Zz")) {
        ++at;
    } else if (Is(text, at, "+-")) {
        const int hours = Digits(text, at + 1, 2), minutes = Digits(text, at + 4, 2);
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || !Is(text, at + 3, ":"))
            return wrong();
        offset = std::chrono::minutes(hours * 60 + minutes);
        if (text[at] == '-') offset = -offset;
        at += 6;
    } else {
        return wrong();
    }
    if (at != text.size()) return wrong();
    return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
           std::chrono::seconds(second) - offset;
}

}  // namespace dlws::model

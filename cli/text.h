// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "model/time.h"

/// @file
/// Text on a terminal. Names, messages and logs are written by other people, who may put escape
/// sequences into them: whatever is shown goes through Clean() or CleanLog(). Pure.

namespace dlws::cli {

/// One line that no terminal acts on: a line feed, carriage return or tab is a space, another
/// control character of ASCII is in caret notation (`^[`), one of C1, a mark that turns the
/// direction of writing, a character without width, and bytes that are no UTF-8 are U+FFFD.
std::string Clean(std::string_view text);

/// A line of a log, for a terminal: as Clean(), but tabs, carriage returns (progress bars) and the
/// escape sequences of colours (ESC [ digits and semicolons m) stay. A line with colours ends with
/// the one that resets them.
std::string CleanLog(std::string_view line);

bool IsUtf8(std::string_view text);

/// Columns that cleaned text takes: 2 for wide characters (UAX #11), 0 for combining ones.
std::size_t Width(std::string_view clean);

/// At most `width` columns, `…` at the end where something is left out.
std::string Cut(std::string_view clean, std::size_t width);

/// A span of time as kubectl writes ages: "59s", "3m20s", "2h15m", "3d4h", "412d", "2y90d".
std::string Duration(long long seconds);

/// How long ago an RFC 3339 time was; "" for "", "<unknown>" for what is none.
std::string Age(std::string_view time, model::Time now);

}  // namespace dlws::cli

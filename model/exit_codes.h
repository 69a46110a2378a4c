// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <expected>
#include <string>
#include <string_view>

/// @file
/// The set of exit codes a rule of `roles[].exitCodes` speaks of.
///
///     auto codes = ParseExitCodes("3,40-49");
///     codes->test(41)   // true
///
/// Pure and thread-safe.

namespace dlws::model {

/// Bit n is set when the rule has exit code n (1 to 255; 0 is success and in no rule).
using ExitCodes = std::bitset<256>;

/// Reads numbers and ranges with commas between. Error: a sentence that says what to write.
std::expected<ExitCodes, std::string> ParseExitCodes(std::string_view text);

}  // namespace dlws::model

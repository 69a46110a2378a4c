// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>

/// @file
/// Kubernetes times: RFC 3339 in UTC, whole seconds (metav1.Time).
/// There is no clock here; "now" is always an argument.

namespace dlws::model {

using Time = std::chrono::sys_seconds;

/// "2026-01-02T03:04:05Z"
std::string FormatTime(Time t);

/// Accepts fractions (dropped, rounding down) and offsets ("+02:00"). Error: a sentence.
std::expected<Time, std::string> ParseTime(std::string_view text);

}  // namespace dlws::model

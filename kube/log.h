// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace dlws::kube {

/// Structured log lines on stderr: one JSON object a line {"ts","level","logger","msg",...}, or
/// plain text when stderr is a terminal. Thread-safe. Never log secrets, tokens or object bodies;
/// Info must not be fillable by a user (rate: once per state change, not per event).
enum class LogLevel { kDebug, kInfo, kWarning, kError };

void SetLogLevel(LogLevel level);
/// debug, info, warn or error; info for any other word.
LogLevel LogLevelOf(std::string_view name);
bool LogEnabled(LogLevel level);
void LogLine(LogLevel level, std::string_view logger, std::string_view message);

template <typename... Args>
void LogInfo(std::string_view logger, fmt::format_string<Args...> format, Args&&... args) {
    if (LogEnabled(LogLevel::kInfo))
        LogLine(LogLevel::kInfo, logger, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogWarning(std::string_view logger, fmt::format_string<Args...> format, Args&&... args) {
    if (LogEnabled(LogLevel::kWarning))
        LogLine(LogLevel::kWarning, logger, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogError(std::string_view logger, fmt::format_string<Args...> format, Args&&... args) {
    if (LogEnabled(LogLevel::kError))
        LogLine(LogLevel::kError, logger, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogDebug(std::string_view logger, fmt::format_string<Args...> format, Args&&... args) {
    if (LogEnabled(LogLevel::kDebug))
        LogLine(LogLevel::kDebug, logger, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace dlws::kube

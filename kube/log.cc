// SPDX-License-Identifier: Apache-2.0
#include "kube/log.h"

#include <fmt/chrono.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <iterator>

namespace dlws::kube {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};

std::string_view Name(LogLevel level) {
    switch (level) {
        case LogLevel::kDebug:
            return "debug";
        case LogLevel::kInfo:
            return "info";
        case LogLevel::kWarning:
            return "warning";
        case LogLevel::kError:
            return "error";
    }
    return "info";
}

// Control characters would let a name or a message of a stranger forge lines or drive a terminal.
void AppendEscaped(fmt::memory_buffer& out, std::string_view text, bool json) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            fmt::format_to(std::back_inserter(out), "\\{}{:02x}", json ? "u00" : "x", byte);
        } else if (json && (c == '"' || c == '\\')) {
            out.push_back('\\');
            out.push_back(c);
        } else {
            out.push_back(c);
        }
    }
}

}  // namespace

LogLevel LogLevelOf(std::string_view name) {
    if (name == "debug") return LogLevel::kDebug;
    if (name == "warn") return LogLevel::kWarning;
    if (name == "error") return LogLevel::kError;
    return LogLevel::kInfo;
}

void SetLogLevel(LogLevel level) {
    g_level.store(level, std::memory_order_relaxed);
}

bool LogEnabled(LogLevel level) {
    return level >= g_level.load(std::memory_order_relaxed);
}

void LogLine(LogLevel level, std::string_view logger, std::string_view message) {
    static const bool terminal = isatty(STDERR_FILENO) == 1;
    const auto now = std::chrono::system_clock::now();
    const auto millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() %
        1000;
    std::tm utc{};
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    gmtime_r(&seconds, &utc);

    fmt::memory_buffer line;
    auto out = std::back_inserter(line);
    if (terminal) {
        fmt::format_to(out, "{:%H:%M:%S}.{:03} {:<7} {}: ", utc, millis, Name(level), logger);
        AppendEscaped(line, message, false);
    } else {
        fmt::format_to(out, R"({{"ts":"{:%FT%T}.{:03}Z","level":"{}","logger":")", utc, millis,
                       Name(level));
        AppendEscaped(line, logger, true);
        fmt::format_to(out, R"(","msg":")");
        AppendEscaped(line, message, true);
        fmt::format_to(out, R"("}})");
    }
    line.push_back('\n');
    // One write() a line, so that lines of several threads do not mix.
    const char* data = line.data();
    std::size_t left = line.size();
    while (left > 0) {
        const ssize_t n = ::write(STDERR_FILENO, data, left);
        if (n < 0) {
            if (errno == EINTR) continue;
            return;  // nowhere to complain
        }
        data += n;
        left -= static_cast<std::size_t>(n);
    }
}

}  // namespace dlws::kube

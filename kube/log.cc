// SPDX-License-Identifier: Apache-2.0
#include "kube/log.h"

#include <fmt/chrono.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <iterator>

#include "kube/audit.h"

namespace dlws::kube {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::atomic<bool> g_audit{true};

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
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
        if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {  // C1: CSI, say
            fmt::format_to(std::back_inserter(out), "\\{}{:02x}", json ? "u00" : "x", next);
            ++i;
        } else if (byte < 0x20 || byte == 0x7f) {
            fmt::format_to(std::back_inserter(out), "\\{}{:02x}", json ? "u00" : "x", byte);
        } else if (json && (c == '"' || c == '\\')) {
            out.push_back('\\');
            out.push_back(c);
        } else {
            out.push_back(c);
        }
    }
}

// "2026-11-29T10:00:00.000Z"
std::string Timestamp() {
    const auto now = std::chrono::system_clock::now();
    const auto millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() %
        1000;
    std::tm utc{};
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    gmtime_r(&seconds, &utc);
    return fmt::format("{:%FT%T}.{:03}Z", utc, millis);
}

// One write() a line, so that lines of several threads do not mix.
void WriteAll(int file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(file, text.data(), text.size());
        if (n < 0) {
            if (errno == EINTR) continue;
            return;  // nowhere to complain
        }
        text.remove_prefix(static_cast<std::size_t>(n));
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
    const std::string time = Timestamp();
    fmt::memory_buffer line;
    auto out = std::back_inserter(line);
    if (terminal) {
        fmt::format_to(out, "{} {:<7} {}: ", time.substr(11, 12), Name(level), logger);
        AppendEscaped(line, message, false);
    } else {
        fmt::format_to(out, R"({{"ts":"{}","level":"{}","logger":")", time, Name(level));
        AppendEscaped(line, logger, true);
        fmt::format_to(out, R"(","msg":")");
        AppendEscaped(line, message, true);
        fmt::format_to(out, R"("}})");
    }
    line.push_back('\n');
    WriteAll(STDERR_FILENO, {line.data(), line.size()});
}

std::string AuditLine(std::string_view event, const AuditFields& fields) {
    fmt::memory_buffer line;
    const auto put = [&](std::string_view key, std::string_view value) {
        line.append(std::string_view(R"(,")"));
        AppendEscaped(line, key, true);
        line.append(std::string_view(R"(":")"));
        AppendEscaped(line, value, true);
        line.push_back('"');
    };
    put("audit", event);
    for (const auto& [key, value] : fields)
        if (!value.empty()) put(key, value);
    return fmt::to_string(line).substr(1);
}

void SetAudit(bool on) {
    g_audit.store(on, std::memory_order_relaxed);
}

void Audit(std::string_view event, const AuditFields& fields) {
    if (!g_audit.load(std::memory_order_relaxed)) return;
    const std::string line = fmt::format(R"({{"ts":"{}",{}}})"
                                         "\n",
                                         Timestamp(), AuditLine(event, fields));
    WriteAll(STDOUT_FILENO, line);
}

}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

/// @file
/// One record of a container's log file as containerd writes it:
///
///     2026-11-29T08:46:22.123456789Z stdout F hello\n
///     time, stream, tags, text. Tags: P = this line goes on in the stream's next record, F = it
///     ends
///
/// The time is RFC 3339 with 0 to 9 decimals and any offset (containerd drops zeros at the end and
/// uses the node's zone). The text may have any length, so only the head is parsed here.
/// Pure and thread-safe. Source: Kubernetes' pkg/kubelet/kuberuntime/logs, "CRI log format".

namespace dlws::model {

/// Microseconds since 1970 in UTC: what an archive's times can tell apart.
using LogMicros = std::int64_t;

enum class LogStream : std::uint8_t { kStdout, kStderr };

struct LogRecordHead {
    LogMicros time = 0;  ///< finer decimals are cut off
    LogStream stream = LogStream::kStdout;
    bool ends_line = true;  ///< tag F
    std::size_t size = 0;   ///< bytes before the text

    bool operator==(const LogRecordHead&) const = default;
};

/// No head is longer: what has as many bytes and no text yet is no record.
inline constexpr std::size_t kMaxLogRecordHead = 64;

struct LogHeadVerdict {
    enum Kind : std::uint8_t { kHead, kNoRecord, kNeedsMore };
    Kind kind = kNeedsMore;
    LogRecordHead head;  ///< for kHead
};

/// Looks at the first bytes of a record. An answer other than kNeedsMore stays the same whatever
/// bytes follow, so it does not matter how the file was cut into chunks.
LogHeadVerdict ParseLogRecordHead(std::string_view bytes);

/// "2026-11-29T08:46:22.123456Z": always these many bytes in an archive.
inline constexpr std::size_t kLogTimeSize = 27;
/// Outside the years 1 to 9998: the nearest time inside.
std::array<char, kLogTimeSize> FormatLogTime(LogMicros time);
/// Exactly what FormatLogTime writes, at the start of `text`; nothing for anything else.
std::optional<LogMicros> ParseLogTime(std::string_view text);

}  // namespace dlws::model

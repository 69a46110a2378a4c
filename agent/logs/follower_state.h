// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/log_archive.h"

namespace dlws::agent {

/// How far the logs of a pod are archived. The bytes of its files up to `offset` of file `sequence`
/// are, with everything before, in the archive's first `length` bytes.
struct LogPosition {
    std::uint64_t sequence = 1;  ///< smaller ones are done with
    std::uint64_t offset = 0;    ///< bytes of that file
    std::uint64_t length = 0;    ///< bytes of the archive
    std::uint64_t dropped = 0;   ///< bytes left out since; a note about them is due
    bool full = false;           ///< the archive has its largest size, and says so
    model::Archiver archiver;

    bool operator==(const LogPosition&) const = default;
};

/// JSON.
std::string FormatPosition(const LogPosition& position);
/// Nothing for what FormatPosition() never wrote.
std::optional<LogPosition> ParsePosition(std::string_view text);

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// @file
/// Which archives of logs are deleted. Pure: what there is and what time it is are given, and
/// nothing is touched.
///
///     for (const LogDeletion& d : DecideRetention(found, now, {.max_age = std::chrono::days(90)}))
///         Remove(found[d.index].folder);

namespace dlws::agent {

/// The logs of one job.
struct ArchivedJob {
    std::string user;
    std::string folder;
    std::optional<std::chrono::sys_seconds> ended;  ///< none: the job still writes
    std::uint64_t bytes = 0;
};

/// Zero: no limit.
struct RetentionLimits {
    std::chrono::seconds max_age{0};       ///< since the job ended
    std::uint64_t max_bytes_per_user = 0;  ///< logs of all jobs of a user, those that run too
};

struct LogDeletion {
    std::size_t index = 0;  ///< in what was given
    enum Reason { kAge, kSize } reason = kAge;

    bool operator==(const LogDeletion&) const = default;
};

/// First everything that is too old; then, for each user who has too much left, what ended first,
/// until it is enough. A job that still writes is never deleted, even if its user then has too
/// much; one that ended in the future (two clocks) counts as ended now. In the order of deletion,
/// each job at most once; jobs that ended together go in the order in which they were given.
std::vector<LogDeletion> DecideRetention(const std::vector<ArchivedJob>& jobs,
                                         std::chrono::sys_seconds now,
                                         const RetentionLimits& limits);

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/retention.h"

#include <algorithm>
#include <map>
#include <utility>

namespace dlws::agent {

std::vector<LogDeletion> DecideRetention(const std::vector<ArchivedJob>& jobs,
                                         std::chrono::sys_seconds now,
                                         const RetentionLimits& limits) {
    std::vector<std::size_t> by_end;
    for (std::size_t i = 0; i < jobs.size(); ++i)
        if (jobs[i].ended) by_end.push_back(i);
    // Of those that ended together, the first of the list first.
    std::ranges::sort(by_end, {}, [&](std::size_t i) { return std::pair(*jobs[i].ended, i); });

    std::map<std::string, std::uint64_t> left;  // bytes, by user
    for (const ArchivedJob& job : jobs)
        left[job.user] += job.bytes;
    std::vector<LogDeletion> deletions;
    const auto remove = [&](std::size_t i, LogDeletion::Reason reason) {
        deletions.push_back({i, reason});
        left[jobs[i].user] -= jobs[i].bytes;
    };
    const auto too_old = [&](std::size_t i) {
        return limits.max_age.count() > 0 && now - *jobs[i].ended > limits.max_age;
    };
    for (const std::size_t i : by_end)
        if (too_old(i)) remove(i, LogDeletion::kAge);
    if (limits.max_bytes_per_user == 0) return deletions;
    for (const std::size_t i : by_end)
        if (!too_old(i) && jobs[i].bytes > 0 && left[jobs[i].user] > limits.max_bytes_per_user)
            remove(i, LogDeletion::kSize);
    return deletions;
}

}  // namespace dlws::agent

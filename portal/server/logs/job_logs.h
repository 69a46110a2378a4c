// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/dljob.h"
#include "model/pod.h"
#include "portal/server/logs/sources.h"

/// @file
/// Which logs a job has, from what the caches hold of it. Pure.

namespace dlws::portal {

/// A job and its pods at one moment. A plain value.
class JobLogs {
  public:
    using Time = std::chrono::system_clock::time_point;
    /// `pods`: those of the job; others do no harm.
    JobLogs(model::DLJob job, std::vector<model::PodView> pods);

    const model::DLJob& job() const { return job_; }
    const std::vector<model::PodView>& pods() const { return pods_; }
    /// Over the roles in their order; of an elastic role as many as are wanted now.
    int Ranks() const;
    /// With attempt 0; nothing: there is no such rank.
    std::optional<LogSource> At(int rank) const;
    /// The attempt that a place is in, or was in last.
    int Latest(const LogSource& place) const;
    /// `word`: latest, previous, all, or a number. Nothing: there is no previous one.
    std::optional<int> Attempt(const LogSource& place, std::string_view word) const;

    /// `later`: attempts that come after this one are told as well.
    LogPlan::Facts FactsOf(const LogSource& source, bool later, Time now) const;
    /// Null: there is none.
    const model::PodView* PodOf(const LogSource& source) const;
    bool Over() const;

  private:
    model::DLJob job_;
    std::vector<model::PodView> pods_;
};

/// A time of a query, RFC 3339 with any fraction and offset; nothing: it is none.
std::optional<model::LogMicros> ParseQueryTime(std::string_view text);

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "portal/server/call.h"
#include "portal/server/logs/job_logs.h"
#include "portal/server/logs/position.h"
#include "portal/server/logs/rank_reader.h"

/// @file
/// What the operations on logs are asked, and from where on each rank is to be read. Pure.

namespace dlws::portal {

struct LogQuery {
    std::vector<int> ranks;  ///< sorted; empty: all
    std::string attempt = "latest";
    std::optional<model::LogMicros> since, until;
    std::optional<std::uint64_t> tail;
    std::string container = "main";
    std::string cursor;  ///< empty: none
    std::size_t limit = 1000;
    bool timestamps = false;

    /// Attempts that come later are told as well.
    bool Later() const { return attempt == "latest" || attempt == "all"; }
};

/// Problem: 400, with the parameter.
std::expected<LogQuery, Problem> ReadLogQuery(const kube::HttpParameters& parameters);

struct LogStart {
    std::vector<LogSource> sources;     ///< by rank
    std::vector<RankPosition> from;     ///< of each of them
    std::optional<std::uint64_t> tail;  ///< of each of them
};
/// Problem: 400 for ranks that are not there, more than 64, or a cursor that cannot be read (one
/// that `lenient` takes as none, as it stands in Last-Event-ID). 404: there is no such attempt.
std::expected<LogStart, Problem> StartOf(const LogQuery& query, const JobLogs& job, bool lenient);
/// What cursors are about.
std::string CursorAbout(const LogQuery& query, const JobLogs& job);

}  // namespace dlws::portal

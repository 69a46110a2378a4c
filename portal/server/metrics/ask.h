// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "kube/http_query.h"
#include "model/time.h"
#include "portal/server/logs/job_logs.h"
#include "portal/server/metrics/queries.h"
#include "portal/server/problem.h"

/// @file
/// What a caller asks about a job, and what is asked of Prometheus for it. Pure.

namespace dlws::portal {

struct MetricsAsk {
    Metric metric = Metric::Cpu;
    std::optional<model::Time> from, to;
    std::vector<int> ranks;  ///< in order, each once; empty: the first 16
};

/// Problem: 400.
std::expected<MetricsAsk, Problem> ReadMetricsAsk(const kube::HttpParameters& parameters);

/// One line, or of GPUs one for each GPU, that there may be.
struct MetricRank {
    int rank = 0;
    MetricPlace place;
    std::string pod;  ///< of its last attempt
};

struct MetricsPlan {
    std::vector<MetricRank> ranks;
    /// Nothing: there are no points in that time, and nobody need be asked.
    std::optional<MetricRange> range;
    MetricQuery query;
};

/// `scrape`: seconds between two readings. Of GPUs so many ranks, from the first, as their series
/// are no more than kMaxSeries. Nothing before the job was made is asked for, since its name may
/// have been another's. Problem: 400, a rank that the job has not, or times in the wrong order.
std::expected<MetricsPlan, Problem> PlanMetrics(const MetricsAsk& ask, const JobLogs& job,
                                                model::Time now, int scrape,
                                                const std::string& matchers);

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "portal/server/metrics/ask.h"

/// @file
/// From what Prometheus answers to what the contract says. Pure; one at a time a thread.

namespace dlws::portal {

struct MetricSeries {
    int rank = 0;
    std::string pod;
    std::string device;  ///< "0", or "0/7" of a MIG instance; empty: it is of no device
    std::vector<std::pair<std::int64_t, double>> points;  ///< seconds since 1970
};

/// In the order of ranks, then devices; at most kMaxSeries of at most kMaxPoints. What is of none
/// of the plan's ranks, and what is no number, is left out. Nothing: it is no matrix of
/// Prometheus'.
std::optional<std::vector<MetricSeries>> ReadMatrix(std::string_view body, const MetricsPlan& plan);

/// Schema JobMetrics.
std::string MetricsJson(const MetricsPlan& plan, const std::vector<MetricSeries>& series);
std::string NoMetricsJson(Metric metric, std::string_view why);

}  // namespace dlws::portal

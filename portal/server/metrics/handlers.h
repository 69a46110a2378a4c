// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "portal/server/backend.h"
#include "portal/server/logs/job_logs.h"
#include "portal/server/metrics/prometheus.h"
#include "portal/server/router.h"

namespace dlws::portal {

/// What jobs use. All that is referred to outlives the router.
struct JobMetrics {
    Backend& backend;
    /// A job with its pods; nothing: there is none.
    std::function<std::optional<JobLogs>(const std::string& ns, const std::string& job)> find;
    Prometheus* prometheus = nullptr;  ///< null: none is set up
    int scrape_seconds = 30;           ///< between two of its readings
    std::string matchers;              ///< LabelMatchers()
};

/// GetJobMetrics.
void AddJobMetrics(Router& router, const JobMetrics& metrics);

}  // namespace dlws::portal

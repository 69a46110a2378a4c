// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/dlcluster.h"
#include "model/dluser.h"
#include "portal/server/jobs/row.h"

/// @file
/// All about one job: JobDetail of portal/openapi.yaml. Pure.

namespace dlws::portal {

/// What somebody may do with a job.
struct Can {
    bool change = false, remove = false, read_logs = false, list_pods = false, approve = false;
    bool operator==(const Can&) const = default;
};

/// How far a job has come. Of a job that has ended, steps that never came are skipped.
struct TimelineStep {
    std::string_view
        name;  ///< Submitted, Approved, Admitted (its pods were made), Running, Finished
    std::optional<model::Time> at;
    std::optional<std::int64_t> seconds;  ///< since the step before that has a time
    bool skipped = false;
    bool operator==(const TimelineStep&) const = default;
};
std::vector<TimelineStep> TimelineOf(const model::DLJob& job);

/// Schema JobDetail. `job`: as the informer keeps it (JobProjection). `folder`: see JobFolderFor.
std::string DetailJson(const kube::Object& job, const Row& row, const Can& can,
                       const std::string& folder);

/// Where people find the job's folder on the nodes; empty: there is no storage jobfiles on them,
/// or who submitted it runs nothing.
std::string JobFolderFor(const model::DLJob& job, const model::DLCluster& cluster,
                         const model::UserDirectory& users);

}  // namespace dlws::portal

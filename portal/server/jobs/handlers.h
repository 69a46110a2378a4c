// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kube/store.h"
#include "model/storage.h"
#include "portal/server/backend.h"
#include "portal/server/jobs/detail.h"
#include "portal/server/jobs/job_table.h"
#include "portal/server/router.h"

namespace dlws::portal {

/// Operations on jobs. All that is referred to outlives the router.
struct Jobs {
    Backend& backend;
    const JobTable& table;
    const kube::Store& store;                ///< DLJobs, as JobCacheSettings() keeps them
    std::function<std::string()> stream_id;  ///< of a list that is made now
    std::function<std::string(const model::DLJob&)> folder;  ///< JobFolderFor()
    const kube::Store* pods = nullptr;  ///< as PodCacheSettings() keeps them; null: nobody does
    /// The cluster's storages; null: they are not known.
    std::function<const std::vector<model::Storage>&()> storages = {};
};

/// ListJobs, GetJobDetail.
void AddJobs(Router& router, const Jobs& jobs);

/// JobDetail of a job that the caller may get, as JSON; nothing: it is not there.
kube::Awaitable<std::optional<std::string>> DetailOf(const Jobs& jobs, const Caller& caller,
                                                     std::string ns, std::string name);

/// What the caller may do with the job; an API server that is away is "no".
kube::Awaitable<Can> CanDo(const Backend& backend, const Caller& caller, const model::DLJob& job);

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "caches/gpus.h"
#include "kube/store.h"
#include "model/cluster_status.h"
#include "model/dlcluster.h"
#include "portal/server/backend.h"
#include "portal/server/jobs/job_table.h"
#include "portal/server/router.h"
#include "portal/server/stream/feed.h"

namespace dlws::portal {

/// GetClusterStatus, ListNodes, ListStorages, and the topic `cluster` of streams: for those who may
/// `get clusterstatuses`, a resource that exists in rules of RBAC alone, since `get dlclusters`
/// would show the paths of the nodes. All that it refers to outlives the router and the streams.
struct Cluster {
    Backend& backend;
    const caches::Gpus& gpus;
    const kube::Store& nodes;  ///< DLNodes
    const kube::Store& users;  ///< DLUsers
    const JobTable& jobs;
    const model::DLCluster& settings;
    const model::ClusterStatus& status;  ///< of it
    std::string smb_host;                ///< of the Samba server; empty: there is none
    std::function<model::Time()> now = [] {
        return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    };
};

void AddCluster(Router& router, const Cluster& cluster);

/// Of the topic `cluster`: the whole document when another one than before, at most once in
/// kClusterInterval.
inline constexpr std::chrono::milliseconds kClusterInterval{2'000};
std::unique_ptr<Feed> MakeClusterFeed(const Cluster& cluster, const Topic& topic);

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/node_facts.h"

/// @file
/// `status` of the DLCluster: what the operator says about storages, GPUs and nodes. Plain values.

namespace dlws::model {

/// crds/dlcluster.yaml describes each field.
struct StorageStatus {
    std::string name;
    std::string problem;                   ///< why nobody can use it; empty: they can
    int nodesHealthy = 0, nodesTotal = 0;  ///< total 0: no node is asked about it
    std::int64_t bytesTotal = 0, bytesFree = 0, inodesTotal = 0, inodesFree = 0;
    std::string message;
    bool operator==(const StorageStatus&) const = default;
};

/// Each GPU is counted once: total = used + free + cordoned + unhealthy. Unit: GPUs.
struct GpuCounts {
    int total = 0;        ///< what the nodes have
    int allocatable = 0;  ///< of them, what nodes offer that are neither in trouble nor cordoned
    int used = 0;         ///< held by pods, of jobs and others
    int free = 0;         ///< idle, and new pods may get them
    int cordoned = 0;     ///< idle on nodes that are cordoned
    int unhealthy = 0;    ///< idle on nodes in trouble, or broken
    bool operator==(const GpuCounts&) const = default;
};

struct GpuTypeStatus {
    std::string type;
    int nodes = 0;
    GpuCounts gpus;
    int largestFree = 0;  ///< the most that one node has free
    bool operator==(const GpuTypeStatus&) const = default;
};

/// Who holds how many GPUs: a job, a user, or a namespace; what does not apply is empty. A user or
/// job that is empty where it applies is that of pods that are no job's.
struct GpuHolder {
    std::string ns, job, user;
    int used = 0;
    bool operator==(const GpuHolder&) const = default;
};

/// The first of a list that may be long.
template <class T>
struct Top {
    std::vector<T> items;
    int omitted = 0;  ///< how many are left out
    bool operator==(const Top&) const = default;
};

/// Each node is counted once as cordoned or unhealthy: one that is both is unhealthy.
struct NodeCounts {
    int total = 0, withGpus = 0, cordoned = 0, unhealthy = 0;
    int notReady = 0;  ///< of the unhealthy ones
    bool operator==(const NodeCounts&) const = default;
};

/// What is wrong with one node; crds/dlcluster.yaml has the reasons.
struct NodeProblem {
    std::string node, reason, message;
    std::optional<Time> since;
    int gpus = 0;  ///< that it keeps from new jobs
    bool operator==(const NodeProblem&) const = default;
};

/// What the node manager says (NodeSummary makes it).
struct NodeReport {
    GpuCounts gpus;
    Top<GpuTypeStatus> types;                ///< most GPUs first
    Top<GpuHolder> users, namespaces, jobs;  ///< who holds most first
    NodeCounts nodes;
    Top<NodeProblem> problems;  ///< the worst first
    bool operator==(const NodeReport&) const = default;
};

/// Most of each list of a report: as JSON it stays under 64 KB, whatever the cluster.
inline constexpr std::size_t kMaxGpuTypes = 32, kMaxGpuHolders = 20, kMaxNodeProblems = 20;

struct ClusterStatus {
    std::int64_t observedGeneration = 0;
    std::string summary;                  ///< all storages in a few words, for a column
    std::vector<StorageStatus> storages;  ///< in the order of the spec
    NodeReport report;
    bool operator==(const ClusterStatus&) const = default;
};

/// Reads `status` of a whole DLCluster document; no status at all is an empty one.
std::expected<ClusterStatus, std::string> ParseClusterStatus(std::string_view dlclusterJson);

/// A JSON merge patch (RFC 7386) for the `status` subresource that makes it this, with metadata.uid
/// and metadata.resourceVersion as preconditions. Fields that are not ours stay.
std::string ClusterStatusPatch(const ClusterStatus& status, std::string_view uid,
                               std::string_view resourceVersion);

}  // namespace dlws::model

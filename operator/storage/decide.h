// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/cluster_status.h"
#include "model/dlcluster.h"
#include "model/dlnode.h"
#include "operator/job/failure.h"
#include "operator/storage/troubles.h"

/// @file
/// From what the agents tell to labels of nodes and the status of the DLCluster. Pure: no clock,
/// no I/O.
///
/// A node is labelled `storage.dlworkspace.io/<name>` with the storage's state there, for each
/// HostMount storage that can be used at all; jobs are scheduled by the value Healthy.

namespace dlws::storage {

using model::IsFresh;
using model::kStale;

/// Free space is written no more often by itself. All is looked at again after so long.
inline constexpr std::chrono::seconds kSpaceInterval{60};

/// What is said of nodes and GPUs is written no more often by itself, in a cluster of so many
/// nodes: 1 s for each 100 of them, 5 s to 60 s. An agent on each watches the DLCluster, so that
/// writes of 10 KB are 1 MB/s to all of them together at most.
std::chrono::seconds ReportInterval(std::size_t nodes);

struct NodeView {
    std::string_view name, uid;
    const std::map<std::string, std::string>* labels = nullptr;  ///< others than ours are ignored
    const model::DLNode* told = nullptr;                         ///< null: its agent never spoke
};

struct World {
    model::DLCluster cluster;
    model::ClusterStatus was;            ///< as it stands in the DLCluster
    model::NodeReport report;            ///< to be told besides
    std::vector<NodeView> nodes;         ///< valid as long as what they point to
    std::optional<model::Time> written;  ///< when this process last wrote the status
    model::Time now{};
};

struct LabelChange {
    std::string node, uid;
    std::map<std::string, std::optional<std::string>> labels;  ///< none: to be removed
    bool operator==(const LabelChange&) const = default;
};

/// About the DLCluster; to be told once the status is written.
struct EventNote {
    bool warning = false;
    std::string reason, note;
    bool operator==(const EventNote&) const = default;
};

struct Decision {
    std::vector<LabelChange> labels;
    model::ClusterStatus status;
    bool write_status = false;
    std::vector<EventNote> events;
    StorageTroubles troubles;
    std::chrono::seconds again = kSpaceInterval;
};

/// Linear in nodes times storages.
Decision Decide(const World& world);

/// What failures of that job's pods on these nodes are judged by. Of a node whose labels do not say
/// yet what its agent tells, nobody can say: a pod that is made anew would go there once more.
job::StorageChecks ChecksFor(const model::DLCluster& cluster, const model::DLJob& job,
                             const std::vector<NodeView>& nodes, model::Time now);

/// A JSON merge patch of exactly these labels, for the node of that uid alone.
std::string LabelPatch(const LabelChange& change);

}  // namespace dlws::storage

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "model/cluster_status.h"
#include "model/dlcluster.h"
#include "model/dlnode.h"
#include "model/node_summary.h"

/// @file
/// The state of the cluster as one person may see it: schemas ClusterStatus and Node of
/// portal/openapi.yaml. Pure.
///
///     auto may_see = [&](std::string_view ns) { return visible.Has(ns); };
///     json::serialize(ClusterStatusJson({summary, cluster, status, jobs}, storages, may_see));
///
/// Numbers are of everything; names of jobs, users and namespaces are those of namespaces whose
/// jobs the person may list, and the rest is `others`. Pods that are no job's have no user, so
/// among users they are others too. Strings that come out are within the contract's lengths.

namespace dlws::portal::cluster {

/// Whether somebody may list the jobs of a namespace.
using MaySee = std::function<bool(std::string_view ns)>;

/// What is known. All of it must outlive the call.
struct Known {
    const model::NodeSummary& summary;
    const model::DLCluster& cluster;
    const model::ClusterStatus& status;               ///< of it: what storages are like
    const std::map<std::string, int>& jobs_by_phase;  ///< of all namespaces
};

/// `storages`: StoragesJson() of storages.h. O(types + who holds GPUs).
boost::json::object ClusterStatusJson(const Known& known, boost::json::array storages,
                                      const MaySee& may_see);

/// In the order of badness. Unhealthy: in trouble, but Ready. A node with broken GPUs is Ready and
/// has a problem.
enum class NodeState { kReady, kCordoned, kUnhealthy, kNotReady };
NodeState StateOf(const model::NodeFacts& facts);
std::string_view ToString(NodeState state);

/// `told`: what its agent says; null: nothing. O(jobs on the node).
boost::json::object NodeJson(const model::NodeSummary& summary, const model::NodeRow& row,
                             const model::DLCluster& cluster, const model::DLNode* told,
                             model::Time now, const MaySee& may_see);

}  // namespace dlws::portal::cluster

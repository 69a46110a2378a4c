// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/cluster_status.h"
#include "model/node_facts.h"

namespace dlws::model {

/// What one pod holds.
struct PodFacts {
    std::string ns, job;  ///< the DLJob's name
    std::string node;     ///< empty: it waits for one
    int gpus = 0;
    bool terminal = false;
};

/// Of a node, what a heat map shows.
struct NodeRow {
    NodeFacts facts;
    int used = 0;  ///< GPUs that pods of jobs hold
    bool operator==(const NodeRow&) const = default;
};

/// The GPUs of all nodes, and who holds them: a change of one node, pod or job costs O(log n), and
/// nothing walks over all nodes or pods, but a caller over Nodes().
///
///     NodeSummary summary;
///     summary.PutNode(*ParseNode(json, typeLabel));
///     summary.PutPod("vision/digits-worker-0-0", {"vision", "digits", "node-1", 8, false});
///     summary.PutJob("vision", "digits", "alice");
///     summary.Report().gpus.free;
///
/// In any order: a pod may be there before its node, or before its job, whose user is "" until
/// then. What a pod holds on a node that is not known counts for its job, but for no type. Pods of
/// others than jobs are not known here, so GPUs that such hold look free. Keeps about 300 bytes a
/// pod that holds GPUs, 300 a node, 200 a job. Pure, and confined to one thread.
class NodeSummary {
  public:
    NodeSummary() = default;
    NodeSummary(const NodeSummary&) = delete;
    NodeSummary& operator=(const NodeSummary&) = delete;

    /// Each adds or replaces. A `pod` is any name that no other pod has at the time.
    void PutNode(NodeFacts facts);
    void PutPod(const std::string& pod, const PodFacts& facts);
    void PutJob(const std::string& ns, const std::string& job, const std::string& user);
    /// What is not there is not removed. Pods of a job that is removed still count.
    void RemoveNode(const std::string& node);
    void RemovePod(const std::string& pod);
    void RemoveJob(const std::string& ns, const std::string& job);

    /// In the bounds of DLCluster's status. O(types + who holds GPUs).
    NodeReport Report() const;

    /// By name.
    const std::map<std::string, NodeRow>& Nodes() const { return nodes_; }
    /// By namespace and user: GPUs, more than 0.
    const std::map<std::pair<std::string, std::string>, int>& Holders() const { return holders_; }
    const std::map<std::string, GpuTypeStatus>& Types() const { return types_; }

  private:
    struct Job {
        std::string user;
        int used = 0, pods = 0;
        bool known = false;  // PutJob() said so
    };
    using JobKey = std::pair<std::string, std::string>;  // namespace and name
    struct Pod {
        std::string node;
        JobKey job;
        int gpus = 0;
        bool operator==(const Pod&) const = default;
    };
    using ProblemKey = std::tuple<int, int, std::string>;  // how bad, -GPUs, node

    void Count(const NodeRow& row, int sign);
    void Use(const Pod& pod, int sign);
    void Hold(const std::string& ns, const std::string& user, int gpus);
    void ForgetIfUnused(std::map<JobKey, Job>::iterator job);

    std::map<std::string, NodeRow> nodes_;
    std::unordered_map<std::string, int> used_;  // by node, known or not
    std::unordered_map<std::string, Pod> pods_;  // those that hold GPUs
    std::map<JobKey, Job> jobs_;
    std::map<std::pair<std::string, std::string>, int> holders_;
    std::map<std::string, GpuTypeStatus> types_;
    NodeCounts counts_;
    std::set<ProblemKey> problems_;
};

}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
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
    std::string ns, job;  ///< the DLJob's name; empty: it is no job's
    std::string node;     ///< empty: it waits for one
    int gpus = 0;
    bool terminal = false;
};

/// Of a node, what a heat map shows.
struct NodeRow {
    NodeFacts facts;
    int used = 0;  ///< GPUs that pods hold
    bool operator==(const NodeRow&) const = default;
};

/// Of whoever holds GPUs: how many, in how many jobs (pods that are no job's count for none).
struct Holding {
    int gpus = 0, jobs = 0;
    bool operator==(const Holding&) const = default;
};

/// The GPUs of one node that can be given away now.
int FreeOn(const NodeRow& row);

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
/// then. What a pod holds on a node that is not known counts for its job, but for no type. Pods
/// that are no job's count for their namespace and the user "". Keeps about 200 bytes a pod that
/// holds GPUs, 400 a node, 200 a job. Pure, and confined to one thread.
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
    /// Who holds GPUs of that node, by namespace and job, the job empty for pods that are no job's.
    /// O(jobs there).
    std::vector<GpuHolder> HoldersOn(const std::string& node) const;
    /// By namespace and user: more than 0 GPUs.
    const std::map<std::pair<std::string, std::string>, Holding>& Holders() const {
        return holders_;
    }
    const std::map<std::string, GpuTypeStatus>& Types() const { return types_; }
    const NodeCounts& Counts() const { return counts_; }
    /// The worst ones first. O(most).
    Top<NodeProblem> Problems(std::size_t most = kMaxNodeProblems) const;
    /// Another number than before when anything of the above may be different.
    std::uint64_t Version() const { return version_; }

  private:
    struct Job {
        std::string user;
        int used = 0, pods = 0;
        bool known = false;  // PutJob() said so
    };
    using JobKey = std::pair<std::string, std::string>;  // namespace and name
    using JobEntry = std::pair<const JobKey, Job>;
    // What is held on one node, known or not.
    struct Load {
        int used = 0;
        std::vector<std::pair<const JobEntry*, int>> jobs;  // in no order
    };
    // Both live as long as a pod counts for them.
    struct Pod {
        std::pair<const std::string, Load>* load = nullptr;
        JobEntry* job = nullptr;
        int gpus = 0;
        bool operator==(const Pod&) const = default;
    };
    using ProblemKey = std::tuple<int, int, std::string>;  // how bad, -GPUs, node

    void Count(const NodeRow& row, int sign);
    void Use(const Pod& pod, int sign);
    void Hold(const JobEntry& job, int sign);
    void ForgetIfUnused(const JobEntry& job);

    std::map<std::string, NodeRow> nodes_;
    std::unordered_map<std::string, Load> loads_;  // by node
    std::unordered_map<std::string, Pod> pods_;    // those that hold GPUs
    std::map<JobKey, Job> jobs_;
    std::map<std::pair<std::string, std::string>, Holding> holders_;
    std::map<std::string, GpuTypeStatus> types_;
    std::map<std::string, std::map<int, int>> free_;  // by type: nodes by how many they have free
    NodeCounts counts_;
    std::set<ProblemKey> problems_;
    std::uint64_t version_ = 0;
};

}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "kube/informer.h"
#include "kube/metrics.h"
#include "model/dlcluster.h"
#include "model/node_summary.h"

namespace dlws::node {

/// Knows the GPUs of all nodes, and who holds them: listens to caches that others keep, and says it
/// in metrics. It writes nothing: the storage manager writes the DLCluster's status, with what
/// Observe() says in it.
///
///     node::Manager gpus(storages.Nodes(), jobs.Pods(), jobs.Jobs(), metrics, leading);
///     model::NodeReport report = gpus.Observe(cluster);
///
/// Of a change of one node, pod or job only that one is looked at. The informers, which must not
/// run yet, and `metrics` must outlive it. Confined to their executor.
class Manager {
  public:
    /// `nodes` keeps model::NodeProjection of each Node, `pods` model::PodProjection of the pods of
    /// jobs. `leading`: whether this process publishes metrics.
    Manager(kube::Informer& nodes, kube::Informer& pods, kube::Informer& jobs,
            kube::Metrics& metrics, std::function<bool()> leading);
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    /// For the DLCluster's status. Walks over all nodes when another label names the GPUs' type.
    model::NodeReport Observe(const model::DLCluster& cluster);

    const model::NodeSummary& Summary() const { return summary_; }

  private:
    void OnNode(const kube::Change& change);
    void PutNode(const kube::Object& node);
    void OnPod(const kube::Change& change);
    void OnJob(const kube::Change& change);

    kube::Informer& nodes_;
    std::function<bool()> leading_;
    std::string type_label_{model::kGpuTypeLabel};
    model::NodeSummary summary_;
};

/// More pairs of namespace and user than that get no series of their own: those that hold least.
inline constexpr std::size_t kMaxHolderSeries = 1'000;

/// What Prometheus learns of GPUs (docs/reference/metrics.md lists it). Pure but for the writing.
void WriteSamples(const model::NodeSummary& summary, kube::Samples& out);

}  // namespace dlws::node

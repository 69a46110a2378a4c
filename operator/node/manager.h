// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
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
///     node::Manager gpus({storages.Nodes(), jobs.Pods(), others, jobs.Jobs()}, metrics, leading);
///     gpus.OnNews([&] { storages.TellSoon(); });
///     if (auto report = gpus.Observe(cluster)) …
///
/// Of a change of one node, pod or job only that one is looked at. The informers, which must not
/// run yet, and `metrics` must outlive it. Confined to their executor.
class Manager {
  public:
    struct Informers {
        kube::Informer& nodes;   ///< of each model::NodeProjection
        kube::Informer& pods;    ///< those with our label: model::PodProjection
        kube::Informer& others;  ///< OtherPods()
        kube::Informer& jobs;
    };
    /// `leading`: whether this process publishes metrics.
    Manager(Informers informers, kube::Metrics& metrics, std::function<bool()> leading);
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    /// Called when what Observe() says may be different: for each change, once all has been read.
    void OnNews(std::function<void()> handler) { news_ = std::move(handler); }

    /// All has been read once.
    bool HasSynced() const;
    /// For the DLCluster's status; none until all has been read. Walks over all nodes when another
    /// label names the GPUs' type.
    std::optional<model::NodeReport> Observe(const model::DLCluster& cluster);

    const model::NodeSummary& Summary() const { return summary_; }

  private:
    void OnNode(const kube::Change& change);
    void PutNode(const kube::Object& node);
    /// `labelled`: with our label.
    void OnPod(const kube::Change& change, bool labelled);
    void OnJob(const kube::Change& change);
    void TellNews();

    Informers informers_;
    std::function<bool()> leading_;
    std::string type_label_{model::kGpuTypeLabel};
    model::NodeSummary summary_;
    std::optional<std::uint64_t> told_;  // of summary_'s versions
    std::function<void()> news_ = [] {};
};

/// Pods that hold GPUs and are none that the job controller sees, which is those with our label in
/// `ns` (empty: in all namespaces). No selector can ask for GPUs, so all other pods that run
/// somewhere are read, and dropped by a search for the resource's name.
kube::Informer::Settings OtherPods(const std::string& ns = "");

/// More pairs of namespace and user than that get no series of their own: those that hold least.
inline constexpr std::size_t kMaxHolderSeries = 1'000;

/// What Prometheus learns of GPUs (docs/reference/metrics.md lists it). Pure but for the writing.
void WriteSamples(const model::NodeSummary& summary, kube::Samples& out);

}  // namespace dlws::node

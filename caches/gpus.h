// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "kube/informer.h"
#include "model/dlcluster.h"
#include "model/node_summary.h"

/// @file
/// What more than one of our processes keeps of the cluster, and knows from it. It writes nothing.

namespace dlws::caches {

/// Knows the GPUs of all nodes, and who holds them: listens to caches that others keep.
///
///     Gpus gpus({nodes, pods, others, jobs});
///     gpus.OnNews([&] { storages.TellSoon(); });
///     if (auto report = gpus.Observe(cluster)) …
///
/// Of a change of one node, pod or job only that one is looked at. The informers, which must not
/// run yet, must outlive it. Confined to their executor.
class Gpus {
  public:
    struct Informers {
        kube::Informer& nodes;   ///< of each model::NodeProjection
        kube::Informer& pods;    ///< those with our label: model::PodProjection
        kube::Informer& others;  ///< OtherPods()
        kube::Informer& jobs;    ///< with what spec.submittedBy says
    };
    explicit Gpus(Informers informers);
    Gpus(const Gpus&) = delete;
    Gpus& operator=(const Gpus&) = delete;

    /// Called when what Observe() says may be different: for each change, once all has been read.
    void OnNews(std::function<void()> handler) { news_ = std::move(handler); }

    /// All has been read once.
    bool HasSynced() const;
    /// For the DLCluster's status; none until all has been read.
    std::optional<model::NodeReport> Observe(const model::DLCluster& cluster);
    /// The node's label that names the type of its GPUs. Another one than before: walks over all
    /// nodes.
    void UseTypeLabel(const std::string& label);

    const model::NodeSummary& Summary() const { return summary_; }

  private:
    void OnNode(const kube::Change& change);
    void PutNode(const kube::Object& node);
    /// `labelled`: with our label.
    void OnPod(const kube::Change& change, bool labelled);
    void OnJob(const kube::Change& change);
    void TellNews();

    Informers informers_;
    std::string type_label_{model::kGpuTypeLabel};
    model::NodeSummary summary_;
    std::optional<std::uint64_t> told_;  // of summary_'s versions
    std::function<void()> news_ = [] {};
};

/// Pods that hold GPUs and are none that the job controller sees, which is those with our label in
/// `ns` (empty: in all namespaces). No selector can ask for GPUs, so all other pods that run
/// somewhere are read, and dropped by a search for the resource's name.
kube::Informer::Settings OtherPods(const std::string& ns = "");

}  // namespace dlws::caches

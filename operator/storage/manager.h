// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kube/client.h"
#include "kube/events.h"
#include "kube/informer.h"
#include "kube/metrics.h"
#include "operator/pass_loop.h"
#include "operator/storage/decide.h"

namespace dlws::storage {

/// Labels nodes with what their storages are like, and says in DLCluster's status how each storage
/// is: watches DLNodes, Nodes and the DLCluster, decides about all of them at once, and writes what
/// differs.
///
///     Manager storages(client, events, metrics, random, {});
///     // run every Informer of storages.Informers() always, storages.Work() once while this
///     // process is the leader
///
/// While there is no DLCluster (its release replaces it) labels stay as they are. Confined to the
/// client's executor; must outlive its coroutines.
class Manager {
  public:
    struct Settings {
        int parallel_writes = 16;
        /// What happens within this time of a change is looked at together.
        std::chrono::milliseconds coalesce{500};
        /// Whether this process leads, and so publishes metrics.
        std::function<bool()> leading = [] { return true; };
        /// What is written besides: the DLCluster's status has one writer, and that is us. None:
        /// not known yet, what is there stays.
        std::function<std::optional<model::NodeReport>(const model::DLCluster&)> observe_nodes =
            [](const model::DLCluster&) { return std::nullopt; };
    };

    Manager(kube::Client& client, kube::EventRecorder& events, kube::Metrics& metrics,
            kube::Random& random, Settings settings);

    PassLoop::Informers Informers();
    /// Of each Node it keeps model::NodeProjection, and of its labels ours.
    kube::Informer& Nodes() { return nodes_; }
    bool HasSynced() const;

    /// Works until cancelled; begins when all has been read.
    kube::Awaitable<void> Work();

    /// What observe_nodes says has changed: it is told as soon as ReportInterval() allows.
    void TellSoon();

    /// As of the last look.
    const StorageTroubles& Troubles() const { return troubles_; }
    /// What failures of that job's pods are judged by.
    job::StorageChecks ChecksFor(const model::DLCluster& cluster, const model::DLJob& job,
                                 const std::vector<model::PodView>& pods) const;
    /// Called when they have changed.
    void OnTroubles(std::function<void()> handler) { changed_ = std::move(handler); }

  private:
    struct Batch;

    void OnNode(const kube::Change& change);
    void OnTold(const kube::Change& change);

    /// True: done; false: to be tried again, later each time.
    kube::Awaitable<bool> Pass();
    std::optional<World> Observe(const kube::Object& cluster) const;
    /// Valid as long as `node`, and until this waits.
    NodeView ViewOf(const kube::Object& node) const;
    /// Those of whose node the cache knows our last write.
    std::vector<LabelChange> CaughtUp(std::vector<LabelChange> changes);
    kube::Awaitable<bool> WriteLabels(std::vector<LabelChange> changes);
    kube::Awaitable<void> TakeFrom(std::shared_ptr<Batch> batch);
    kube::Awaitable<bool> WriteStatus(kube::ObjectPtr cluster, Decision decision);
    model::Time Now() const;

    kube::Client& client_;
    kube::EventRecorder& events_;
    Settings settings_;
    kube::Informer clusters_, nodes_, told_informer_;
    PassLoop passes_;
    std::unordered_map<std::string, model::DLNode> told_;  // by node
    // The resourceVersions of our own writes that the cache has not seen yet.
    std::unordered_map<std::string, std::uint64_t> written_nodes_;  // by node
    std::uint64_t written_status_ = 0;
    std::optional<model::Time> status_time_;
    model::ClusterStatus status_;
    StorageTroubles troubles_;
    std::function<void()> changed_ = [] {};
};

}  // namespace dlws::storage

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/storage/prober.h"
#include "kube/api.h"
#include "kube/metrics.h"
#include "kube/wait_list.h"
#include "model/dlcluster.h"
#include "model/dlnode.h"

/// @file
/// Checks the storages of DLCluster on this node, again and again, keeps the soft links to them,
/// and tells in the node's DLNode what it found.

namespace dlws::agent {

/// How often what has not changed is told again; an agent that is silent for three times as long
/// counts as gone.
inline constexpr std::chrono::seconds kTellAgain{60};

/// What to check of those that the node mounts; the others are no node's business.
std::vector<std::pair<std::string, MountToCheck>> MountsToCheck(const model::DLCluster& cluster,
                                                                const std::string& node);

/// The status of the DLNode. Of `homes` those that are not there, and those with a quota.
model::DLNode Report(const std::string& node, const StorageFacts& facts,
                     std::vector<std::string> problems, const std::vector<model::NodeHome>& homes,
                     model::Time now);

/// Whether `now` says something that `told` did not. Free space changes all the time and is none of
/// it; nor is that it was checked.
bool IsNews(const model::DLNode& told, const model::DLNode& now);

/// Whether that is to be told: it is news, or the last time is long ago, or somebody asked for a
/// check that begins after the second `asked`, and this is the first.
bool IsDue(const model::DLNode& told, const model::DLNode& now, model::Time asked);

/// Confined to the executor of `api`, which it never blocks. What it is given must outlive it.
class StorageWatcher {
  public:
    struct Settings {
        std::string node;
        std::string system_root;         ///< where we see the folder of the soft links
        std::chrono::seconds period{5};  ///< between two checks of one storage
    };
    StorageWatcher(kube::Api& api, ChildRunner& runner, kube::Metrics& metrics, Settings settings);

    /// Null: there is none, and nothing to check.
    void SetCluster(std::shared_ptr<const model::DLCluster> cluster) {
        cluster_ = std::move(cluster);
    }
    /// As of the last check.
    bool IsHealthy(const std::string& storage) const;
    /// Which mount of it was seen last.
    std::string MountOf(const std::string& storage) const;
    /// Called after each check of all storages.
    void OnChecked(std::function<void()> handler) { checked_ = std::move(handler); }
    /// Where users' folders are known.
    void SetHomes(std::function<std::vector<model::NodeHome>()> homes) {
        homes_ = std::move(homes);
    }
    /// A job's program ended with an error in that second. Whether for want of a storage, the next
    /// check tells, news or not; it begins as soon as that second is over. So there is at most one
    /// a second, however many fail.
    void CheckAfter(model::Time second);
    /// Something was told since we run.
    bool HasTold() const { return told_.has_value(); }

    /// Until cancelled.
    kube::Awaitable<void> Run();

  private:
    kube::Awaitable<void> Restore();
    kube::Awaitable<void> Rest(std::chrono::steady_clock::time_point began, model::Time checked);
    kube::Awaitable<void> CheckAll();
    kube::Awaitable<void> CheckOne(std::string name, MountToCheck mount);
    void KeepSystemFolders();
    kube::Awaitable<void> Tell(model::DLNode report);
    kube::Awaitable<bool> Create();

    kube::Api& api_;
    Settings settings_;
    Prober prober_;
    StorageFacts facts_;
    std::shared_ptr<const model::DLCluster> cluster_;
    std::vector<std::string> problems_;
    std::optional<model::DLNode> told_;
    kube::WaitList sooner_;
    model::Time asked_{};
    std::function<void()> checked_ = [] {};
    std::function<std::vector<model::NodeHome>()> homes_ = [] {
        return std::vector<model::NodeHome>();
    };
};

}  // namespace dlws::agent

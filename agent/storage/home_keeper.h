// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "agent/storage/home_command.h"
#include "kube/informer.h"
#include "kube/wait_list.h"
#include "model/dlcluster.h"
#include "model/dlnode.h"
#include "model/dluser.h"

namespace dlws::agent {

/// Whose folders there should be, on every storage that has one for each user: those of all DLUsers
/// without a rival, and the cluster's default user's. Pure.
std::vector<Home> HomesOf(const model::DLCluster& cluster,
                          const std::map<std::string, model::DLUser>& users,
                          const model::UserDirectory& directory);

/// Makes users' folders on the storages that have them, where this node reaches them: of all users
/// on the one agent that leads, elsewhere of those who have pods here. Two at once do no harm.
///
/// Confined to one executor. What it is given must outlive it.
class HomeKeeper {
  public:
    struct Settings {
        std::chrono::seconds pause{1};    ///< after a change
        std::chrono::seconds again{600};  ///< folders that somebody has removed are made anew
    };
    /// `healthy`: whether a storage can be used here. `leads`: whether we do it for all nodes.
    HomeKeeper(ChildRunner& runner, boost::asio::any_io_executor executor,
               std::function<bool(const std::string&)> healthy, std::function<bool()> leads,
               Settings settings);

    void SetCluster(std::shared_ptr<const model::DLCluster> cluster);
    void OnUser(const kube::Change& change);
    const model::UserDirectory& Directory() const { return directory_; }
    /// What became of each at the last look.
    const std::vector<model::NodeHome>& Homes() const { return told_homes_; }
    /// Somebody has pods on this node; by the name of the folder.
    void OnPodOf(const std::string& user);
    /// `leads` has become true.
    void Wake() { changed_.NotifyAll(); }

    /// Until cancelled.
    kube::Awaitable<void> Run();

  private:
    kube::Awaitable<void> MakeAll();

    ChildRunner& runner_;
    std::function<bool(const std::string&)> healthy_;
    std::function<bool()> leads_;
    Settings settings_;
    kube::WaitList changed_;
    std::shared_ptr<const model::DLCluster> cluster_;
    std::map<std::string, model::DLUser> users_;
    model::UserDirectory directory_;
    std::set<std::string> here_;                 // who has had pods on this node
    std::map<std::string, std::string> logged_;  // problem by folder, to log each once
    std::vector<model::NodeHome> told_homes_;
    bool unfinished_ = false;
};

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "agent/logs/follower.h"
#include "agent/logs/linker.h"
#include "kube/informer.h"
#include "kube/metrics.h"
#include "model/dlcluster.h"
#include "model/dluser.h"

/// @file
/// The log manager of one node: whose logs the node has, and two threads that archive them: one
/// links files and never waits for a storage, one copies them and may.

namespace dlws::agent {

/// The storage that job folders are on: the first one for each job that this node mounts and that
/// jobs may write to. Null: there is none, and no log is archived.
const model::Storage* JobFilesOf(const model::DLCluster& cluster);

/// What we need to know of a pod.
struct JobPod {
    std::string ns;
    /// The job's folder below that of all job folders, as the operator has written it into the pod;
    /// its first part is the user's. Empty: it is no job's pod.
    std::string folder;
    std::string file;                   ///< of its archive
    std::optional<model::Time> failed;  ///< when its program ended with an error
};
JobPod ReadJobPod(const kube::Object& pod);

/// What a pod's log is to us. `managed`: its namespace is one in which jobs run, where nobody but
/// the operator makes what looks like a job's pod. Pure.
Linker::Answer FactsOf(const JobPod& pod, bool managed, const model::DLCluster& cluster,
                       const std::map<std::string, model::DLUser>& users);

/// What it is told, it is told from one thread, which it never blocks. What it is given must
/// outlive it.
class LogManager {
  public:
    struct Settings {
        std::string pods_folder = "/var/log/pods";
        std::string node_folder = "/var/log/dlws-agent";  ///< on the same file system
    };
    LogManager(kube::Metrics& metrics, Settings settings);
    /// Joins its threads: returns once the storage answers.
    ~LogManager();

    void SetCluster(std::shared_ptr<const model::DLCluster> cluster);
    void OnUser(const kube::Change& change);
    /// Of all pods of this node: one that is not ours is known not to be.
    void PutPod(const std::string& uid, JobPod pod);
    /// It is gone. It stays known until its logs are, for the linker may ask for it later.
    void PodGone(const std::string& uid);
    /// Of the namespaces in which jobs run.
    void OnNamespace(const kube::Change& change);
    /// What the storage of the job folders is like, after each check. `mount`: which mount it is;
    /// files of an earlier one are opened anew.
    void SetPlace(bool healthy, const std::string& mount);

    /// Error: a sentence; nothing is archived.
    std::expected<void, std::string> Start();
    void Stop();

  private:
    struct Place {
        std::string storage, path, mount;
        bool operator==(const Place&) const = default;
    };
    Linker::Answer AnswerFor(const JobPod& pod) const;
    void AnswerAnew();
    void Link(std::stop_token stop);
    void Follow(std::stop_token stop);
    Linker::Answer Ask(const std::string& uid);

    Settings settings_;
    std::shared_ptr<const model::DLCluster> cluster_;
    std::map<std::string, model::DLUser> users_;
    std::map<std::string, JobPod> pods_;  // by UID
    std::deque<std::string> gone_;        // of them, the oldest first
    std::set<std::string> namespaces_;

    std::optional<NodeFolder> node_;
    std::mutex mutex_;  // of what follows
    std::condition_variable_any changed_;
    std::map<std::string, Linker::Answer> answers_;  // by UID
    std::optional<Place> place_;
    std::stop_source run_;  // of the follower at `place_`
    FollowerStats stats_;   // of those before
    Follower* follower_ = nullptr;
    Linker* linker_ = nullptr;
    std::jthread link_, follow_;
};

}  // namespace dlws::agent

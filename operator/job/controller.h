// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "kube/client.h"
#include "kube/events.h"
#include "kube/informer.h"
#include "kube/metrics.h"
#include "kube/workqueue.h"
#include "model/dlcluster.h"
#include "model/pod.h"
#include "operator/job/decide.h"
#include "operator/job/executor.h"

namespace dlws::job {

/// Turns DLJobs into pods: watches, and for each job that something happened to builds a World,
/// asks Decide and lets the Executor perform the answer.
///
///     Controller jobs(client, events, metrics, random, {});
///     // run every Informer of jobs.Informers() always, jobs.Work() in jobs.Workers() coroutines
///     // while this process is the leader
///
/// A job is not decided while the caches lag behind our own writes about it. Confined to the
/// client's executor; must outlive its coroutines.
class Controller {
  public:
    struct Settings {
        std::string ns;             ///< of the jobs to serve; empty: all namespaces
        int workers = 16;           ///< jobs in work at once
        int parallel_creates = 16;  ///< pods of one job created at once
        /// How long a change of counts only may wait. A kubelet tells of a container's end and of
        /// its pod's end in two writes a second apart: the first is worth none of ours.
        std::chrono::milliseconds count_delay{2'000};
    };

    Controller(kube::Client& client, kube::EventRecorder& events, kube::Metrics& metrics,
               kube::Random& random, Settings settings);

    struct NamedInformer {
        std::string name;
        kube::Informer* informer;
    };
    std::vector<NamedInformer> Informers();
    bool HasSynced() const;
    int Workers() const { return settings_.workers; }

    /// One worker: takes jobs off the queue until cancelled or shut down.
    kube::Awaitable<void> Work();

  private:
    // What we remember of a job between two rounds. Losing it (restart) costs repeated reads only.
    struct Memory {
        WrittenVersions written;
        std::optional<WriteProblem> problem;
        std::size_t pods = 0;                                             ///< in the last round
        std::optional<std::chrono::steady_clock::time_point> counts_due;  // see PutOff
    };

    /// A cache went back (etcd restored from a backup): versions we wrote mean nothing any more.
    void ForgetVersions();
    void OnJob(const kube::Change& change);
    void OnPod(const kube::Change& change);
    void OnService(const kube::Change& change);
    void OnCluster(const kube::Change& change);

    enum class Round { kDone, kRetry };
    kube::Awaitable<Round> Reconcile(kube::ObjectKey key);
    /// Reconcile, but whatever one job throws stays with that job.
    kube::Awaitable<Round> ReconcileSafely(kube::ObjectKey key);
    bool CachesLag(const Memory& memory) const;
    std::optional<World> Observe(const kube::Object& job, const Memory& memory) const;
    bool PutOff(const kube::ObjectKey& key, const Decision& decision, Memory& memory);

    kube::Client& client_;
    kube::Metrics& metrics_;
    Settings settings_;
    kube::Informer jobs_, clusters_, pods_, services_;
    kube::WorkQueue queue_;
    Executor executor_;
    std::shared_ptr<const model::DLCluster> cluster_;
    std::string cluster_problem_;
    std::unordered_map<kube::ObjectKey, Memory, kube::ObjectKeyHash> memory_;
};

}  // namespace dlws::job

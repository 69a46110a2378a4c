// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
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
#include "model/dluser.h"
#include "model/pod.h"
#include "operator/admission/enforcement.h"
#include "operator/job/decide.h"
#include "operator/job/metrics.h"
#include "operator/job/reconciler.h"

namespace dlws::job {

/// Turns DLJobs into pods: watches, and for each job that something happened to builds a World,
/// lets the Reconciler do what is to be done.
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
        std::string ns;    ///< of the jobs to serve; empty: all namespaces
        int workers = 16;  ///< jobs in work at once
        Reconciler::Settings rounds;
        admission::Enforcement::Settings admission;
        /// Whether this process leads, and so publishes what it knows of jobs as metrics.
        std::function<bool()> leading = [] { return true; };
        /// Sets storage_trouble, stale_pods and storage_checks of a job with its pods.
        std::function<void(World&)> observe_storage = [](World&) {};
    };

    Controller(kube::Client& client, kube::EventRecorder& events, kube::Metrics& metrics,
               kube::Random& random, Settings settings);

    /// Queues every job of a namespace, or all, because something that many depend on has changed.
    void LookAtAll(const std::string& ns);

    struct NamedInformer {
        std::string name;
        kube::Informer* informer;
    };
    std::vector<NamedInformer> Informers();
    /// For who else wants to know: DLJobs, and of each pod of theirs model::PodProjection.
    kube::Informer& Jobs() { return jobs_; }
    kube::Informer& Pods() { return pods_; }
    bool HasSynced() const;
    int Workers() const { return settings_.workers; }

    /// One worker: takes jobs off the queue until cancelled or shut down.
    kube::Awaitable<void> Work();

  private:
    struct Remembered {
        Memory memory;
        std::size_t pods = 0;  // in the last round
    };

    /// A cache went back (etcd restored from a backup): versions we wrote mean nothing any more.
    void ForgetVersions();
    void OnJob(const kube::Change& change);
    void OnPod(const kube::Change& change);
    void OnService(const kube::Change& change);
    void OnCluster(const kube::Change& change);
    void OnUser(const kube::Change& change);
    void OnApproval(const kube::Change& change);

    /// True: done; false: to be tried again, later each time.
    kube::Awaitable<bool> Reconcile(kube::ObjectKey key);
    /// Reconcile, but whatever one job throws stays with that job.
    kube::Awaitable<bool> ReconcileSafely(kube::ObjectKey key);
    CacheVersions Seen() const;
    std::optional<World> Observe(const kube::Object& job) const;

    kube::Client& client_;
    kube::Metrics& metrics_;
    Settings settings_;
    kube::Informer jobs_, clusters_, pods_, services_, approvals_, namespaces_, users_;
    admission::Enforcement admission_;
    kube::WorkQueue queue_;
    Reconciler reconciler_;
    JobMetrics job_metrics_;
    int active_workers_ = 0;
    std::shared_ptr<const model::DLCluster> cluster_;
    std::string cluster_problem_;
    model::UserDirectory directory_;
    std::unordered_map<kube::ObjectKey, Remembered, kube::ObjectKeyHash> memory_;
};

}  // namespace dlws::job

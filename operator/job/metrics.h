// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kube/metrics.h"
#include "kube/store.h"
#include "model/dljob.h"

/// @file
/// What Prometheus learns of DLJobs (docs/reference/metrics.md lists it).
///
/// Two sorts. Series of single jobs are named and shaped as kube-state-metrics does it, and are
/// written at each scrape from what the cache holds: a job that is deleted takes its series with
/// it. Counts over all jobs (dlws_*) are made when the cache shows the change.
///
/// Only the leader publishes either, so that a sum over the replicas counts nothing twice.

namespace dlws::job {

/// Of one job, what its series are made of: under 400 bytes.
struct JobFacts {
    std::string ns, name, uid;
    model::Phase phase = model::Phase::None;
    int gpus = 0, pods = 0, ready_pods = 0;
    std::optional<model::ReasonClass> pending_class;
    std::string pending_reason;
    model::Restarts restarts;
    std::optional<model::Time> created, started, completed;
    std::string finish_reason;  ///< why it ended; empty while it has not
    bool operator==(const JobFacts&) const = default;
};

/// Pure.
JobFacts ToFacts(const model::DLJob& job);

/// The series of these jobs: eight to ten each. Pure but for the writing.
void WriteSamples(const std::vector<const JobFacts*>& jobs, kube::Samples& out);

/// Keeps the facts of every job and counts what becomes of jobs.
///
///     JobMetrics job_metrics(metrics, [&] { return elector.IsLeader(); });
///     jobs.OnChange([&](const kube::Change& c) { job_metrics.OnJob(c.before, c.after); });
///
/// `metrics` must outlive the last scrape, and the object too. Confined to one executor, which is
/// also where the scrape is answered.
class JobMetrics {
  public:
    /// More jobs than that at once get no series of their own (those that have ended go first);
    /// dlws_dljob_metrics_omitted says how many.
    static constexpr std::size_t kMaxJobs = 20'000;

    /// `leading`: whether we publish and count.
    JobMetrics(kube::Metrics& metrics, std::function<bool()> leading);
    JobMetrics(const JobMetrics&) = delete;
    JobMetrics& operator=(const JobMetrics&) = delete;

    /// A change of the cache of DLJobs: null before, it appeared; null after, it is gone.
    void OnJob(const kube::ObjectPtr& before, const kube::ObjectPtr& after);
    /// The same of the cache of pods.
    void OnPod(const kube::ObjectPtr& before, const kube::ObjectPtr& after);

    std::size_t Size() const { return jobs_.size(); }

  private:
    void Collect(kube::Samples& out) const;
    void CountChange(const JobFacts& before, const JobFacts& after);

    kube::Metrics& metrics_;
    std::function<bool()> leading_;
    std::map<kube::ObjectKey, JobFacts> jobs_;
};

}  // namespace dlws::job

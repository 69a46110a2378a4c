// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dlws::kube {

/// Where a collector writes what it knows at the moment of a scrape: for series that come and go
/// with objects, which a registry would have to be told to forget.
///
///     metrics.AddCollector([&](Samples& out) {
///         if (!out.Family("kube_dlws_dljob_created", Samples::kGauge, "Creation time")) return;
///         for (const auto& job : jobs) out.Add({{"dljob", job.name}}, job.created);
///     });
///
/// Every sample belongs to the Family() before it, and a family is written once, as the text format
/// asks. Label names are the caller's word; values may be any text.
class Samples {
  public:
    enum Type { kGauge, kCounter };

    /// `taken`: names of families that may not be written again; ours are added.
    explicit Samples(std::string& out, std::set<std::string, std::less<>>& taken)
        : out_(out), taken_(taken) {}

    /// False when the family is there already; its samples are then dropped, and it is logged.
    bool Family(std::string_view name, Type type, std::string_view help);
    void Add(std::initializer_list<std::pair<std::string_view, std::string_view>> labels,
             double value);

  private:
    std::string& out_;
    std::set<std::string, std::less<>>& taken_;
    std::string name_;  ///< empty: dropped
};

/// Counters, gauges and histograms by name and labels (prometheus-cpp-core underneath), so that
/// callers do not hold families. Names and labels follow controller-runtime where it has them
/// (workqueue_*, controller_runtime_reconcile_*, rest_client_requests_total,
/// leader_election_master_status).
///
///     metrics.Describe("workqueue_depth", "Current depth of workqueue");
///     metrics.Set("workqueue_depth", {{"name", "jobs"}}, 3);
///
/// Thread-safe, but collectors run in the thread that calls Text(). A series seen before costs one
/// lookup and allocates nothing. A name used as two kinds of metric, a name or label that
/// Prometheus refuses, and the 10,001st series of a name are dropped and logged once: a metric
/// never takes its program down.
class Metrics {
  public:
    using Labels = std::map<std::string, std::string>;
    using Collector = std::function<void(Samples&)>;
    static constexpr std::size_t kMaxSeriesPerName = 10'000;

    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    void Count(std::string_view name, const Labels& labels, double by = 1);
    void Set(std::string_view name, const Labels& labels, double value);
    /// `seconds` is the unit of every histogram here. Buckets: 1 ms to 60 s, or Describe()'s.
    void Observe(std::string_view name, const Labels& labels, double seconds);
    /// A histogram before its first observation, all zero: increase() does not see the first value
    /// of a series that was not there. (For a counter: Count by 0.)
    void Prepare(std::string_view name, const Labels& labels);
    /// The help text of a name, and of a histogram its buckets; call before first use. Unknown
    /// names get their own name as help.
    void Describe(std::string_view name, std::string help, std::vector<double> buckets = {});
    /// Called at each Text(), in the order added. Must not call this object.
    void AddCollector(Collector collector);

    /// Prometheus text format 0.0.4.
    std::string Text() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

/// What the ecosystem expects of every process, read from /proc at each scrape:
/// process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
/// process_open_fds, process_max_fds, process_start_time_seconds. What cannot be read is left out.
/// Source: https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics.
void CollectProcess(Samples& out);

}  // namespace dlws::kube

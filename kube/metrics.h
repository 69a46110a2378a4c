// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dlws::kube {

/// Counters, gauges and histograms by name and labels (prometheus-cpp-core underneath), so that
/// callers do not hold families. Names and labels follow controller-runtime where it has them
/// (workqueue_*, controller_runtime_reconcile_*, rest_client_requests_total,
/// leader_election_master_status).
///
///     metrics.Describe("workqueue_depth", "Current depth of workqueue");
///     metrics.Set("workqueue_depth", {{"name", "jobs"}}, 3);
///
/// Thread-safe. A series seen before costs one lookup and allocates nothing. A name used as two
/// kinds of metric, a name or label that Prometheus refuses, and the 10,001st series of a name are
/// dropped and logged once: a metric never takes its program down.
class Metrics {
  public:
    using Labels = std::map<std::string, std::string>;
    static constexpr std::size_t kMaxSeriesPerName = 10'000;

    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    void Count(std::string_view name, const Labels& labels, double by = 1);
    void Set(std::string_view name, const Labels& labels, double value);
    /// Buckets 1 ms to 60 s; `seconds` is the unit of every histogram here.
    void Observe(std::string_view name, const Labels& labels, double seconds);
    /// The help text of a name; call before first use. Unknown names get their own name as help.
    void Describe(std::string_view name, std::string help);

    /// Prometheus text format 0.0.4.
    std::string Text() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace dlws::kube

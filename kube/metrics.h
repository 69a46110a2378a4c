// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dlws::kube {

/// Counters, gauges and histograms by name and labels (prometheus-cpp-core underneath), so that
/// callers do not hold families. Thread-safe. Names and labels follow controller-runtime
/// where it has them (workqueue_*, controller_runtime_reconcile_*, rest_client_requests_total,
/// leader_election_master_status).
class Metrics {
  public:
    using Labels = std::map<std::string, std::string>;
    Metrics();
    ~Metrics();

    void Count(const std::string& name, const Labels& labels, double by = 1);
    void Set(const std::string& name, const Labels& labels, double value);
    /// Buckets 1 ms to 60 s; `seconds` is the unit of every histogram here.
    void Observe(const std::string& name, const Labels& labels, double seconds);
    /// The help text of a name; call before first use. Unknown names get their own name as help.
    void Describe(const std::string& name, const std::string& help);

    /// Prometheus text format 0.0.4.
    std::string Text() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace dlws::kube

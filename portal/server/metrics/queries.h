// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// @file
/// What is asked of Prometheus: six queries, and of a caller no character but a metric's name.
/// Pure.
///
/// Of GPUs by the names of NVIDIA's dcgm-exporter (https://github.com/NVIDIA/dcgm-exporter), whose
/// labels of a pod are `namespace` and `pod` where Prometheus honours them and `exported_namespace`
/// and `exported_pod` where it does not; of all else by cAdvisor's, which the kubelet serves
/// (https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md).

namespace dlws::portal {

enum class Metric { GpuUtilization, GpuMemory, Cpu, Memory, NetworkReceive, NetworkTransmit };

/// The contract's names; nothing: it is none of them.
std::optional<Metric> MetricOf(std::string_view name);
std::string_view ToString(Metric metric);
/// "percent", "bytes", "cores" or "bytesPerSecond".
std::string_view UnitOf(Metric metric);
bool IsOfGpus(Metric metric);

inline constexpr std::size_t kMaxPoints = 500;  ///< of one series
inline constexpr std::size_t kMaxSeries = 64;

/// Seconds since 1970, from and to included. Both are multiples of `step`, so that what is asked
/// again a moment later has the same points, and they are at most kMaxPoints. In a time that has
/// no multiple of `step`, as that of a job which has just begun, the only point is its end.
struct MetricRange {
    std::int64_t from = 0, to = 0;
    int step = 1;
};

/// With the finest step that is no finer than `scrape`, the seconds between two readings of
/// Prometheus'. What is too long for the coarsest step, a day, loses its beginning. Nothing: `from`
/// is after `to`.
std::optional<MetricRange> RangeOf(std::int64_t from, std::int64_t to, int scrape);

/// A pod of a job, whichever attempt it is of.
struct MetricPlace {
    std::string role;
    int index = 0;
    bool operator==(const MetricPlace&) const = default;
};

/// "digits-worker-0", the value of the label kPlaceLabel in what Prometheus answers.
std::string PlaceName(std::string_view job, const MetricPlace& place);
inline constexpr const char* kPlaceLabel = "place";

struct MetricQuery {
    Metric metric = Metric::Cpu;
    std::string ns, job;
    std::vector<MetricPlace> places;  ///< not empty
    /// Seconds over which rates are taken and gauges are looked at.
    int window = 120;
    /// `, cluster="a"`, or empty: of the configuration, checked by LabelMatchers().
    std::string matchers;
};

/// Seconds in which there are two readings even when one is late, and each point's neighbour.
int WindowOf(int step, int scrape);

/// One series for each place and, of GPUs, for each of its GPUs. Nothing: a name in it is none of
/// Kubernetes', or there are no places.
std::optional<std::string> PromQl(const MetricQuery& query);

/// `, cluster="a", region="eu"` of {"cluster=a", "region=eu"}; nothing: one is no LABEL=VALUE.
std::optional<std::string> LabelMatchers(const std::vector<std::string>& labels);

}  // namespace dlws::portal

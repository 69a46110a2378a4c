// SPDX-License-Identifier: Apache-2.0
#include "portal/server/metrics/queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dlws::portal {
namespace {

struct Kind {
    Metric metric;
    std::string_view name, unit;
    std::string_view series;    // as Prometheus has it
    std::string_view function;  // over the window
    std::string_view parts;     // labels that tell apart what is added up, or shown, of one pod
    std::string_view only;      // more matchers
    std::string_view scaled;    // to the unit
};

// The series of a container are its own; those of "" and "POD" are the pod's and its sandbox's.
constexpr std::string_view kContainers = R"(, container!="", container!="POD")";
constexpr std::string_view kGpu = "gpu, GPU_I_ID";

constexpr std::array kKinds{
    Kind{Metric::GpuUtilization, "gpuUtilization", "percent", "DCGM_FI_DEV_GPU_UTIL",
         "avg_over_time", kGpu, "", ""},
    // In MiB.
    Kind{Metric::GpuMemory, "gpuMemory", "bytes", "DCGM_FI_DEV_FB_USED", "max_over_time", kGpu, "",
         " * 1048576"},
    Kind{Metric::Cpu, "cpu", "cores", "container_cpu_usage_seconds_total", "rate", "container",
         kContainers, ""},
    Kind{Metric::Memory, "memory", "bytes", "container_memory_working_set_bytes", "max_over_time",
         "container", kContainers, ""},
    Kind{Metric::NetworkReceive, "networkReceive", "bytesPerSecond",
         "container_network_receive_bytes_total", "rate", "interface", "", ""},
    Kind{Metric::NetworkTransmit, "networkTransmit", "bytesPerSecond",
         "container_network_transmit_bytes_total", "rate", "interface", "", ""},
};

const Kind& Of(Metric metric) {
    return *std::ranges::find(kKinds, metric, &Kind::metric);
}

// None of these means anything in a string of PromQL's, or in a regular expression.
bool IsName(std::string_view text) {
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") ==
                                std::string_view::npos;
}

// The figures of each pod, by its label `pod`. What two scrapes or two kubelets' paths say of the
// same thing counts once.
std::string OfPods(const Kind& kind, const MetricQuery& query, const std::string& pods,
                   std::string_view prefix) {
    return fmt::format(
        R"(max by ({0}pod, {1}) ({2}({3}{{{0}namespace="{4}", {0}pod=~"{5}"{6}{7}}}[{8}s])))",
        prefix, kind.parts, kind.function, kind.series, query.ns, pods, kind.only, query.matchers,
        query.window);
}

// Without the number of the attempt, so that a line goes on where a pod follows another.
std::string ByPlace(const std::string& of_pods, std::string_view prefix) {
    return fmt::format(R"(label_replace({}, "{}", "$1", "{}pod", "(.+)-[0-9]+"))", of_pods,
                       kPlaceLabel, prefix);
}

}  // namespace

std::optional<Metric> MetricOf(std::string_view name) {
    const auto found = std::ranges::find(kKinds, name, &Kind::name);
    if (found == kKinds.end()) return std::nullopt;
    return found->metric;
}

std::string_view ToString(Metric metric) {
    return Of(metric).name;
}

std::string_view UnitOf(Metric metric) {
    return Of(metric).unit;
}

bool IsOfGpus(Metric metric) {
    return Of(metric).parts == kGpu;
}

std::optional<MetricRange> RangeOf(std::int64_t from, std::int64_t to, int scrape) {
    constexpr std::array kSteps{1,   5,   10,   15,   30,   60,    120,   300,
                                600, 900, 1800, 3600, 7200, 21600, 43200, 86400};
    if (from > to) return std::nullopt;
    const auto points = static_cast<std::int64_t>(kMaxPoints);
    const auto* step = std::ranges::find_if(
        kSteps, [&](int each) { return each >= scrape && (to - from) / each < points; });
    if (step == kSteps.end()) --step;
    MetricRange range;
    range.step = *step;
    range.to = to - to % *step;
    from = std::max(from, range.to - (points - 1) * *step);
    range.from = from + (*step - from % *step) % *step;
    if (range.from > range.to) range.from = range.to = to;
    return range;
}

std::string PlaceName(std::string_view job, const MetricPlace& place) {
    return fmt::format("{}-{}-{}", job, place.role, place.index);
}

int WindowOf(int step, int scrape) {
    return std::max(step + scrape, 4 * scrape);
}

std::optional<std::string> PromQl(const MetricQuery& query) {
    if (!IsName(query.ns) || !IsName(query.job) || query.places.empty()) return std::nullopt;
    std::string places;
    for (const MetricPlace& place : query.places) {
        if (!IsName(place.role)) return std::nullopt;
        places += fmt::format("{}{}-{}", places.empty() ? "" : "|", place.role, place.index);
    }
    const std::string pods = fmt::format("{}-(?:{})-[0-9]+", query.job, places);
    const Kind& kind = Of(query.metric);
    const std::string of_pods = OfPods(kind, query, pods, "");
    if (!IsOfGpus(query.metric))
        return fmt::format("max by ({}) ({}){}", kPlaceLabel,
                           ByPlace(fmt::format("sum by (pod) ({})", of_pods), ""), kind.scaled);
    constexpr std::string_view kExported = "exported_";
    return fmt::format("max by ({}, {}) ({} or {}){}", kPlaceLabel, kind.parts,
                       ByPlace(of_pods, ""),
                       ByPlace(OfPods(kind, query, pods, kExported), kExported), kind.scaled);
}

std::optional<std::string> LabelMatchers(const std::vector<std::string>& labels) {
    std::string matchers;
    for (const std::string& label : labels) {
        const std::size_t at = label.find('=');
        if (at == std::string::npos || at == 0) return std::nullopt;
        const std::string_view name = std::string_view(label).substr(0, at),
                               value = std::string_view(label).substr(at + 1);
        const auto is_word = [](char c) {
            return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                   (c >= '0' && c <= '9');
        };
        const auto is_plain = [&](char c) {
            return is_word(c) || std::string_view("-.:/ ").find(c) != std::string_view::npos;
        };
        if (!std::ranges::all_of(name, is_word) || (name[0] >= '0' && name[0] <= '9') ||
            value.empty() || !std::ranges::all_of(value, is_plain))
            return std::nullopt;
        matchers += fmt::format(", {}=\"{}\"", name, value);
    }
    return matchers;
}

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "operator/node/metrics.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace dlws::node {

namespace {

// The rest of what is bounded; no type, namespace or user can have this name.
constexpr std::string_view kOther = "(other)";
// For Prometheus an empty label is none.
constexpr std::string_view kNobody = "(none)";

void AddStates(std::string_view type, const model::GpuCounts& gpus, kube::Samples& out) {
    for (const auto& [state, count] :
         {std::pair("used", gpus.used), std::pair("free", gpus.free),
          std::pair("cordoned", gpus.cordoned), std::pair("unhealthy", gpus.unhealthy)})
        out.Add({{"type", type}, {"state", state}}, count);
}

}  // namespace

void PublishGpus(kube::Metrics& metrics, const caches::Gpus& gpus, std::function<bool()> leading) {
    metrics.AddCollector([&gpus, leading = std::move(leading)](kube::Samples& out) {
        if (leading() && gpus.HasSynced()) WriteSamples(gpus.Summary(), out);
    });
}

void WriteSamples(const model::NodeSummary& summary, kube::Samples& out) {
    using kube::Samples;
    const model::NodeReport report = summary.Report();
    if (out.Family("dlws_gpus", Samples::kGauge,
                   "GPUs of the nodes: used by pods, or idle; a GPU has one state")) {
        model::GpuCounts rest = report.gpus;
        for (const model::GpuTypeStatus& type : report.types.items) {
            AddStates(type.type, type.gpus, out);
            rest.used -= type.gpus.used;
            rest.free -= type.gpus.free;
            rest.cordoned -= type.gpus.cordoned;
            rest.unhealthy -= type.gpus.unhealthy;
        }
        if (report.types.omitted > 0) AddStates(kOther, rest, out);
    }
    if (out.Family(
            "dlws_gpus_used", Samples::kGauge,
            "GPUs that pods hold, by namespace and by who made the job; (none): it is no job's")) {
        std::vector<std::tuple<int, std::string_view, std::string_view>> holders;
        for (const auto& [key, holding] : summary.Holders())
            holders.emplace_back(-holding.gpus, key.first, key.second);
        const std::size_t kept = std::min(holders.size(), kMaxHolderSeries);
        std::ranges::partial_sort(holders, holders.begin() + std::ptrdiff_t(kept));
        double rest = 0;
        for (std::size_t i = 0; i < holders.size(); ++i) {
            const auto& [used, ns, user] = holders[i];
            if (i < kept)
                out.Add({{"namespace", ns}, {"user", user.empty() ? kNobody : user}}, -used);
            else
                rest -= used;
        }
        if (rest > 0) out.Add({{"namespace", kOther}, {"user", kOther}}, rest);
    }
    if (out.Family("dlws_nodes", Samples::kGauge,
                   "Nodes by state: unhealthy before cordoned, else ready")) {
        const model::NodeCounts& nodes = report.nodes;
        out.Add({{"state", "ready"}}, nodes.total - nodes.cordoned - nodes.unhealthy);
        out.Add({{"state", "cordoned"}}, nodes.cordoned);
        out.Add({{"state", "unhealthy"}}, nodes.unhealthy);
    }
}

}  // namespace dlws::node

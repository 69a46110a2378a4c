// SPDX-License-Identifier: Apache-2.0
#include "operator/node/manager.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "kube/log.h"
#include "model/dljob.h"
#include "model/names.h"
#include "model/pod.h"

namespace dlws::node {

namespace {

constexpr std::string_view kLog = "node";
// The rest of what is bounded; no type, namespace or user can have this name.
constexpr std::string_view kOther = "(other)";

const kube::Object& Newest(const kube::Change& change) {
    return change.after ? *change.after : *change.before;
}

void AddStates(std::string_view type, const model::GpuCounts& gpus, kube::Samples& out) {
    for (const auto& [state, count] :
         {std::pair("used", gpus.used), std::pair("free", gpus.free),
          std::pair("cordoned", gpus.cordoned), std::pair("unhealthy", gpus.unhealthy)})
        out.Add({{"type", type}, {"state", state}}, count);
}

}  // namespace

Manager::Manager(kube::Informer& nodes, kube::Informer& pods, kube::Informer& jobs,
                 kube::Metrics& metrics, std::function<bool()> leading)
    : nodes_(nodes), leading_(std::move(leading)) {
    nodes.OnChange([this](const kube::Change& c) { OnNode(c); });
    pods.OnChange([this](const kube::Change& c) { OnPod(c); });
    jobs.OnChange([this](const kube::Change& c) { OnJob(c); });
    metrics.AddCollector([this](kube::Samples& out) {
        if (leading_()) WriteSamples(summary_, out);
    });
}

void Manager::OnNode(const kube::Change& change) {
    // Heartbeats are not in what is kept.
    if (change.before && change.after && change.before->raw == change.after->raw) return;
    if (change.after)
        PutNode(*change.after);
    else
        summary_.RemoveNode(change.before->meta.name);
}

void Manager::PutNode(const kube::Object& node) {
    auto facts = model::ParseNode(node.raw, type_label_);
    if (!facts) {
        kube::LogWarning(kLog, "Node {}: {}", node.meta.name, facts.error());
        return summary_.RemoveNode(node.meta.name);
    }
    summary_.PutNode(std::move(*facts));
}

void Manager::OnPod(const kube::Change& change) {
    const std::string key = Newest(change).meta.Key().ToString();
    const auto pod =
        change.after ? model::ParsePod(change.after->raw) : std::unexpected(std::string("gone"));
    if (!pod) return summary_.RemovePod(key);
    summary_.PutPod(key, {pod->ns, pod->job, pod->node, pod->gpus, pod->Terminal()});
}

void Manager::OnJob(const kube::Change& change) {
    const kube::Meta& meta = Newest(change).meta;
    if (!change.after) return summary_.RemoveJob(meta.ns, meta.name);
    if (change.before) return;  // who made it never changes
    const auto job = model::ParseDLJob(change.after->raw);
    if (job && job->spec.submittedBy)
        summary_.PutJob(meta.ns, meta.name, job->spec.submittedBy->username);
}

model::NodeReport Manager::Observe(const model::DLCluster& cluster) {
    if (cluster.gpu.typeLabel != type_label_) {
        type_label_ = cluster.gpu.typeLabel;
        for (const kube::ObjectPtr& node : nodes_.store().All())
            PutNode(*node);
    }
    return summary_.Report();
}

void WriteSamples(const model::NodeSummary& summary, kube::Samples& out) {
    using kube::Samples;
    const model::NodeReport report = summary.Report();
    if (out.Family("dlws_gpus", Samples::kGauge,
                   "GPUs of the nodes: used by pods of jobs, or idle; a GPU has one state")) {
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
    if (out.Family("dlws_gpus_used", Samples::kGauge,
                   "GPUs that pods of jobs hold, by namespace and by who made the job")) {
        std::vector<std::tuple<int, std::string_view, std::string_view>> holders;
        for (const auto& [key, used] : summary.Holders())
            holders.emplace_back(-used, key.first, key.second);
        const std::size_t kept = std::min(holders.size(), kMaxHolderSeries);
        std::ranges::partial_sort(holders, holders.begin() + std::ptrdiff_t(kept));
        double rest = 0;
        for (std::size_t i = 0; i < holders.size(); ++i) {
            const auto& [used, ns, user] = holders[i];
            if (i < kept)
                out.Add({{"namespace", ns}, {"user", user}}, -used);
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

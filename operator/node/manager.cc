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
// For Prometheus an empty label is none.
constexpr std::string_view kNobody = "(none)";

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

kube::Informer::Settings OtherPods(const std::string& ns) {
    std::string selector = ns.empty() ? "!" + std::string(model::kJobLabel) : "";
    return {.resource = kube::kPods,
            .label_selector = std::move(selector),
            .field_selector = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed",
            .keep =
                [ns](const kube::Object& pod) {
                    const bool seen = !ns.empty() && pod.meta.ns == ns &&
                                      pod.meta.labels.contains(std::string(model::kJobLabel));
                    return !seen && pod.raw.find(model::kGpuResource) != std::string::npos;
                },
            .transform = [](kube::Object& pod) { pod.raw = model::PodProjection(pod.raw); }};
}

Manager::Manager(Informers informers, kube::Metrics& metrics, std::function<bool()> leading)
    : informers_(informers), leading_(std::move(leading)) {
    informers.nodes.OnChange([this](const kube::Change& c) { OnNode(c); });
    informers.pods.OnChange([this](const kube::Change& c) { OnPod(c, true); });
    informers.others.OnChange([this](const kube::Change& c) { OnPod(c, false); });
    informers.jobs.OnChange([this](const kube::Change& c) { OnJob(c); });
    // After each event, and when the last of them has been read, which may hold nothing.
    for (kube::Informer* read :
         {&informers.nodes, &informers.pods, &informers.others, &informers.jobs})
        read->OnProgress([this](std::uint64_t) { TellNews(); });
    metrics.AddCollector([this](kube::Samples& out) {
        if (leading_() && HasSynced()) WriteSamples(summary_, out);
    });
}

bool Manager::HasSynced() const {
    return informers_.nodes.HasSynced() && informers_.pods.HasSynced() &&
           informers_.others.HasSynced() && informers_.jobs.HasSynced();
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

void Manager::OnPod(const kube::Change& change, bool labelled) {
    const kube::Meta& meta = Newest(change).meta;
    // A pod may get our label, or lose it: two informers tell of it then, in any order.
    const std::string key = (labelled ? "" : "other ") + meta.Key().ToString();
    const auto pod =
        change.after ? model::ParsePod(change.after->raw) : std::unexpected(std::string("gone"));
    if (!pod) return summary_.RemovePod(key);
    // Anybody can label a pod, and would charge somebody else's job with it.
    const bool of_job = labelled && meta.controller_kind == model::kDLJobKind;
    summary_.PutPod(key, {pod->ns, of_job ? pod->job : "", pod->node, pod->gpus, pod->Terminal()});
}

void Manager::OnJob(const kube::Change& change) {
    const kube::Meta& meta = Newest(change).meta;
    if (!change.after) return summary_.RemoveJob(meta.ns, meta.name);
    if (change.before) return;  // who made it never changes
    const auto job = model::ParseDLJob(change.after->raw);
    if (job && job->spec.submittedBy)
        summary_.PutJob(meta.ns, meta.name, job->spec.submittedBy->username);
}

void Manager::TellNews() {
    if (!HasSynced() || told_ == summary_.Version()) return;
    told_ = summary_.Version();
    news_();
}

std::optional<model::NodeReport> Manager::Observe(const model::DLCluster& cluster) {
    if (!HasSynced()) return std::nullopt;
    if (cluster.gpu.typeLabel != type_label_) {
        type_label_ = cluster.gpu.typeLabel;
        for (const kube::ObjectPtr& node : informers_.nodes.store().All())
            PutNode(*node);
    }
    return summary_.Report();
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

// SPDX-License-Identifier: Apache-2.0
#include "caches/gpus.h"

#include <utility>

#include "kube/log.h"
#include "model/dljob.h"
#include "model/names.h"
#include "model/pod.h"

namespace dlws::caches {

namespace {

constexpr std::string_view kLog = "gpus";

const kube::Object& Newest(const kube::Change& change) {
    return change.after ? *change.after : *change.before;
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

Gpus::Gpus(Informers informers) : informers_(informers) {
    informers.nodes.OnChange([this](const kube::Change& c) { OnNode(c); });
    informers.pods.OnChange([this](const kube::Change& c) { OnPod(c, true); });
    informers.others.OnChange([this](const kube::Change& c) { OnPod(c, false); });
    informers.jobs.OnChange([this](const kube::Change& c) { OnJob(c); });
    // After each event, and when the last of them has been read, which may hold nothing.
    for (kube::Informer* read :
         {&informers.nodes, &informers.pods, &informers.others, &informers.jobs})
        read->OnProgress([this](std::uint64_t) { TellNews(); });
}

bool Gpus::HasSynced() const {
    return informers_.nodes.HasSynced() && informers_.pods.HasSynced() &&
           informers_.others.HasSynced() && informers_.jobs.HasSynced();
}

void Gpus::OnNode(const kube::Change& change) {
    // Heartbeats are not in what is kept.
    if (change.before && change.after && change.before->raw == change.after->raw) return;
    if (change.after)
        PutNode(*change.after);
    else
        summary_.RemoveNode(change.before->meta.name);
}

void Gpus::PutNode(const kube::Object& node) {
    auto facts = model::ParseNode(node.raw, type_label_);
    if (!facts) {
        kube::LogWarning(kLog, "Node {}: {}", node.meta.name, facts.error());
        return summary_.RemoveNode(node.meta.name);
    }
    summary_.PutNode(std::move(*facts));
}

void Gpus::OnPod(const kube::Change& change, bool labelled) {
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

void Gpus::OnJob(const kube::Change& change) {
    const kube::Meta& meta = Newest(change).meta;
    if (!change.after) return summary_.RemoveJob(meta.ns, meta.name);
    if (change.before) return;  // who made it never changes
    const auto job = model::ParseDLJob(change.after->raw);
    if (job && job->spec.submittedBy)
        summary_.PutJob(meta.ns, meta.name, job->spec.submittedBy->username);
}

void Gpus::TellNews() {
    if (!HasSynced() || told_ == summary_.Version()) return;
    told_ = summary_.Version();
    news_();
}

std::optional<model::NodeReport> Gpus::Observe(const model::DLCluster& cluster) {
    if (!HasSynced()) return std::nullopt;
    UseTypeLabel(cluster.gpu.typeLabel);
    return summary_.Report();
}

void Gpus::UseTypeLabel(const std::string& label) {
    if (label == type_label_) return;
    type_label_ = label;
    for (const kube::ObjectPtr& node : informers_.nodes.store().All())
        PutNode(*node);
}

}  // namespace dlws::caches

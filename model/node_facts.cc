// SPDX-License-Identifier: Apache-2.0
#include "model/node_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "model/decode.h"
#include "model/encode.h"
#include "model/names.h"
#include "model/quantity.h"

namespace dlws::model {

namespace {

namespace json = boost::json;

constexpr std::string_view kNvidiaLabel = "nvidia.com/gpu.product";
constexpr std::string_view kFeatureLabels = "feature.node.kubernetes.io/";
constexpr std::string_view kCordonTaint = "node.kubernetes.io/unschedulable";

// Kubernetes' own, with the node controller's and the clouds'; and of the autoscalers.
bool IsTrouble(std::string_view key, std::string_view effect) {
    if (effect != "NoSchedule" && effect != "NoExecute") return false;
    if (key == kCordonTaint) return false;
    return key.starts_with("node.kubernetes.io/") ||
           key.starts_with("node.cloudprovider.kubernetes.io/") ||
           key == "ToBeDeletedByClusterAutoscaler" || key == "karpenter.sh/disrupted";
}

bool IsGoodNews(std::string_view type) {
    if (type.find("Not") != std::string_view::npos) return false;
    return type == "EtcdIsVoter" || type.ends_with("Ready") || type.ends_with("Healthy");
}

bool IsCordon(const Node& taint) {
    return taint["key"].Text() == kCordonTaint;
}

// Unlike False, Unknown of anything but Ready says nothing of the node.
bool IsBad(std::string_view type, std::string_view status) {
    if (type == "Ready") return status != "True";
    return status == "True" && !type.empty() && !IsGoodNews(type);
}

int GpusOf(const Node& resources) {
    return GpuCount(resources[kGpuResource].QuantityText());
}

// Not ready is worst, then the first of the other conditions, then taints.
std::optional<NodeTrouble> TroubleOf(const Node& root) {
    std::optional<NodeTrouble> worst;
    bool ready = false;
    root["status"]["conditions"].Each([&](const Node& c) {
        const std::string type = c["type"].Text();
        ready |= type == "Ready";
        if (!IsBad(type, c["status"].Text()) || (worst && type != "Ready")) return;
        worst = {std::string(type == "Ready" ? kNotReady : Cut(type, kMaxTroubleText)),
                 std::string(Cut(c["message"].Text(), kMaxTroubleText)),
                 c["lastTransitionTime"].AsTime()};
    });
    if (!ready)
        worst = {std::string(kNotReady), "Its kubelet has never told anything.", std::nullopt};
    root["spec"]["taints"].Each([&](const Node& taint) {
        const std::string key = taint["key"].Text();
        if (!worst && IsTrouble(key, taint["effect"].Text()))
            worst = {std::string(kTainted), std::string(Cut(key, kMaxTroubleText)),
                     taint["timeAdded"].AsTime()};
    });
    return worst;
}

// Neither a switch nor a number with a unit of feature discovery can name a type.
bool MayNameType(std::string_view key, std::string_view value) {
    return !key.starts_with(kFeatureLabels) && !value.empty() && value != "true" &&
           value != "false";
}

json::array KeptConditions(const Node& conditions) {
    json::array kept;
    conditions.Each([&](const Node& c) {
        const std::string type = c["type"].Text(), status = c["status"].Text();
        const bool bad = IsBad(type, status);
        if (!bad && type != "Ready") return;
        json::object o{{"type", type}, {"status", status}};
        if (bad) {
            PutText(o, "message", c["message"].Text(), kMaxTroubleText);
            PutTime(o, "lastTransitionTime", c["lastTransitionTime"].AsTime());
        }
        kept.push_back(std::move(o));
    });
    return kept;
}

json::array KeptTaints(const Node& taints) {
    json::array kept;
    taints.Each([&](const Node& taint) {
        const std::string key = taint["key"].Text(), effect = taint["effect"].Text();
        if (!IsTrouble(key, effect) && !IsCordon(taint)) return;
        json::object o{{"key", key}, {"effect", effect}};
        PutTime(o, "timeAdded", taint["timeAdded"].AsTime());
        kept.push_back(std::move(o));
    });
    return kept;
}

json::object Gpus(int count) {
    return {{kGpuResource, std::to_string(count)}};
}

}  // namespace

int GpuCount(std::string_view quantity) {
    const auto count = ParseQuantity(quantity);
    return count ? int(std::clamp<std::int64_t>(count->Value(), 0, kMostGpus)) : 0;
}

std::expected<NodeFacts, std::string> ParseNode(std::string_view json, std::string_view typeLabel) {
    Document doc(json);
    NodeFacts facts;
    if (doc.error().empty()) {
        const Node root = doc.Root(), status = root["status"], labels = root["metadata"]["labels"];
        facts.name = root["metadata"]["name"].Text();
        facts.gpus = GpusOf(status["capacity"]);
        facts.allocatable = GpusOf(status["allocatable"]);
        facts.cordoned = root["spec"]["unschedulable"].Bool();
        if (facts.cordoned)
            root["spec"]["taints"].Each([&](const Node& taint) {
                if (IsCordon(taint)) facts.cordonedSince = taint["timeAdded"].AsTime();
            });
        facts.trouble = TroubleOf(root);
        if (facts.gpus > 0)
            facts.gpuType = labels[typeLabel].Text(labels[kNvidiaLabel].Text(kUnknownGpuType));
        if (facts.gpus > 0 && facts.gpuType.empty()) facts.gpuType = kUnknownGpuType;
    }
    if (!doc.error().empty()) return std::unexpected(doc.error());
    return facts;
}

std::string NodeProjection(std::string_view node) {
    Document doc(node);
    if (!doc.error().empty()) return std::string(node);
    const Node root = doc.Root(), status = root["status"];
    json::object metadata{{"name", root["metadata"]["name"].Text()}}, spec, kept;
    const int gpus = GpusOf(status["capacity"]), allocatable = GpusOf(status["allocatable"]);
    if (gpus > 0) {
        json::object labels;
        for (const auto& [key, value] : root["metadata"]["labels"].TextMap())
            if (MayNameType(key, value)) labels[key] = value;
        metadata["labels"] = std::move(labels);
        kept["capacity"] = Gpus(gpus);
    }
    if (allocatable > 0) kept["allocatable"] = Gpus(allocatable);
    if (root["spec"]["unschedulable"].Bool()) spec["unschedulable"] = true;
    if (json::array taints = KeptTaints(root["spec"]["taints"]); !taints.empty())
        spec["taints"] = std::move(taints);
    kept["conditions"] = KeptConditions(status["conditions"]);
    if (!doc.error().empty()) return std::string(node);
    const std::string out = json::serialize(json::object{
        {"metadata", std::move(metadata)}, {"spec", std::move(spec)}, {"status", std::move(kept)}});
    return {out.data(), out.size()};  // no larger than it has to be: it stays for long
}

}  // namespace dlws::model

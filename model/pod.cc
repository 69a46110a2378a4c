// SPDX-License-Identifier: Apache-2.0
#include "model/pod.h"

#include <algorithm>
#include <charconv>

#include "model/decode.h"
#include "model/names.h"
#include "model/node_facts.h"

namespace dlws::model {

namespace {

// -1 unless the label is a plain decimal number, so that "1x" is nobody's index.
int LabelNumber(const Node& label) {
    if (!label.Present()) return -1;
    const std::string text = label.Text();
    int value = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value >= 0 ? value : -1;
}

ContainerView ReadContainer(const Node& status) {
    ContainerView view;
    const Node state = status["state"];
    if (const Node ended = state["terminated"]; ended.Present()) {
        view.state = ContainerView::Terminated;
        view.reason = ended["reason"].Text();
        view.message = ended["message"].Text();
        view.exitCode = ended["exitCode"].Int();
        view.signal = ended["signal"].Int();
        view.finishedAt = ended["finishedAt"].AsTime();
    } else if (state["running"].Present()) {
        view.state = ContainerView::Running;
    } else if (const Node waiting = state["waiting"]; waiting.Present()) {
        view.state = ContainerView::Waiting;
        view.reason = waiting["reason"].Text();
        view.message = waiting["message"].Text();
    }
    return view;
}

void ReadConditions(const Node& conditions, PodView& pod) {
    conditions.Each([&](const Node& c) {
        const std::string type = c["type"].Text();
        if (type == "Ready") {
            pod.ready = c["status"].Text() == "True";
        } else if (type == "PodScheduled") {
            pod.scheduled = {c["status"].Text(), c["reason"].Text(), c["message"].Text()};
        } else if (type == "DisruptionTarget") {
            pod.disrupted = c["status"].Text() == "True";
            pod.disruptionReason = c["reason"].Text();
        }
    });
}

int GpusOf(const Node& container) {
    const Node gpus = container["resources"]["requests"][kGpuResource];
    return gpus.Present() ? GpuCount(gpus.QuantityText()) : 0;
}

// What the scheduler counts: the containers together with the sidecars (init containers that
// restart always), or an init container with the sidecars before it, whichever is more.
// https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
int ReadGpus(const Node& spec) {
    int sidecars = 0, most = 0, sum = 0;
    spec["initContainers"].Each([&](const Node& c) {
        if (c["restartPolicy"].Text() == "Always")
            sidecars = std::min(sidecars + GpusOf(c), kMostGpus);
        else
            most = std::max(most, sidecars + GpusOf(c));
    });
    spec["containers"].Each([&](const Node& c) { sum = std::min(sum + GpusOf(c), kMostGpus); });
    return std::min(std::max(most, sum + sidecars), kMostGpus);
}

PodPhase ParsePodPhase(std::string_view text) {
    for (PodPhase p : {PodPhase::Pending, PodPhase::Running, PodPhase::Succeeded, PodPhase::Failed})
        if (text == ToString(p)) return p;
    return PodPhase::Unknown;
}

}  // namespace

std::string_view ToString(PodPhase p) {
    switch (p) {
        case PodPhase::Unknown:
            break;
        case PodPhase::Pending:
            return "Pending";
        case PodPhase::Running:
            return "Running";
        case PodPhase::Succeeded:
            return "Succeeded";
        case PodPhase::Failed:
            return "Failed";
    }
    return "Unknown";
}

std::expected<PodView, std::string> ParsePod(std::string_view json) {
    Document doc(json);
    if (!doc.error().empty()) return std::unexpected(doc.error());
    PodView pod;
    const Node meta = doc.Root()["metadata"];
    pod.name = meta["name"].Text();
    pod.ns = meta["namespace"].Text();
    pod.uid = meta["uid"].Text();
    if (pod.uid.empty()) doc.SetError("metadata.uid is missing");
    pod.resourceVersion = meta["resourceVersion"].Text();
    pod.creationTimestamp = meta["creationTimestamp"].AsTime();
    pod.deletionTimestamp = meta["deletionTimestamp"].AsTime();
    pod.deleting = meta["deletionTimestamp"].Present();
    const Node labels = meta["labels"];
    pod.job = labels[kJobLabel].Text();
    pod.role = labels[kRoleLabel].Text();
    pod.index = LabelNumber(labels[kIndexLabel]);
    pod.attempt = LabelNumber(labels[kAttemptLabel]);
    meta["ownerReferences"].Each([&](const Node& owner) {
        if (owner["controller"].Bool()) pod.ownerUid = owner["uid"].Text();
    });

    const Node status = doc.Root()["status"];
    pod.phase = ParsePodPhase(status["phase"].Text());
    pod.reason = status["reason"].Text();
    pod.message = status["message"].Text();
    pod.node = doc.Root()["spec"]["nodeName"].Text();
    pod.gpus = ReadGpus(doc.Root()["spec"]);
    ReadConditions(status["conditions"], pod);
    status["containerStatuses"].Each([&](const Node& c) {
        if (c["name"].Text() == kMainContainer) pod.main = ReadContainer(c);
    });
    bool found = false;
    status["initContainerStatuses"].Each([&](const Node& c) {
        if (found) return;
        ContainerView init = ReadContainer(c);
        if (init.state == ContainerView::Terminated && init.exitCode == 0) return;
        // A sidecar (init container that restarts always) runs all the time: it is not what we wait
        // for.
        if (init.state == ContainerView::Running && c["started"].Bool()) return;
        pod.init = std::move(init);
        pod.initName = c["name"].Text();
        found = true;
    });
    if (!doc.error().empty()) return std::unexpected(doc.error());
    return pod;
}

const Reason* WaitingProblem(std::string_view waitingReason) {
    // The kubelet's words: pkg/kubelet/images/types.go and kuberuntime's sync results.
    for (std::string_view image : {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull",
                                   "RegistryUnavailable", "SignatureValidationFailed"})
        if (waitingReason == image) return &reason::kImageCannotBePulled;
    if (waitingReason == "InvalidImageName" || waitingReason == "ImageInspectError")
        return &reason::kImageNameInvalid;
    for (std::string_view config : {"CreateContainerConfigError", "CreateContainerError",
                                    "PreCreateHookError", "RunContainerError"})
        if (waitingReason == config) return &reason::kContainerConfig;
    return nullptr;
}

}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#include "operator/job/failure.h"

#include <fmt/format.h>

#include <cctype>
#include <tuple>

#include "model/reason.h"

namespace dlws::job {
namespace {

using model::ContainerView;
using model::Failure;
using model::PodView;
namespace reason = model::reason;

Failure Base(const PodView& pod, const model::Reason& why) {
    Failure failure;
    failure.pod = pod.name;
    failure.role = pod.role;
    failure.index = pod.index;
    failure.node = pod.node;
    failure.reason = std::string(why.name);
    return failure;
}

// ": text" with the sentence's last full stop taken off, or nothing. A container's message may be
// the end of its log: then the last line is what a person would look for first.
std::string Because(std::string_view text) {
    auto trim = [&] {
        while (!text.empty() && (text.back() == '.' || std::isspace((unsigned char)text.back())))
            text.remove_suffix(1);
    };
    trim();
    if (auto line = text.rfind('\n'); line != std::string_view::npos) text.remove_prefix(line + 1);
    constexpr std::size_t kLongest = 300;
    if (text.size() > kLongest) {
        text = text.substr(0, kLongest);  // at a character's border
        while (!text.empty() && ((unsigned char)text.back() & 0xC0) == 0x80)
            text.remove_suffix(1);
        if (!text.empty() && ((unsigned char)text.back() & 0x80)) text.remove_suffix(1);
    }
    trim();
    return text.empty() ? "" : fmt::format(": {}", text);
}

std::string OnNode(const PodView& pod) {
    return pod.node.empty() ? "" : fmt::format(" on node {}", pod.node);
}

// Exit codes over 128 are signals, by the convention of shells and runtimes.
int SignalOf(const ContainerView& c) {
    if (c.signal > 0) return c.signal;
    return c.exitCode > 128 && c.exitCode <= 128 + 64 ? c.exitCode - 128 : 0;
}

Failure FromContainer(const PodView& pod, const ContainerView& c, std::string_view which) {
    if (c.reason == "OOMKilled") {
        Failure f = Base(pod, reason::kOutOfMemory);
        f.exitCode = c.exitCode;
        f.message = fmt::format(
            "Pod {}{} was killed because it used more memory than its limit (exit code {}); ask "
            "for "
            "more with resources.memory.",
            pod.name, which, c.exitCode);
        return f;
    }
    if (c.reason == "StartError" || c.reason == "ContainerCannotRun") {
        Failure f = Base(pod, reason::kCannotStart);
        f.exitCode = c.exitCode;
        f.message = fmt::format("Pod {}{} could not start its command (exit code {}){}.", pod.name,
                                which, c.exitCode, Because(c.message));
        return f;
    }
    if (int signal = SignalOf(c)) {
        Failure f = Base(pod, reason::kSignal);
        f.exitCode = c.exitCode;
        f.signal = signal;
        f.message = fmt::format("Pod {}{} was ended by signal {} (exit code {}).", pod.name, which,
                                signal, c.exitCode);
        return f;
    }
    Failure f = Base(pod, reason::kExitCode);
    f.exitCode = c.exitCode;
    f.message = fmt::format("Pod {}{} ended with exit code {}{}.", pod.name, which, c.exitCode,
                            Because(c.message));
    return f;
}

bool IsNodeRefusal(std::string_view r) {
    return r.starts_with("OutOf") || r == "UnexpectedAdmissionError" || r == "NodeAffinity" ||
           r == "NodeName" || r == "HostPort" || r == "TaintToleration" || r == "NodeShutdown" ||
           r == "TopologyAffinityError" || r == "InvalidNodeInfo";
}

}  // namespace

std::optional<Failure> ClassifyPod(const PodView& pod) {
    if (pod.phase == model::PodPhase::Failed) {
        if (pod.reason == "Evicted" || pod.reason == "Preempted" || pod.reason == "Preempting" ||
            pod.reason == "Terminated") {
            Failure f = Base(pod, reason::kEvicted);
            f.message =
                fmt::format("Pod {} was evicted{}{}.", pod.name, OnNode(pod), Because(pod.message));
            return f;
        }
        if (pod.reason == "NodeLost") {
            Failure f = Base(pod, reason::kNodeLost);
            f.message = fmt::format("Pod {} was lost with its node {}.", pod.name, pod.node);
            return f;
        }
        if (IsNodeRefusal(pod.reason)) {
            Failure f = Base(pod, reason::kNodeRefused);
            f.message = fmt::format("Node {} refused pod {} ({}){}.", pod.node, pod.name,
                                    pod.reason, Because(pod.message));
            return f;
        }
        if (pod.main.state == ContainerView::Terminated &&
            (pod.main.exitCode != 0 || pod.init.state != ContainerView::Terminated))
            return FromContainer(pod, pod.main, "");
        if (pod.init.state == ContainerView::Terminated)
            return FromContainer(pod, pod.init, fmt::format(" (init container {})", pod.initName));
        Failure f = Base(pod, reason::kPodFailed);
        f.message = fmt::format("Pod {} failed{}{}.", pod.name, OnNode(pod),
                                Because(pod.message.empty() ? pod.reason : pod.message));
        return f;
    }
    if (pod.deleting && pod.phase != model::PodPhase::Succeeded) {
        if (pod.disrupted) {
            bool lost = pod.disruptionReason == "DeletionByTaintManager";
            Failure f = Base(pod, lost ? reason::kNodeLost : reason::kEvicted);
            f.message = fmt::format("Pod {} was evicted{} ({}).", pod.name, OnNode(pod),
                                    pod.disruptionReason);
            return f;
        }
        Failure f = Base(pod, reason::kPodDeleted);
        f.message = fmt::format("Pod {} was deleted by somebody while the job ran.", pod.name);
        return f;
    }
    // A name no node can read never becomes readable: no use in waiting.
    if (pod.main.state == ContainerView::Waiting && pod.main.reason == "InvalidImageName") {
        Failure f = Base(pod, reason::kImageNameInvalid);
        f.message = fmt::format(
            "Pod {} cannot start: the image's name cannot be read{}; write it as "
            "REGISTRY/NAME:TAG or NAME@sha256:DIGEST.",
            pod.name, Because(pod.main.message));
        return f;
    }
    return std::nullopt;
}

Failure MissingPod(const std::string& pod, const std::string& role, int index) {
    Failure f;
    f.pod = pod;
    f.role = role;
    f.index = index;
    f.reason = std::string(reason::kPodDeleted.name);
    f.message = fmt::format("Pod {} was deleted by somebody while the job ran.", pod);
    return f;
}

bool Before(const FailedPod& a, const FailedPod& b) {
    return std::tie(a.at, a.rank) < std::tie(b.at, b.rank);
}

std::optional<model::Pending> PodProblem(const PodView& pod) {
    for (const ContainerView* c : {&pod.main, &pod.init}) {
        if (c->state != ContainerView::Waiting) continue;
        if (const model::Reason* why = model::WaitingProblem(c->reason)) {
            return model::Pending{.cls = why->cls,
                                  .reason = std::string(why->name),
                                  .message = fmt::format("Pod {} cannot start ({}){}.", pod.name,
                                                         c->reason, Because(c->message))};
        }
    }
    if (pod.scheduled.status == "False") {
        return model::Pending{.cls = model::ReasonClass::Wait,
                              .reason = std::string(reason::kUnschedulable.name),
                              .message = fmt::format("Pod {} waits for a node{}.", pod.name,
                                                     Because(pod.scheduled.message))};
    }
    return std::nullopt;
}

}  // namespace dlws::job

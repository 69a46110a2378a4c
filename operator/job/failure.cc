// SPDX-License-Identifier: Apache-2.0
#include "operator/job/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <tuple>

#include "model/reason.h"

namespace dlws::job {
namespace {

using model::Cause;
using model::ContainerView;
using model::Failure;
using model::PodView;
namespace reason = model::reason;

Failure Base(const PodView& pod, const model::Reason& why, Cause cause = Cause::User) {
    Failure failure;
    failure.cause = cause;
    failure.pod = pod.name;
    failure.role = pod.role;
    failure.index = pod.index;
    failure.node = pod.node;
    failure.reason = std::string(why.name);
    return failure;
}

// The last line without the full stop at its end. A container's message may be the end of its
// log: then that line is what a person would look for first.
std::string LastLine(std::string_view text) {
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
    return std::string(text);
}

// ": text", or nothing.
std::string Because(std::string_view text) {
    std::string line = LastLine(text);
    return line.empty() ? "" : ": " + line;
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

// The role's rule for a code with which its pod ended by itself.
const model::ExitCodeRule* RuleFor(const PodView& pod, const model::Role& role) {
    if (pod.phase != model::PodPhase::Failed || pod.main.state != ContainerView::Terminated)
        return nullptr;
    const int code = pod.main.exitCode;
    if (code < 1 || code > 255) return nullptr;
    for (const auto& rule : role.exitCodes)
        if (rule.codes.test(std::size_t(code))) return &rule;
    return nullptr;
}

bool IsNodeRefusal(std::string_view r) {
    return r.starts_with("OutOf") || r == "UnexpectedAdmissionError" || r == "NodeAffinity" ||
           r == "NodeName" || r == "HostPort" || r == "TaintToleration" || r == "NodeShutdown" ||
           r == "TopologyAffinityError" || r == "InvalidNodeInfo";
}

Failure Deleted(const PodView& pod) {
    Failure f = Base(pod, reason::kPodDeleted, Cause::Infrastructure);
    f.message = fmt::format("Pod {} was deleted by somebody while the job ran.", pod.name);
    return f;
}

// What the cluster did to the pod, whatever its container made of it.
std::optional<Failure> FromCluster(const PodView& pod) {
    const bool failed = pod.phase == model::PodPhase::Failed;
    if (failed && pod.reason == "NodeLost") {
        Failure f = Base(pod, reason::kNodeLost, Cause::Infrastructure);
        f.message = fmt::format("Pod {} was lost with its node {}.", pod.name, pod.node);
        return f;
    }
    if (failed && IsNodeRefusal(pod.reason)) {
        Failure f = Base(pod, reason::kNodeRefused, Cause::Infrastructure);
        f.message = fmt::format("Node {} refused pod {} ({}){}.", pod.node, pod.name, pod.reason,
                                Because(pod.message));
        return f;
    }
    if (failed && (pod.reason == "Evicted" || pod.reason == "Preempted" ||
                   pod.reason == "Preempting" || pod.reason == "Terminated")) {
        // The kubelet evicts a pod that uses more than its own limit, too: no other node helps.
        const bool own = pod.message.find("exceeds the") != std::string::npos;
        Failure f = Base(pod, reason::kEvicted, own ? Cause::User : Cause::Infrastructure);
        f.message =
            fmt::format("Pod {} was evicted{}{}.", pod.name, OnNode(pod), Because(pod.message));
        return f;
    }
    if (pod.disrupted && (failed || pod.deleting)) {
        // The pod garbage collector (a node that is gone, or marked out of service) and the taint
        // manager (a node that does not answer) speak of a lost node.
        const bool lost = pod.disruptionReason == "DeletionByTaintManager" ||
                          pod.disruptionReason == "DeletionByPodGC";
        Failure f = Base(pod, lost ? reason::kNodeLost : reason::kEvicted, Cause::Infrastructure);
        f.message =
            fmt::format("Pod {} was evicted{} ({}).", pod.name, OnNode(pod), pod.disruptionReason);
        return f;
    }
    if (pod.deleting && (!failed || SignalOf(pod.main) != 0)) return Deleted(pod);
    return std::nullopt;
}

Failure FromFailedPod(const PodView& pod) {
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

}  // namespace

std::optional<Verdict> ClassifyPod(const PodView& pod, const model::Role& role) {
    if (pod.phase == model::PodPhase::Succeeded) return std::nullopt;
    if (auto failure = FromCluster(pod)) return Verdict{std::move(*failure)};
    if (pod.phase == model::PodPhase::Failed) {
        Verdict verdict{FromFailedPod(pod)};
        verdict.failure.log = LastLine(pod.main.message);
        if (const auto* rule = RuleFor(pod, role)) {
            if (rule->action == model::ExitAction::Ignore) return std::nullopt;
            if (rule->action == model::ExitAction::Retry)
                verdict.failure.cause = Cause::Infrastructure;
            verdict.final = rule->action == model::ExitAction::Fail;
        }
        return verdict;
    }
    // A name no node can read never becomes readable: no use in waiting.
    if (pod.main.state == ContainerView::Waiting && pod.main.reason == "InvalidImageName") {
        Failure f = Base(pod, reason::kImageNameInvalid, Cause::Change);
        f.message = fmt::format(
            "Pod {} cannot start: the image's name cannot be read{}; write it as "
            "REGISTRY/NAME:TAG or NAME@sha256:DIGEST.",
            pod.name, Because(pod.main.message));
        return Verdict{std::move(f), true};
    }
    return std::nullopt;
}

Failure StalePod(const PodView& pod, std::string why) {
    Failure f = Base(pod, reason::kStorageRemounted, Cause::Infrastructure);
    f.message = std::move(why);
    return f;
}

bool JudgeByStorage(Verdict& verdict, const PodView& pod, const StorageChecks& checks,
                    model::Time now) {
    Failure& f = verdict.failure;
    const bool by_itself = f.reason == reason::kExitCode.name || f.reason == reason::kSignal.name ||
                           f.reason == reason::kCannotStart.name;
    const auto check = checks.find(pod.node);
    const auto ended = pod.main.finishedAt;
    if (!by_itself || f.cause != Cause::User || verdict.final || check == checks.end() || !ended)
        return true;
    for (const StorageCheck::Loss& loss : check->second.losses) {
        if (loss.since > *ended + kCheckPatience || loss.until < *ended) continue;
        f.cause = Cause::Infrastructure;
        f.reason = std::string(reason::kStorageFailed.name);
        f.message =
            fmt::format("{}; pod {} exited with {}.", loss.what, pod.name, pod.main.exitCode);
        return true;
    }
    // A clock that is far from ours keeps nobody waiting.
    return check->second.at > *ended || std::chrono::abs(now - *ended) >= kCheckPatience;
}

bool EndedWell(const PodView& pod, const model::Role& role) {
    if (pod.phase == model::PodPhase::Succeeded) return true;
    return pod.phase == model::PodPhase::Failed && !ClassifyPod(pod, role);
}

std::optional<Verdict> WaitedTooLong(const PodView& pod, const model::Pending& since,
                                     model::Time now, std::optional<model::Time>& look_again) {
    const auto problem = PodProblem(pod);
    if (!problem || problem->reason != since.reason) return std::nullopt;
    const bool config = problem->reason == reason::kContainerConfig.name;
    if (!config && problem->reason != reason::kImageCannotBePulled.name) return std::nullopt;
    const auto grace = config ? kConfigGrace : kImageGrace;
    if (now - since.since < grace) {
        look_again = std::min(look_again.value_or(model::Time::max()), since.since + grace);
        return std::nullopt;
    }
    Failure f = Base(pod, config ? reason::kContainerConfig : reason::kImageCannotBePulled,
                     config ? Cause::Change : Cause::Infrastructure);
    f.message =
        fmt::format("{} It has waited for {} minutes.", problem->message, grace.count() / 60);
    return Verdict{std::move(f), config};
}

Failure MissingPod(const std::string& pod, const std::string& role, int index) {
    Failure f;
    f.pod = pod;
    f.role = role;
    f.index = index;
    f.cause = Cause::Infrastructure;
    f.reason = std::string(reason::kPodDeleted.name);
    f.message = fmt::format("Pod {} was deleted by somebody while the job ran.", pod);
    return f;
}

bool Before(const FailedPod& a, const FailedPod& b) {
    const auto order = [](const FailedPod& f) {
        return std::tuple(f.at, f.verdict.failure.reason != reason::kStorageFailed.name, f.rank);
    };
    return order(a) < order(b);
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

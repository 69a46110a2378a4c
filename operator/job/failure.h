// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/dljob.h"
#include "model/pod.h"
#include "model/status.h"
#include "operator/job/gang.h"

namespace dlws::job {

/// A failure, and whether a new attempt may be tried at all.
struct Verdict {
    model::Failure failure;
    bool final = false;  ///< an exit code rule says Fail, or only another spec can cure it
};

/// What a pod's state means for its job: a failure that ends the attempt, or nothing. The role's
/// exit code rules count for pods that ended by themselves, not for those that were evicted or
/// deleted. Pure.
/// Sources: PodStatus and ContainerStateTerminated of the API reference; kubelet's rejection
/// reasons (OutOfcpu, UnexpectedAdmissionError, NodeAffinity, ...); KEP-3329 (DisruptionTarget).
std::optional<Verdict> ClassifyPod(const model::PodView& pod, const model::Role& role);

/// A pod that no longer reaches its storage; `why` is a sentence. A fault of the cluster.
model::Failure StalePod(const model::PodView& pod, std::string why);

/// What the agent of a node has told of the storages of one job.
struct StorageCheck {
    /// While it was not healthy.
    struct Loss {
        std::string what;  ///< "Storage work is Hung on node n1"
        model::Time since, until;
    };
    model::Time at{};  ///< when the last check began; the epoch: nobody can say yet
    std::vector<Loss> losses;
};
/// By node; none for a node whose agent is silent.
using StorageChecks = std::map<std::string, StorageCheck, std::less<>>;

/// A program that loses its storage mostly ends with an error at once, before anybody has looked at
/// that storage. If this one did, the verdict becomes a fault of the cluster, unless a rule says
/// Fail. False: its node's agent has not looked since; to be asked again, for kCheckPatience.
inline constexpr std::chrono::seconds kCheckPatience{10};
bool JudgeByStorage(Verdict& verdict, const model::PodView& pod, const StorageChecks& checks,
                    model::Time now);

/// True for a pod that is done and no failure: it succeeded, or a rule says Ignore.
bool EndedWell(const model::PodView& pod, const model::Role& role);

/// A pod that was created once and is no longer there, although nobody of ours deleted it.
model::Failure MissingPod(const std::string& pod, const std::string& role, int index);

/// A pod whose container has waited for longer than such a thing takes to come right by itself:
/// a Secret that is missing for kConfigGrace, an image that cannot be pulled for kImageGrace.
/// `look_again` becomes when it will be, if it is not yet and that is sooner.
inline constexpr std::chrono::seconds kConfigGrace{300};
inline constexpr std::chrono::seconds kImageGrace{900};
std::optional<Verdict> WaitedTooLong(const model::PodView& pod, const model::Pending& since,
                                     model::Time now, std::optional<model::Time>& look_again);

/// Which of two failures is told as the first: the earlier end, then a storage's, which explains
/// those of the pods that talked to this one, then the lower rank.
struct FailedPod {
    Verdict verdict;
    model::Time at{};
    int rank = 0;
    Slot slot;
};
bool Before(const FailedPod& a, const FailedPod& b);

/// Why this pod does not run yet, when that is more than "it is starting".
std::optional<model::Pending> PodProblem(const model::PodView& pod);

}  // namespace dlws::job

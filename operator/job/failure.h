// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

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

/// Which of two failures is told as the first: the earlier end, then the lower rank.
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

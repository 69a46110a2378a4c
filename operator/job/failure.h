// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "model/dljob.h"
#include "model/pod.h"
#include "model/status.h"

namespace dlws::job {

/// What a pod's state means for its job: a failure that ends the attempt, or nothing. Pure.
/// Sources: PodStatus and ContainerStateTerminated of the API reference; kubelet's rejection
/// reasons (OutOfcpu, UnexpectedAdmissionError, NodeAffinity, ...).
std::optional<model::Failure> ClassifyPod(const model::PodView& pod);

/// A pod that was created once and is no longer there, although nobody of ours deleted it.
model::Failure MissingPod(const std::string& pod, const std::string& role, int index);

/// Which of two failures is told as the first: the earlier end, then the lower rank.
struct FailedPod {
    model::Failure failure;
    model::Time at{};
    int rank = 0;
};
bool Before(const FailedPod& a, const FailedPod& b);

/// Why this pod does not run yet, when that is more than "it is starting".
std::optional<model::Pending> PodProblem(const model::PodView& pod);

}  // namespace dlws::job

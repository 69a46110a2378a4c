// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "model/reason.h"
#include "model/time.h"

/// @file
/// What the operator needs to know of a pod, and nothing else (a projection: under 1 KB where
/// a decoded pod takes 15-25 KB).
///
///     auto pod = ParsePod(raw->bytes());
///     if (pod && pod->ownerUid == job.meta.uid && pod->main.state == ContainerState::Terminated)
///         exit = pod->main.exitCode;

namespace dlws::model {

enum class PodPhase { Unknown, Pending, Running, Succeeded, Failed };
std::string_view ToString(PodPhase p);

/// State of one container; a pod whose container has no status yet is `None`.
struct ContainerView {
    enum State { None, Waiting, Running, Terminated };
    State state = None;
    std::string reason;  ///< of Waiting ("ImagePullBackOff") or Terminated ("OOMKilled", "Error")
    std::string message;
    int exitCode = 0;  ///< of Terminated
    int signal = 0;  ///< of Terminated; 0 = none. Runtimes mostly report 128+N as exitCode instead
    std::optional<Time> finishedAt;  ///< of Terminated
    bool operator==(const ContainerView&) const = default;
};

/// Condition PodScheduled; status empty when the scheduler has not looked yet.
struct ScheduledView {
    std::string status;   ///< "True" or "False"
    std::string reason;   ///< "Unschedulable", "SchedulingGated"
    std::string message;  ///< "0/3 nodes are available: …"
    bool operator==(const ScheduledView&) const = default;
};

struct PodView {
    std::string name;
    std::string ns;
    std::string uid;
    std::string resourceVersion;
    std::optional<Time> creationTimestamp;
    bool deleting = false;                  ///< metadata.deletionTimestamp is set
    std::optional<Time> deletionTimestamp;  ///< when the grace period ends (not when it began)

    // Our labels. index and attempt are -1 if the label is missing or not a number.
    std::string job;
    std::string role;
    int index = -1;
    int attempt = -1;
    std::string ownerUid;  ///< of the owner with controller: true; empty if there is none

    PodPhase phase = PodPhase::Unknown;
    std::string reason;   ///< status.reason: "Evicted", "UnexpectedAdmissionError", "NodeLost", …
    std::string message;  ///< status.message
    std::string node;     ///< spec.nodeName; empty = not scheduled
    bool ready = false;   ///< condition Ready is True
    int gpus = 0;         ///< that its containers request (what is no number: 0)

    ScheduledView scheduled;

    /// Condition DisruptionTarget is True: somebody evicts the pod (drain, preemption, taint).
    bool disrupted = false;
    std::string disruptionReason;

    ContainerView main;  ///< container `main`
    /// The first init container that is not done with success; `None` if there is none.
    ContainerView init;
    std::string initName;

    /// Succeeded or Failed: no container of it runs or will run.
    bool Terminal() const { return phase == PodPhase::Succeeded || phase == PodPhase::Failed; }
    bool operator==(const PodView&) const = default;
};

/// Reads a Pod as the API server sends it. Error: a sentence (not JSON, no metadata.uid).
/// Unknown and absent fields are fine. Thread-safe; `json` is copied once, not kept.
std::expected<PodView, std::string> ParsePod(std::string_view json);

/// The same pod with nothing but what ParsePod reads, for a cache of many: a quarter of the bytes,
/// and ParsePod answers the same, errors included. What is no JSON object is returned as it is. As
/// thread-safe as ParsePod.
std::string PodProjection(std::string_view json);

/// The row of reason.h for the waiting reason of a container that cannot go on by itself
/// ("ErrImagePull" -> ImageCannotBePulled, "CreateContainerConfigError" -> ContainerConfig, …);
/// nullptr for the ordinary ones (ContainerCreating, PodInitializing) and unknown ones.
const Reason* WaitingProblem(std::string_view waitingReason);

}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/informer.h"
#include "model/dljob.h"
#include "model/pod.h"
#include "portal/server/jobs/handlers.h"

namespace dlws::portal {

enum class PodState { Pending, Running, Succeeded, Failed, Ending };
std::string_view ToString(PodState state);

/// One pod of a job: schema PodRow.
struct PodRow {
    std::string name, uid, role, node, why;
    int index = 0, rank = 0, attempt = 0, gpus = 0;
    PodState state = PodState::Pending;
    bool ready = false;
    std::optional<int> exit_code;
    std::optional<model::Time> started, finished;
};

/// `pod`: as the informer of PodCacheSettings() keeps it; nothing: it is no pod of the job.
std::optional<PodRow> MakePodRow(std::string_view pod, const model::DLJob& job);
std::string PodJson(const PodRow& row);

/// The job's pods in the order of their ranks, then attempts.
std::vector<PodRow> PodsOf(const model::DLJob& job, const kube::Store& pods);

/// Pods with our job label, with nothing but what MakePodRow reads.
kube::Informer::Settings PodCacheSettings();
/// Index that the informer's store must have: by namespace and uid of the job. Not by the uid
/// alone, which anybody may write into a pod of a namespace of theirs.
inline constexpr const char* kPodsByJob = "job";
std::vector<std::string> JobKeysOf(const kube::Object& pod);
std::string JobKey(const std::string& ns, const std::string& uid);

/// ListJobPods. What is referred to outlives the router.
void AddJobPods(Router& router, const Jobs& jobs, const kube::Store& pods);

}  // namespace dlws::portal

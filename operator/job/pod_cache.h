// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kube/informer.h"

/// @file
/// What the operator keeps of the pods in its cache: the projection that ParsePod reads, 1.7 KB a
/// pod with everything around it (`script/bench memory`).
///
///     kube::Informer pods(client, PodCacheSettings(), random);
///     pods.store().AddIndex(kByController, ControllerUid);
///     for (const auto& pod : pods.store().ByIndex(kByController, job_uid)) ParsePod(pod->raw);

namespace dlws::job {

/// Pods of that namespace (empty: of all) with our job label. `meta.labels` of what is kept are
/// empty, but for pods that nobody owns.
kube::Informer::Settings PodCacheSettings(const std::string& ns = "");

/// Index of a store: by the UID of the controlling owner.
inline constexpr const char* kByController = "controller-uid";
std::vector<std::string> ControllerUid(const kube::Object& object);

}  // namespace dlws::job

// SPDX-License-Identifier: Apache-2.0
#include "operator/job/pod_cache.h"

#include "model/names.h"
#include "model/pod.h"

namespace dlws::job {

kube::Informer::Settings PodCacheSettings(const std::string& ns) {
    return {.resource = kube::kPods,
            .ns = ns,
            .label_selector = std::string(model::kJobLabel),
            .transform = [](kube::Object& pod) {
                pod.raw = model::PodProjection(pod.raw);
                if (pod.meta.controller_kind == model::kDLJobKind) pod.meta.labels.clear();
            }};
}

std::vector<std::string> ControllerUid(const kube::Object& object) {
    if (object.meta.controller_uid.empty()) return {};
    return {object.meta.controller_uid};
}

}  // namespace dlws::job

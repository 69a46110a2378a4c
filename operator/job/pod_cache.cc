// SPDX-License-Identifier: Apache-2.0
#include "operator/job/pod_cache.h"

#include "model/names.h"
#include "model/pod.h"

namespace dlws::job {

kube::Informer::Settings PodCacheSettings() {
    return {.resource = kube::kPods,
            .label_selector = std::string(model::kJobLabel),
            .transform = [](kube::Object& pod) {
                pod.raw = model::PodProjection(pod.raw);
                pod.meta.labels.clear();
            }};
}

std::vector<std::string> ControllerUid(const kube::Object& object) {
    if (object.meta.controller_uid.empty()) return {};
    return {object.meta.controller_uid};
}

}  // namespace dlws::job

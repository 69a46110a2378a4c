// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>

#include "model/dlcluster.h"
#include "model/dljob.h"
#include "model/pod_template.h"
#include "model/render.h"

/// @file
/// Internal to model/: a job's folders of the shared storage in its pods (storage.h).

namespace dlws::model {

/// Adds volumes and mounts of `spec.storage`; and, where a folder of the user's own may be missing,
/// a container before all others that makes it as the user, or says that what is only read is not
/// there: a folder that the node made would be root's.
std::expected<void, RenderError> AddStorage(PodTemplate& pod, const DLJob& job,
                                            const DLCluster& cluster, const PodUser& user);

}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "model/dlcluster.h"
#include "model/dljob.h"
#include "model/render.h"

/// @file
/// Whether a job gets what it asks for.
///
///     auto ruling = CheckPermissions(job, cluster);
///     if (!ruling) return Refuse(ruling.error().message);
///     if (!ruling->toApprove.empty()) …   // somebody else must say yes

namespace dlws::model {

struct Ruling {
    PermissionClasses toApprove;        ///< those that need somebody's approval
    std::vector<std::string> asks;      ///< all that is asked for, in words: "capability IPC_LOCK"
    std::vector<std::string> prefixes;  ///< of each of spec.permissions.hostPaths: what to mount
};

/// Each thing asked for is decided by the first rule of DLCluster that speaks of it; what none
/// speaks of is denied. A job that needs an approval must name its images by digest: a tag could
/// move to other bytes after it. Pure.
std::expected<Ruling, RenderError> CheckPermissions(const DLJob& job, const DLCluster& cluster);

}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/object.h"

/// @file
/// Our kinds, as paths of the API.

namespace dlws {

inline constexpr kube::Resource kDLJobs{"dlworkspace.io", "v1", "dljobs", "DLJob", true};
inline constexpr kube::Resource kDLUsers{"dlworkspace.io", "v1", "dlusers", "DLUser", false};
inline constexpr kube::Resource kDLClusters{"dlworkspace.io", "v1", "dlclusters", "DLCluster",
                                            false};
inline constexpr kube::Resource kDLNodes{"dlworkspace.io", "v1", "dlnodes", "DLNode", false};
inline constexpr kube::Resource kDLJobApprovals{"dlworkspace.io", "v1", "dljobapprovals",
                                                "DLJobApproval", true};
inline constexpr kube::Resource kDLJobTemplates{"dlworkspace.io", "v1", "dljobtemplates",
                                                "DLJobTemplate", true};

}  // namespace dlws

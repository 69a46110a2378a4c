// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "model/pod_template.h"
#include "model/render.h"

/// @file
/// Internal to model/: what a job may do to its node, in its pod; and that the administrator's
/// podTemplate gives it to nobody.

namespace dlws::model {

/// Error: the podTemplate holds what would give every job the host, or what nobody has looked at.
std::expected<void, RenderError> CheckTemplate(PodTemplate& pod);

/// All but the folders. After the safety settings, which it loosens.
void AddPermissions(PodTemplate& pod, const Permissions& permissions);

/// `prefixes`: of each path the folder of the rule that allows it (permission_check.h).
void AddHostPaths(PodTemplate& pod, const std::vector<HostPath>& paths,
                  const std::vector<std::string>& prefixes);

}  // namespace dlws::model

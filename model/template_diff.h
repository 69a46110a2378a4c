// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "model/render.h"

/// @file
/// What an approver reads: how a job's pods differ from a plain pod of the cluster, and what they
/// read that may change afterwards. Pure.

namespace dlws::model {

/// What the cluster makes of a job of that user's that says nothing but its roles' names and sizes.
/// An error where the cluster's own settings cannot be used.
std::expected<Rendered, RenderError> RenderPlain(const DLJob& job, const DLCluster& cluster,
                                                 const PodUser& user);

/// A line for each value that is not in the plain pod ("+ "), is another there ("- " and "+ "), or
/// is only there ("- "); what reaches the node first, then images and commands, then the rest.
/// Roles that differ in the same way are told once. At most kMaxDiff bytes: a longer one ends with
/// how many lines are missing.
std::string TemplateDiff(const Rendered& job, const Rendered& plain);

/// ConfigMaps and Secrets that the pods read, by name, each with whether it can change after the
/// approval.
std::vector<std::string> MountedObjects(const Rendered& job);

}  // namespace dlws::model

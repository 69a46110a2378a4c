// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "model/render.h"

/// @file
/// Whether a pod is what it should be: before it is posted, and as the API server stored it. Pure.

namespace dlws::model {

/// Empty: a pod document made by MakePod is the role's template but for what may differ between
/// the pods of a role (name, hostname, labels of index and attempt, its own environment, nodes to
/// avoid). Otherwise the path of the first difference.
std::string StraysFromTemplate(std::string_view pod, const Rendered& rendered, std::size_t role);

/// Empty: what was stored is what was posted, besides defaults that Kubernetes fills in. Otherwise
/// the path of the first difference: another admission webhook has changed it.
std::string Altered(std::string_view posted, std::string_view stored);

}  // namespace dlws::model

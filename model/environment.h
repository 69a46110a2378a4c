// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/array.hpp>

#include "model/dlcluster.h"
#include "model/dljob.h"
#include "model/render.h"

/// @file
/// Internal to model/: the environment of container `main`.

namespace dlws::model {

/// What is the same for all pods of a role: the names of the framework, our defaults
/// (PYTHONUNBUFFERED, HOME, USER), the administrator's (`base`, the `env` of the template) and the
/// user's. Later ones win, but nobody changes a reserved name. The order matters: `$(NAME)` sees
/// only what comes before it.
boost::json::array RoleEnvironment(const DLJob& job, const Role& role, const DLCluster& cluster,
                                   const PodUser& user, const boost::json::array& base);

/// What differs from pod to pod; comes before the role's.
boost::json::array PodEnvironment(const Rendered& rendered, int index, int attempt, int rank);

/// The names of the variables that differ from pod to pod, those of the fences too.
std::vector<std::string> PodEnvironmentNames(const Rendered& rendered);

/// HOME: where storage `work` is mounted, else /tmp.
std::string Home(const DLJobSpec& spec);

}  // namespace dlws::model

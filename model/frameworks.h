// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/dljob.h"

/// @file
/// Internal to model/: how the pods of a job find each other, framework by framework. Names and
/// formats are those that the frameworks themselves read:
/// torch.distributed's env:// and torchrun's PET_<OPTION>; jax.distributed.initialize;
/// tf.distribute.cluster_resolver.TFConfigClusterResolver; Open MPI's MCA parameters;
/// deepspeed.launcher.runner.

namespace dlws::model {

using EnvList = std::vector<std::pair<std::string, std::string>>;

/// What is the same for all pods of a role. `$(DLWS_INDEX)` in it is
/// replaced by the kubelet.
EnvList FrameworkRoleEnv(const DLJob& job, const Role& role);

/// What differs by rank.
EnvList FrameworkPodEnv(Framework framework, bool elastic, int rank);

/// `<role>-<index>.<job>`; of a job with one pod, which has no Service, the loopback address.
std::string PeerAddress(const DLJob& job, const Role& role, int index);

/// Processes that the launcher may start in a pod of the role.
int Slots(Framework framework, const Role& role);

}  // namespace dlws::model

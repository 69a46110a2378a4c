// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

/// @file
/// `dlws-agent logs FOLDER`: the archived logs of a job, all pods' lines by time, each behind the
/// name of its pod's log: "worker-0.0 2026-11-29T08:46:22.123456Z epoch 1".

namespace dlws::agent {

/// The subcommand; `args` is what comes behind its name. The process's exit code: 1 when there are
/// no logs or one cannot be read, 2 when the command line is wrong.
int RunShowLogs(const std::vector<std::string>& args);

}  // namespace dlws::agent

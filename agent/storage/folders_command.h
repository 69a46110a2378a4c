// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

/// @file
/// `dlws-agent make-folders make=/storage/work:runs/7 need=/storage/data:digits`: what runs in a
/// job's pod before its own container, as the job's user and inside the pod's own mounts. `make`:
/// the folder below the first path is made where it is missing; `need`: it must be there, because
/// the job only reads it. A link may lead anywhere: there is nothing in the pod that is not the
/// user's.

namespace dlws::agent {

/// The subcommand; `args` is what comes behind its name. The process's exit code: 0 when all
/// folders are there, 1 when one is not (why is the last line of standard error, which becomes the
/// job's message), 2 when the command line is wrong.
int RunMakeFolders(const std::vector<std::string>& args);

}  // namespace dlws::agent

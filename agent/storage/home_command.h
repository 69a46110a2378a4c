// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "agent/storage/child_runner.h"
#include "agent/storage/homes.h"

/// @file
/// `dlws-agent make-home --work=/mnt/x/work --name=alice --uid=1001 --gid=1001`: homes.h as a
/// process, for the same reason as check-mount. Prints {"ready":…,"made":…,"reason":…,"message":…,
/// "bytesTotal":…,"bytesFree":…}.

namespace dlws::agent {

std::string ToJson(const HomeOutcome& outcome);
/// Error: a sentence.
std::expected<HomeOutcome, std::string> ParseHomeOutcome(std::string_view json);

/// The subcommand; `args` is what comes behind its name. The process's exit code: 0 when it could
/// try, 2 when the command line is wrong. May block for ever.
int RunMakeHome(const std::vector<std::string>& args);

/// Runs it in a child. `work` is the absolute path of a folder. Not ready with reason NoAnswer when
/// the storage hangs, CheckFailed when the child failed. One call a `work` at a time. Throws
/// operation_aborted when cancelled.
kube::Awaitable<HomeOutcome> MakeHome(ChildRunner& runner, std::string work, Home home);

}  // namespace dlws::agent

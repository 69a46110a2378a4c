// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "agent/storage/mount_check.h"

/// @file
/// `dlws-agent check-mount --path=/mnt/x …`: one check of one storage (mount_check.h) as a process.
/// Prints one line of JSON: {"state":"Full","reason":…,"message":…,"fileSystem":…,"bytesTotal":…,
/// "bytesFree":…,"inodesTotal":…,"inodesFree":…}. Pure but for RunCheckMount.

namespace dlws::agent {

/// What comes behind "check-mount", to ask this.
std::vector<std::string> CheckArguments(const MountToCheck& mount);

std::string ToJson(const StorageFact& fact);
/// Error: a sentence.
std::expected<StorageFact, std::string> ParseFact(std::string_view json);

/// The subcommand; `args` is what comes behind its name. The process's exit code: 0 whatever the
/// state is, 2 when the command line is wrong. May block for ever.
int RunCheckMount(const std::vector<std::string>& args);

}  // namespace dlws::agent

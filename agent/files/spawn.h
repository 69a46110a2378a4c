// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <expected>
#include <string>
#include <vector>

namespace dlws::agent {

/// Descriptors of a new process; -1: standard input is empty, standard output is ours.
struct SpawnFiles {
    int in = -1, out = -1;
};

/// Starts the program `words[0]` with signals as a fresh process has them, in a process group
/// of its own (smbd signals all of its group); its pid, which the
/// caller must wait for, or an errno. Thread-safe.
std::expected<pid_t, int> Spawn(std::vector<std::string> words, SpawnFiles files);

}  // namespace dlws::agent

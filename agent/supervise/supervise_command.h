// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

/// @file
/// `dlws-agent supervise run …`: the container's first process. It runs the rest of its command
/// line as a child, and when that dies starts it again at once: the kubelet would wait 10 s to 5
/// min, and the log of a pod that is deleted meanwhile is lost.

namespace dlws::agent {

struct SuperviseSettings {
    std::string program = "/proc/self/exe";
    std::chrono::milliseconds pause{50};  ///< before each new start
    /// More deaths than that within `window` and it ends itself, so that the kubelet's back-off
    /// applies.
    int restarts = 10;
    std::chrono::seconds window{60};
};

/// Runs `program` with `arguments` until it ends with code 0 or 2 (its command line is wrong), or
/// dies too often, or ends after SIGTERM or SIGINT came, which it passes on. Its last exit code;
/// 128 and the signal's number for one that a signal ended; 1 when it cannot be started. Reaps
/// whatever else has become its child: as process 1 it inherits what the one that died has left.
///
/// Blocks the thread, of which the process should have no other. Changes its signal mask.
int Supervise(const std::vector<std::string>& arguments, const SuperviseSettings& settings = {});

/// The subcommand; `args` is what comes behind its name.
int RunSupervise(const std::vector<std::string>& args);

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "kube/api.h"

namespace dlws::agent {

/// A program that should run for as long as we do. Confined to one executor.
class Daemon {
  public:
    /// Absolute path and arguments.
    explicit Daemon(std::vector<std::string> words) : words_(std::move(words)) {}
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// Starts it, and returns how it ended, in a few words. Cancelled it is sent SIGTERM.
    kube::Awaitable<std::string> Run();
    /// 0: it does not run.
    pid_t pid() const { return pid_; }

  private:
    std::vector<std::string> words_;
    pid_t pid_ = 0;
};

/// Takes in children that nobody waits for, which a container's first process inherits, until there
/// are none or one of `ours` is next. Must not be called while anything else waits for a child.
void ReapStrays(const std::vector<pid_t>& ours);

}  // namespace dlws::agent

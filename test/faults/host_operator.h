// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace dlws::faults {

/// An operator as a process of this machine, that is killed, stopped and started again.
///
///     HostOperator op({.binary = …, .kubeconfig = …, .log = …, .args = {"--lease-seconds=3"}});
///     op.Start();
///     op.Kill();          // SIGKILL, and waits for its end
///     op.StartIfEnded();  // as a kubelet would
///
/// Thread-safe. Destroying it kills the process. Standard output and error are added to `log`.
class HostOperator {
  public:
    struct Settings {
        std::string binary;
        std::string kubeconfig;
        std::string log;
        std::vector<std::string> args;           ///< beside --kubeconfig and the health port
        std::map<std::string, std::string> env;  ///< added to ours
    };
    explicit HostOperator(Settings settings);
    ~HostOperator();
    HostOperator(const HostOperator&) = delete;
    HostOperator& operator=(const HostOperator&) = delete;

    /// Throws when it cannot be started. Nothing when it runs.
    void Start();
    /// True when it had ended.
    bool StartIfEnded();
    /// The process is gone when this returns.
    void Kill();
    /// Nothing when it does not run.
    void Signal(int signal);
    /// 0: it does not run.
    pid_t pid() const;
    /// Wait status (waitpid) of the last process that ended by itself; -1: none did.
    int last_status() const;

  private:
    bool Reap();  ///< with mutex_ held; true when there is no process
    void Spawn();

    Settings settings_;
    mutable std::mutex mutex_;
    pid_t pid_ = 0;
    int last_status_ = -1;
};

}  // namespace dlws::faults

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kube/api.h"

namespace dlws::agent {

/// Runs a program that may block for ever, mostly this very one, because it touches a network
/// mount: each time in a child of its own that can be abandoned.
///
///     ChildRunner runner(executor, {});
///     ChildRunner::Answer answer = co_await runner.Run("/mnt/x", args);
///
/// A child that does not end within the deadline is killed. One that the kernel holds in an
/// uninterruptible wait stays nevertheless; nobody waits for it, and until it is gone its key gets
/// no other child: at most one is stuck a key.
///
/// Confined to its executor, which it never blocks. Must outlive every Run(). Needs SIGCHLD at its
/// default, and nobody else may reap our children.
class ChildRunner {
  public:
    struct Settings {
        std::string program = "/proc/self/exe";
        std::chrono::milliseconds deadline{5000};
        std::size_t max_output = 64 << 10;  ///< what is printed beyond it is lost
    };
    struct Answer {
        enum Kind {
            kDone,      ///< exit code 0; `text` is its output
            kNoAnswer,  ///< past the deadline, or an earlier child is still stuck
            kFailed,    ///< `text` says why: cannot be started, signal, exit code and the last line
                        ///< that it printed
        };
        Kind kind = kFailed;
        std::string text;
    };

    ChildRunner(boost::asio::any_io_executor executor, Settings settings);
    ~ChildRunner();
    ChildRunner(const ChildRunner&) = delete;
    ChildRunner& operator=(const ChildRunner&) = delete;

    /// One call a key at a time. The child reads `input`, which no file on a disk has ever held.
    /// Throws operation_aborted when cancelled.
    kube::Awaitable<Answer> Run(std::string key, std::vector<std::string> arguments,
                                std::string input = "");

    /// How many children run or are stuck; reaps those that have ended.
    std::size_t Outstanding();

    std::chrono::milliseconds Deadline() const { return settings_.deadline; }

  private:
    class Child;
    boost::asio::any_io_executor executor_;
    Settings settings_;
    std::map<std::string, std::shared_ptr<Child>> children_;
};

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "kube/flags.h"

namespace dlws::agent {

/// What the command line of `dlws-agent run` says. Every flag is `--name=value` or `--name value`.
struct Options : kube::CommonOptions {
    std::string node;  ///< whose agent it is
    std::string ns = "dlws-system";
    std::string lease = "dlworkspace-agent";   ///< of the agent that makes homes
    std::string identity;                      ///< our name in it; empty: the node's
    std::string system_root = "/host/system";  ///< where we see the folder of the soft links
    int check_seconds = 5;
    int sweep_seconds = 3600;
};

/// Error: one sentence that says what to write instead.
std::expected<Options, std::string> ParseOptions(const std::vector<std::string>& args);
std::string HelpText();

}  // namespace dlws::agent

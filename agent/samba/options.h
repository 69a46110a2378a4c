// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "kube/flags.h"

namespace dlws::agent {

/// What the command line of `dlws-agent serve-samba` says. Every flag is `--name=value` or
/// `--name value`.
struct SambaOptions : kube::CommonOptions {
    std::string ns = "dlws-system";  ///< of the ConfigMap
    std::string config_map = "dlworkspace-samba";
    std::string passwords_namespace = "dlws-samba";
    /// Folder with the files username and password of who may join the domain; empty: the server
    /// is no member of one.
    std::string join;
};

/// Error: one sentence that says what to write instead.
std::expected<SambaOptions, std::string> ParseSambaOptions(const std::vector<std::string>& args);
std::string SambaHelpText();

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "kube/flags.h"

namespace dlws::webhook {

/// What the command line says. Every flag is `--name=value` or `--name value`.
struct Options : kube::CommonOptions {
    std::string ns = "dlws-system";               ///< of the Service and the Secret
    std::string service = "dlworkspace-webhook";  ///< also of the Secret and the configurations
    std::string address = "0.0.0.0";
    int port = 9443;
    int certificate_seconds = 90 * 24 * 3600;
    std::string certificate_folder;  ///< empty: certificates of our own
    int drain_seconds = 10;
    int max_connections = 1000;
    std::vector<std::string> approver_service_accounts;  ///< by their user names
};

/// Error: one sentence that says what to write instead.
std::expected<Options, std::string> ParseOptions(const std::vector<std::string>& args);
std::string HelpText();

}  // namespace dlws::webhook

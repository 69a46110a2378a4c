// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "kube/flags.h"

namespace dlws {

/// What the command line says. Every flag is `--name=value` or `--name value`.
struct Options : kube::CommonOptions {
    std::string ns = "dlws-system";  ///< namespace of the Lease
    std::string lease = "dlworkspace-operator";
    std::string watch_namespace;        ///< empty: jobs of all namespaces
    std::string policies;               ///< file of the chart's policies; empty: there are none
    std::string webhook_configuration;  ///< empty: there is no webhook
    std::string samba_config_map;       ///< in `ns`; empty: there is no Samba server
    std::string samba_computer = "DLWORKSPACE";
    std::string samba_realm, samba_workgroup;  ///< of its domain; both empty: there is none
    std::string identity;  ///< empty: host name; a random suffix is added always
    bool leader_elect = true;
    int workers = 16;
    int parallel_creates = 16;
    int connections = 32;
    int lease_seconds = 15;  ///< renew deadline is 2/3 of it, retry period 2/15
};

/// Error: one sentence that says what to write instead.
std::expected<Options, std::string> ParseOptions(const std::vector<std::string>& args);
std::string HelpText();

}  // namespace dlws

// SPDX-License-Identifier: Apache-2.0
#include "agent/samba/options.h"

namespace dlws::agent {
namespace {

const kube::FlagSet<SambaOptions>& Flags() {
    using kube::Text;
    static const kube::FlagSet<SambaOptions> flags{
        Text("namespace", &SambaOptions::ns, "namespace of the ConfigMap; default dlws-system"),
        Text("config-map", &SambaOptions::config_map,
             "ConfigMap with shares and users, which the operator keeps; default "
             "dlworkspace-samba"),
        Text("passwords-namespace", &SambaOptions::passwords_namespace,
             "namespace of the Secrets with users' passwords; default dlws-samba"),
        Text("join", &SambaOptions::join,
             "folder with the files username and password of an account that may join the domain; "
             "default: the server is in no domain"),
    };
    return flags;
}

}  // namespace

std::expected<SambaOptions, std::string> ParseSambaOptions(const std::vector<std::string>& args) {
    return Flags().Parse(args);
}

std::string SambaHelpText() {
    return "dlws-agent serve-samba: runs Samba's server, with the users and shares it is told.\n\n"
           "Usage: dlws-agent serve-samba [--name=value ...]\n\n" +
           Flags().Help();
}

}  // namespace dlws::agent

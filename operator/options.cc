// SPDX-License-Identifier: Apache-2.0
#include "operator/options.h"

namespace dlws {
namespace {

const kube::FlagSet<Options>& Flags() {
    using kube::Number, kube::Switch, kube::Text;
    static const kube::FlagSet<Options> flags{
        Text("namespace", &Options::ns, "namespace of the leader Lease; default dlws-system"),
        Text("lease", &Options::lease, "name of the leader Lease; default dlworkspace-operator"),
        Text("watch-namespace", &Options::watch_namespace,
             "serve the DLJobs of this namespace alone, with a --lease of its own; default: all"),
        Text("policies", &Options::policies,
             "JSON file with the admission policies that there should be; without, no job gets "
             "special permissions"),
        Text("webhook-configuration", &Options::webhook_configuration,
             "name of the webhook's configurations, which must be there for the same"),
        Text("samba-config-map", &Options::samba_config_map,
             "ConfigMap that tells the Samba server its shares and users; default: there is none"),
        Text("samba-realm", &Options::samba_realm,
             "realm of the Active Directory domain that the server is a member of; default: none"),
        Text("samba-workgroup", &Options::samba_workgroup, "short name of that domain"),
        Text("samba-computer", &Options::samba_computer,
             "the server's name, for which clients ask; default DLWORKSPACE"),
        Text("identity", &Options::identity, "our name in the Lease; default: the host name"),
        Switch("leader-elect", &Options::leader_elect,
               "false: work at once, without a Lease (one replica only); default true"),
        Number("lease-seconds", &Options::lease_seconds, 3, 300,
               "a leader silent for so long is replaced; default 15"),
        Number("workers", &Options::workers, 1, 256, "jobs in work at once; default 16"),
        Number("parallel-creates", &Options::parallel_creates, 1, 256,
               "pods of one job created at once; default 16"),
        Number("connections", &Options::connections, 1, 256,
               "connections to the API server; default 32"),
    };
    return flags;
}

}  // namespace

std::expected<Options, std::string> ParseOptions(const std::vector<std::string>& args) {
    auto options = Flags().Parse(args);
    if (options && options->samba_realm.empty() != options->samba_workgroup.empty())
        return std::unexpected(
            "--samba-realm and --samba-workgroup go together: give both, or neither");
    return options;
}

std::string HelpText() {
    return "dlws-operator: turns DLJobs into pods.\n\nUsage: dlws-operator [--name=value ...]\n\n" +
           Flags().Help();
}

}  // namespace dlws

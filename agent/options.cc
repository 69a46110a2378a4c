// SPDX-License-Identifier: Apache-2.0
#include "agent/options.h"

namespace dlws::agent {
namespace {

const kube::FlagSet<Options>& Flags() {
    using kube::Number, kube::Text;
    static const kube::FlagSet<Options> flags{
        Text("node", &Options::node, "name of this node; must be given"),
        Text("namespace", &Options::ns, "namespace of the Lease; default dlws-system"),
        Text("lease", &Options::lease,
             "name of the Lease by which one agent of all makes users' folders; default "
             "dlworkspace-agent"),
        Text("identity", &Options::identity, "our name in the Lease; default: the node's"),
        Text("system-root", &Options::system_root,
             "where the folder of the soft links is in our container; default /host/system"),
        Number("check-seconds", &Options::check_seconds, 1, 300,
               "how often the storages are checked; default 5"),
        Number(
            "sweep-seconds", &Options::sweep_seconds, 1, 86400,
            "how often archived logs are deleted that DLCluster's spec.logs does not keep; default "
            "3600"),
    };
    return flags;
}

}  // namespace

std::expected<Options, std::string> ParseOptions(const std::vector<std::string>& args) {
    auto options = Flags().Parse(args);
    if (options && !options->help && !options->version && options->node.empty())
        return std::unexpected("--node must be given: the name of this node");
    return options;
}

std::string HelpText() {
    return "dlws-agent run: looks after one node.\n\nUsage: dlws-agent run --node=NAME "
           "[--name=value ...]\n\n" +
           Flags().Help();
}

}  // namespace dlws::agent

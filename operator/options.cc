// SPDX-License-Identifier: Apache-2.0
#include "operator/options.h"

#include "kube/flags.h"

namespace dlws {
namespace {

const kube::FlagSet<Options>& Flags() {
    using kube::Number, kube::OneOf, kube::Switch, kube::Text;
    static const kube::FlagSet<Options> flags{
        Text("kubeconfig", &Options::kubeconfig,
             "kubeconfig file; default: $KUBECONFIG, the pod's ServiceAccount, ~/.kube/config"),
        Text("context", &Options::context, "context in the kubeconfig; default: its current one"),
        Text("namespace", &Options::ns, "namespace of the leader Lease; default dlws-system"),
        Text("lease", &Options::lease, "name of the leader Lease; default dlworkspace-operator"),
        Text("watch-namespace", &Options::watch_namespace,
             "serve the DLJobs of this namespace alone, with a --lease of its own; default: all"),
        Text("identity", &Options::identity, "our name in the Lease; default: the host name"),
        Switch("leader-elect", &Options::leader_elect,
               "false: work at once, without a Lease (one replica only); default true"),
        Number("lease-seconds", &Options::lease_seconds, 3, 300,
               "a leader silent for so long is replaced; default 15"),
        Text("health-address", &Options::health_address,
             "address of /healthz, /readyz and /metrics; default 0.0.0.0"),
        Number("health-port", &Options::health_port, 0, 65535,
               "port of the same, 0 picks one; default 8080"),
        OneOf("log-level", &Options::log_level, {"debug", "info", "warn", "error"},
              "debug, info, warn or error; default info"),
        Number("workers", &Options::workers, 1, 256, "jobs in work at once; default 16"),
        Number("parallel-creates", &Options::parallel_creates, 1, 256,
               "pods of one job created at once; default 16"),
        Number("connections", &Options::connections, 1, 256,
               "connections to the API server; default 32"),
        Switch("help", &Options::help, "print this and end"),
        Switch("version", &Options::version, "print the version and end"),
    };
    return flags;
}

}  // namespace

std::expected<Options, std::string> ParseOptions(const std::vector<std::string>& args) {
    return Flags().Parse(args);
}

std::string HelpText() {
    return "dlws-operator: turns DLJobs into pods.\n\nUsage: dlws-operator [--name=value ...]\n\n" +
           Flags().Help();
}

}  // namespace dlws

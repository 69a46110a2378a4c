// SPDX-License-Identifier: Apache-2.0
#include "webhook/options.h"

namespace dlws::webhook {
namespace {

const kube::FlagSet<Options>& Flags() {
    using kube::Number, kube::Text;
    static const kube::FlagSet<Options> flags{
        Text("namespace", &Options::ns,
             "namespace of our Service and its Secret; default dlws-system"),
        Text("service", &Options::service,
             "name of our Service, its Secret and both webhook configurations; default "
             "dlworkspace-webhook"),
        Text("address", &Options::address, "address for the API server; default 0.0.0.0"),
        Number("port", &Options::port, 0, 65535, "port of the same, 0 picks one; default 9443"),
        Number("certificate-seconds", &Options::certificate_seconds, 40, 10 * 365 * 24 * 3600,
               "how long a certificate holds, a new one is made at two thirds; default 90 days"),
        Text("certificate-folder", &Options::certificate_folder,
             "folder with tls.crt and tls.key, which somebody else renews and has trusted; default "
             "none: we issue our own, in a Secret"),
        Number("drain-seconds", &Options::drain_seconds, 0, 300,
               "how long to go on when told to stop; default 10"),
        kube::List("approver-service-accounts", &Options::approver_service_accounts,
                   "ServiceAccounts that may approve, by their user names with commas between; "
                   "default none"),
        Number("max-connections", &Options::max_connections, 1, 100'000,
               "connections at once, half of them from one address, more are closed; default 1000"),
    };
    return flags;
}

}  // namespace

std::expected<Options, std::string> ParseOptions(const std::vector<std::string>& args) {
    return Flags().Parse(args);
}

std::string HelpText() {
    return "dlws-webhook: admission of DLJobs.\n\nUsage: dlws-webhook [--name=value ...]\n\n" +
           Flags().Help();
}

}  // namespace dlws::webhook

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/options.h"

namespace dlws::portal {
namespace {

const kube::FlagSet<Options>& Flags() {
    using kube::Number, kube::Text;
    static const kube::FlagSet<Options> flags{
        Text("address", &Options::address, "address for browsers; default 0.0.0.0"),
        Number("port", &Options::port, 0, 65535, "port of the same, 0 picks one; default 8443"),
        Text(
            "certificate-folder", &Options::certificate_folder,
            "folder with tls.crt and tls.key, which somebody else renews; default none: one of our "
            "own making, which no browser trusts"),
        Text("name", &Options::name,
             "host name in a certificate of our own making; default localhost"),
        kube::Switch("plain", &Options::plain,
                     "speak HTTP, behind something that speaks TLS with browsers; default false"),
        Number("stale-verdict-seconds", &Options::stale_verdict_seconds, 0, 3600,
               "how much longer what somebody may see counts while the API server is away; default "
               "600"),
        Number("drain-seconds", &Options::drain_seconds, 0, 300,
               "how long to go on when told to stop; default 5"),
        Number("max-connections", &Options::max_connections, 1, 100'000,
               "connections at once, more are closed; default 12000"),
        Number("max-connections-per-address", &Options::max_connections_per_address, 0, 100'000,
               "of these from one address; default 0: as many as overall"),
    };
    return flags;
}

}  // namespace

std::expected<Options, std::string> ParseOptions(const std::vector<std::string>& args) {
    auto options = Flags().Parse(args);
    if (options && options->plain && !options->certificate_folder.empty())
        return std::unexpected(
            "--plain and --certificate-folder exclude each other: HTTP needs no certificate");
    return options;
}

std::string HelpText() {
    return "dlws-portal: REST API and web page, acting as who is logged in.\n\n"
           "Usage: dlws-portal [--name=value ...]\n\n" +
           Flags().Help();
}

}  // namespace dlws::portal

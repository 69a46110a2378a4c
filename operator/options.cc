// SPDX-License-Identifier: Apache-2.0
#include "operator/options.h"

#include <fmt/format.h>

#include <charconv>
#include <functional>

namespace dlws {
namespace {

struct Flag {
    std::string name, help;
    std::function<std::string(Options&, const std::string&)> set;  ///< error text, or empty
};

Flag Text(std::string name, std::string Options::* field, std::string help) {
    return {std::move(name), std::move(help), [field](Options& o, const std::string& v) {
                o.*field = v;
                return std::string();
            }};
}

Flag Number(std::string name, int Options::* field, int low, int high, std::string help) {
    return {
        name, std::move(help), [=](Options& o, const std::string& v) -> std::string {
            int value = 0;
            auto [end, error] = std::from_chars(v.data(), v.data() + v.size(), value);
            if (error != std::errc() || end != v.data() + v.size() || value < low || value > high)
                return fmt::format("--{} must be a whole number from {} to {}, not \"{}\"", name,
                                   low, high, v);
            o.*field = value;
            return {};
        }};
}

Flag Switch(std::string name, bool Options::* field, std::string help) {
    return {name, std::move(help), [=](Options& o, const std::string& v) -> std::string {
                if (v != "true" && v != "false")
                    return fmt::format("--{} must be true or false, not \"{}\"", name, v);
                o.*field = v == "true";
                return {};
            }};
}

const std::vector<Flag>& Flags() {
    static const std::vector<Flag> flags = {
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
        Text("log-level", &Options::log_level, "debug, info, warn or error; default info"),
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

const Flag* Find(std::string_view name) {
    for (const Flag& flag : Flags())
        if (flag.name == name) return &flag;
    return nullptr;
}

}  // namespace

std::expected<Options, std::string> ParseOptions(const std::vector<std::string>& args) {
    Options options;
    for (std::size_t i = 0; i < args.size(); ++i) {
        std::string_view arg = args[i];
        if (!arg.starts_with("--"))
            return std::unexpected(fmt::format(
                "\"{}\" is not a flag; flags are written --name=value, see --help", arg));
        arg.remove_prefix(2);
        auto equals = arg.find('=');
        const Flag* flag = Find(arg.substr(0, equals));
        if (!flag)
            return std::unexpected(
                fmt::format("there is no flag --{}; see --help", arg.substr(0, equals)));
        std::string value;
        if (equals != std::string_view::npos) {
            value = arg.substr(equals + 1);
        } else if (flag->name == "help" || flag->name == "version") {
            value = "true";
        } else if (i + 1 < args.size()) {
            value = args[++i];
        } else {
            return std::unexpected(fmt::format("--{} needs a value", flag->name));
        }
        if (std::string error = flag->set(options, value); !error.empty())
            return std::unexpected(error);
    }
    if (options.log_level != "debug" && options.log_level != "info" &&
        options.log_level != "warn" && options.log_level != "error")
        return std::unexpected(fmt::format(
            "--log-level must be debug, info, warn or error, not \"{}\"", options.log_level));
    return options;
}

std::string HelpText() {
    std::string text =
        "dlws-operator: turns DLJobs into pods.\n\nUsage: dlws-operator [--name=value ...]\n\n";
    for (const Flag& flag : Flags())
        text += fmt::format("  --{:<18}{}\n", flag.name, flag.help);
    return text;
}

}  // namespace dlws

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <concepts>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// @file
/// Command lines of our programs: `--name=value` or `--name value`, into a struct of options.
///
///     const FlagSet<Options> flags{
///         Text("lease", &Options::lease, "name of the leader Lease"),
///         Number("workers", &Options::workers, 1, 256, "jobs in work at once; default 16")};
///     auto options = flags.Parse({argv + 1, argv + argc});
///
/// Errors are one sentence that says what to write instead. `--help` and `--version` need no value.

namespace dlws::kube {

template <typename Options>
struct Flag {
    std::string name, help;
    std::function<std::string(Options&, const std::string&)> set;  ///< error text, or empty
};

template <typename Options>
Flag<Options> Text(std::string name, std::string Options::* field, std::string help) {
    return {std::move(name), std::move(help), [field](Options& o, const std::string& v) {
                o.*field = v;
                return std::string();
            }};
}

template <typename Options, typename Int>
Flag<Options> NumberOf(std::string name, std::type_identity_t<Int Options::*> field, Int low,
                       Int high, std::string help) {
    auto set = [=](Options& o, const std::string& v) -> std::string {
        Int value = 0;
        auto [end, error] = std::from_chars(v.data(), v.data() + v.size(), value);
        if (error != std::errc() || end != v.data() + v.size() || value < low || value > high)
            return fmt::format("--{} must be a whole number from {} to {}, not \"{}\"", name, low,
                               high, v);
        o.*field = value;
        return {};
    };
    return {name, std::move(help), std::move(set)};
}

template <typename Options>
Flag<Options> Number(std::string name, int Options::* field, int low, int high, std::string help) {
    return NumberOf<Options, int>(std::move(name), field, low, high, std::move(help));
}

template <typename Options>
Flag<Options> Switch(std::string name, bool Options::* field, std::string help) {
    auto set = [=](Options& o, const std::string& v) -> std::string {
        if (v != "true" && v != "false")
            return fmt::format("--{} must be true or false, not \"{}\"", name, v);
        o.*field = v == "true";
        return {};
    };
    return {name, std::move(help), std::move(set)};
}

/// Texts with commas between.
template <typename Options>
Flag<Options> List(std::string name, std::vector<std::string> Options::* field, std::string help) {
    auto set = [=](Options& o, const std::string& v) -> std::string {
        for (std::size_t at = 0; at < v.size();) {
            const std::size_t end = std::min(v.find(',', at), v.size());
            if (end > at) (o.*field).push_back(v.substr(at, end - at));
            at = end + 1;
        }
        return {};
    };
    return {name, std::move(help), std::move(set)};
}

template <typename Options>
Flag<Options> OneOf(std::string name, std::string Options::* field, std::vector<std::string> words,
                    std::string help) {
    auto set = [=](Options& o, const std::string& v) -> std::string {
        if (std::ranges::find(words, v) == words.end())
            return fmt::format("--{} must be one of {}, not \"{}\"", name, fmt::join(words, ", "),
                               v);
        o.*field = v;
        return {};
    };
    return {name, std::move(help), std::move(set)};
}

/// What every program of ours understands; its Options derive from this.
struct CommonOptions {
    std::string kubeconfig;  ///< empty: $KUBECONFIG, in-cluster, ~/.kube/config in this order
    std::string context;
    std::string health_address = "0.0.0.0";
    int health_port = 8080;
    std::string log_level = "info";
    bool help = false;
    bool version = false;
};

template <typename Options>
class FlagSet {
  public:
    /// These, and those of CommonOptions where Options derives from it.
    FlagSet(std::initializer_list<Flag<Options>> own) : flags_(own) {
        if constexpr (std::derived_from<Options, CommonOptions>) AddCommon();
    }

    std::expected<Options, std::string> Parse(const std::vector<std::string>& args) const {
        Options options;
        for (std::size_t i = 0; i < args.size(); ++i) {
            std::string_view arg = args[i];
            if (!arg.starts_with("--"))
                return std::unexpected(fmt::format(
                    "\"{}\" is not a flag; flags are written --name=value, see --help", arg));
            arg.remove_prefix(2);
            const auto equals = arg.find('=');
            const auto flag =
                std::ranges::find(flags_, arg.substr(0, equals), &Flag<Options>::name);
            if (flag == flags_.end())
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
        return options;
    }

    /// One line a flag.
    std::string Help() const {
        std::string text;
        for (const Flag<Options>& flag : flags_)
            text += fmt::format("  --{:<20}{}\n", flag.name, flag.help);
        return text;
    }

  private:
    void AddCommon() {
        flags_.insert(
            flags_.end(),
            {Text<Options>("kubeconfig", &Options::kubeconfig,
                           "kubeconfig file; default: $KUBECONFIG, the pod's ServiceAccount, "
                           "~/.kube/config"),
             Text<Options>("context", &Options::context,
                           "context in the kubeconfig; default: its current one"),
             Text<Options>("health-address", &Options::health_address,
                           "address of /healthz, /readyz and /metrics; default 0.0.0.0"),
             Number<Options>("health-port", &Options::health_port, 0, 65535,
                             "port of the same, 0 picks one; default 8080"),
             OneOf<Options>("log-level", &Options::log_level, {"debug", "info", "warn", "error"},
                            "debug, info, warn or error; default info"),
             Switch<Options>("help", &Options::help, "print this and end"),
             Switch<Options>("version", &Options::version, "print the version and end")});
    }

    std::vector<Flag<Options>> flags_;
};

}  // namespace dlws::kube

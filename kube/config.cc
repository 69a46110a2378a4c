// SPDX-License-Identifier: Apache-2.0
#include "kube/config.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "kube/config_files.h"
#include "kube/kubeconfig.h"

namespace dlws::kube {
namespace {

constexpr const char* kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

std::unexpected<Error> Refuse(std::string message) {
    return std::unexpected(
        Error{.kind = ErrorKind::kInvalidArgument, .message = std::move(message)});
}

std::string Variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

}  // namespace

Result<Config> LoadInCluster() {
    return LoadInClusterFrom(kServiceAccount);
}

Result<Config> LoadInClusterFrom(const std::string& directory) {
    Config config;
    config.host = Variable("KUBERNETES_SERVICE_HOST");
    config.port = Variable("KUBERNETES_SERVICE_PORT");
    if (config.host.empty() || config.port.empty()) {
        return Refuse(fmt::format(
            "not in a cluster: the environment variable {} is not set (the kubelet sets it in "
            "every "
            "container); outside of a pod give a kubeconfig",
            config.host.empty() ? "KUBERNETES_SERVICE_HOST" : "KUBERNETES_SERVICE_PORT"));
    }
    config.token_file = directory + "/token";
    config.ca_file = directory + "/ca.crt";
    for (const auto& file : {config.token_file, config.ca_file}) {
        const auto text = ReadSmallFile(file);
        if (!text) {
            return Refuse(
                fmt::format("in a cluster, but {}: does the pod have a ServiceAccount and "
                            "automountServiceAccountToken true?",
                            text.error().message));
        }
        if (internal::Trimmed(*text).empty()) {
            return Refuse(fmt::format("in a cluster, but {} is empty", file));
        }
    }
    if (const auto text = ReadSmallFile(directory + "/namespace")) {
        const std::string name = internal::Trimmed(*text);
        if (!name.empty()) config.default_namespace = name;
    }
    return config;
}

Result<Config> LoadKubeconfig(const std::string& path, const std::string& context) {
    internal::Kubeconfig merged;
    if (const auto added = merged.AddFile(path); !added) return std::unexpected(added.error());
    return merged.Resolve(context);
}

Result<Config> LoadConfig(const std::string& kubeconfig, const std::string& context) {
    if (!kubeconfig.empty()) return LoadKubeconfig(kubeconfig, context);

    const std::string list = Variable("KUBECONFIG");
    if (!list.empty()) {
        internal::Kubeconfig merged;
        std::size_t begin = 0;
        bool any = false;
        while (begin <= list.size()) {
            const std::size_t end = std::min(list.find(':', begin), list.size());
            const std::string file = list.substr(begin, end - begin);
            begin = end + 1;
            std::error_code ignored;
            // As kubectl does: a file of the list that is not there yet is no mistake.
            if (file.empty() || !std::filesystem::exists(file, ignored)) continue;
            if (const auto added = merged.AddFile(file); !added) {
                return std::unexpected(added.error());
            }
            any = true;
        }
        if (!any) {
            return Refuse(fmt::format("KUBECONFIG is '{}', but no such file exists", list));
        }
        return merged.Resolve(context);
    }
    if (!Variable("KUBERNETES_SERVICE_HOST").empty()) return LoadInCluster();
    const std::string home = Variable("HOME");
    const std::string file = home + "/.kube/config";
    std::error_code ignored;
    if (!home.empty() && std::filesystem::exists(file, ignored)) {
        return LoadKubeconfig(file, context);
    }
    return Refuse(fmt::format(
        "no configuration found: give --kubeconfig FILE, or set KUBECONFIG, or run in a pod with a "
        "ServiceAccount, or write {}",
        home.empty() ? "~/.kube/config" : file));
}

Config WithoutIdentity(const Config& config) {
    // What is copied is named, so that a new kind of credential is not kept by mistake.
    Config nobody;
    nobody.host = config.host;
    nobody.port = config.port;
    nobody.base_path = config.base_path;
    nobody.tls = config.tls;
    nobody.tls_server_name = config.tls_server_name;
    nobody.insecure_skip_verify = config.insecure_skip_verify;
    nobody.ca_pem = config.ca_pem;
    nobody.ca_file = config.ca_file;
    return nobody;
}

}  // namespace dlws::kube

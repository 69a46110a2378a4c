// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kube/error.h"

namespace dlws::kube {

/// A credential plugin: a command that prints an ExecCredential
/// (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).
struct ExecPlugin {
    std::string api_version;
    std::string command;
    std::vector<std::string> args;
    std::map<std::string, std::string> env;
    std::string install_hint;
    bool provide_cluster_info = false;  ///< tell it server and CA in KUBERNETES_EXEC_INFO
};

/// Where the API server is and who we are. A plain value. Files named here are read again while
/// running: the token each minute, CA and client certificate every five minutes.
struct Config {
    std::string host;             ///< name, IPv4, or IPv6 without brackets
    std::string port;             ///< decimal
    std::string base_path;        ///< "" or "/prefix", never with a trailing slash
    bool tls = true;              ///< false only for http:// URLs (tests, local proxies)
    std::string tls_server_name;  ///< SNI and name to verify; empty: host
    bool insecure_skip_verify = false;

    std::string ca_pem;  ///< bytes, or read from ca_file; both empty: the system's store
    std::string ca_file;
    std::string client_cert_pem, client_key_pem;
    std::string client_cert_file, client_key_file;

    std::string token;
    std::string token_file;
    std::string username, password;  ///< HTTP basic, for proxies that want it
    std::optional<ExecPlugin> exec;

    std::string default_namespace = "default";
};

/// The pod's own ServiceAccount: KUBERNETES_SERVICE_HOST/PORT and
/// /var/run/secrets/kubernetes.io/serviceaccount. kInvalidArgument says which part is missing.
Result<Config> LoadInCluster();
/// The same from another directory than /var/run/secrets/kubernetes.io/serviceaccount.
Result<Config> LoadInClusterFrom(const std::string& directory);

/// One kubeconfig file; `context` empty: its current-context. Relative file names are relative to
/// the kubeconfig. Errors name the file, the line where there is one, and what to write instead.
Result<Config> LoadKubeconfig(const std::string& path, const std::string& context = "");

/// In order: `kubeconfig` argument when not empty, $KUBECONFIG (files merged as kubectl does, the
/// first to set a value wins), in-cluster, ~/.kube/config.
Result<Config> LoadConfig(const std::string& kubeconfig = "", const std::string& context = "");

/// The same server, known by the same authorities, and nobody: a client made of it acts as whom
/// each call names (CallOptions::bearer), and a call that names nobody is anonymous, never us.
Config WithoutIdentity(const Config& config);

}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

/// @file
/// What `dlws login` remembers, in one folder (~/.config/dlws): config.yaml, which people may
/// write, and tokens.yaml, which is for its owner alone. Everything throws a Failure (kCommandLine)
/// that names file and line.

namespace dlws::cli {

struct Config {
    std::string server;
    std::string ca_file;
    std::string ns;  ///< key `namespace`
};

Config ReadConfig(const std::string& folder);
void WriteConfig(const std::string& folder, const Config& config);

struct Login {
    std::string token;
    std::string username;
    std::string expires_at;  ///< RFC 3339, or empty
};

/// Refuses a tokens.yaml that others than its owner may read.
std::optional<Login> ReadLogin(const std::string& folder, const std::string& server);
void WriteLogin(const std::string& folder, const std::string& server, const Login& login);
/// False: there was none.
bool ForgetLogin(const std::string& folder, const std::string& server);

/// What a kubeconfig says of who somebody is. Only a token counts here: the portal takes no client
/// certificates, and exec plugins, auth providers and passwords are not supported.
struct KubeIdentity {
    std::string token;
    std::string ns;       ///< of the context
    std::string context;  ///< its name; empty: there is no kubeconfig
    std::string why_not;  ///< a sentence, when there is no token
};

/// `paths`: files with ':' between, the first that has a name wins, as kubectl reads KUBECONFIG.
/// Files that are not there are as empty ones. `context` empty: the current one.
KubeIdentity ReadKubeconfig(const std::string& paths, const std::string& context);

}  // namespace dlws::cli

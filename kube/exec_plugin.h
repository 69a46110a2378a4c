// SPDX-License-Identifier: Apache-2.0
// Credential plugins:
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
// Internal to kube/.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "kube/client.h"
#include "kube/config.h"

namespace dlws::kube::internal {

/// What a plugin printed.
struct ExecCredential {
    std::string token;
    std::string certificate_pem, key_pem;
    std::optional<std::chrono::system_clock::time_point> expiration;
};

/// Parses the printed ExecCredential; `api_version` is what the configuration asks for.
Result<ExecCredential> ParseExecCredential(std::string text, const std::string& api_version);

/// Runs the plugin of `config` (config.exec must be set) with our environment, its own on top, and
/// KUBERNETES_EXEC_INFO; stdin is empty. Neither blocks the executor nor needs a SIGCHLD handler.
/// `config` must live until it returns. Past `patience`, or when cancelled, the plugin's process
/// group is killed. kInvalidArgument: it cannot be started, failed, or printed nonsense; says what
/// and the install hint. kTimeout: past `patience`.
Awaitable<Result<ExecCredential>> RunExecPlugin(boost::asio::any_io_executor executor,
                                                const Config& config,
                                                std::chrono::milliseconds patience);

}  // namespace dlws::kube::internal

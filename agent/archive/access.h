// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <expected>
#include <map>
#include <string>

#include "kube/api.h"

namespace dlws::agent {

/// Whether somebody may read a job's logs: the API server is asked with their own token, first for
/// `get pods/log` in the namespace, then for the DLJob itself.
///
///     auto folder = co_await access.FolderOf(token, "vision", "digits");
///     if (!folder) co_return Refusal(folder.error());    // 401, 403, 404, or it is away
///
/// An answer of "yes" counts for ten seconds, so that whoever pages through a log does not ask for
/// each page. Nothing is asked with a token of ours: `users` is made of WithoutIdentity(config).
/// Confined to its executor; `users` outlives it.
class LogAccess {
  public:
    explicit LogAccess(kube::Api& users) : users_(users) {}

    /// The job's folder below its user's: model::JobFolder().
    kube::Awaitable<kube::Result<std::string>> FolderOf(std::string token, std::string ns,
                                                        std::string job);

  private:
    using Clock = std::chrono::steady_clock;
    struct Yes {
        std::string folder;
        Clock::time_point until;
    };
    kube::Awaitable<kube::Result<std::string>> Ask(std::string token, std::string ns,
                                                   std::string job);

    kube::Api& users_;
    std::map<std::string, Yes> known_;  // by the hash of token, namespace and job
};

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <expected>
#include <map>
#include <set>
#include <string>

#include "kube/api.h"
#include "kube/wait_list.h"

namespace dlws::agent {

/// Whether somebody may read a job's logs: the API server is asked with their own token, first who
/// they are, then for `get pods/log` in the namespace, then for the DLJob itself.
///
///     auto reader = co_await access.ReaderOf(token, "vision", "digits");
///     if (!reader) co_return Refusal(reader.error());    // 401, 403, 404, or it is away
///
/// An answer of "yes" counts for ten seconds, so that whoever pages through a log does not ask for
/// each page, any other for one; equal questions at one time are one. Nothing is asked with a token
/// of ours: `users` is made of WithoutIdentity(config). Confined to its executor; `users` outlives
/// it.
class LogAccess {
  public:
    explicit LogAccess(kube::Api& users) : users_(users), answered_(users.Executor()) {}

    struct Reader {
        std::string username;  ///< of whose token it is
        std::string folder;    ///< the job's, below its user's: model::JobFolder()
    };
    kube::Awaitable<kube::Result<Reader>> ReaderOf(std::string token, std::string ns,
                                                   std::string job);

  private:
    using Clock = std::chrono::steady_clock;
    struct Known {
        kube::Result<Reader> reader;
        Clock::time_point until;
    };
    void Keep(const std::string& key, const kube::Result<Reader>& reader);
    kube::Awaitable<kube::Result<Reader>> Ask(std::string token, std::string ns, std::string job);

    kube::Api& users_;
    // By the hash of token, namespace and job.
    std::map<std::string, Known> known_;
    std::set<std::string> asking_;
    kube::WaitList answered_;
};

}  // namespace dlws::agent

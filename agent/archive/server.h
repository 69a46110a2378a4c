// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/archive/access.h"
#include "agent/archive/read_pool.h"
#include "kube/http_message.h"

namespace dlws::agent {

/// Archived logs over HTTP, to the portal beside us in its pod:
///
///     GET /v1/list?namespace=vision&job=digits&user=alice
///         {"files":[{"name":"worker-0.0.log","bytes":52311}],"cut":false}
///     GET /v1/page?namespace=vision&job=digits&user=alice&file=worker-0.0.log&tail=100
///         a line "OFFSET SIZE", and then bytes of the file from OFFSET on; SIZE is all of it
///
/// with `Authorization: Bearer` the token of who wants to read. `user` is the name of the folder
/// that the job's is in. Of `offset`, `time` (microseconds since 1970) and `tail` one may be given;
/// `end` and `bytes` as in PageRequest. Other answers are one sentence: 400; 401, 403 and 404 as
/// the API server says, 404 also for a file that is not there; 409 for one that is not opened, a
/// link for example; 503 when the storage or the API server does not answer.
///
/// Confined to its executor; `users` outlives it.
class ArchiveServer {
  public:
    struct Settings {
        std::string root;  ///< of all job folders
        ReadPool::Settings threads;
    };
    ArchiveServer(kube::Api& users, Settings settings);

    kube::Awaitable<kube::HttpAnswer> Answer(kube::HttpRequest request);
    const ReadPool& pool() const { return pool_; }

  private:
    Settings settings_;
    LogAccess access_;
    ReadPool pool_;
};

}  // namespace dlws::agent

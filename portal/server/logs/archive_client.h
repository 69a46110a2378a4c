// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "kube/client.h"
#include "portal/server/logs/ports.h"

namespace dlws::portal {

/// The archive behind `dlws-agent serve-archive` (agent/archive/server.h), on 127.0.0.1. It answers
/// within five seconds and some; after eight it is as if it was away.
class HttpLogArchive : public LogArchive {
  public:
    HttpLogArchive(boost::asio::any_io_executor executor, int port);

    Awaitable<LogResult<ArchivedLogs>> List(std::string token, ArchiveOf of) override;
    Awaitable<LogResult<LogPage>> Read(std::string token, ArchiveOf of, LogSource source,
                                       LogPageAsk ask, std::size_t bytes) override;

  private:
    /// An HTTP client as any other: it keeps connections, and has deadlines.
    kube::Client client_;
};

}  // namespace dlws::portal

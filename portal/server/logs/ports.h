// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "portal/server/logs/sources.h"

/// @file
/// The archive and the kubelet, as the portal asks them for somebody: with that person's token, and
/// no other. Both are confined to the server's executor and outlive what they opened.

namespace dlws::portal {

struct ArchivedLog {
    std::string role;
    int index = 0, attempt = 0;
    std::uint64_t bytes = 0;
};

struct ArchivedLogs {
    std::vector<ArchivedLog> logs;
    bool cut = false;  ///< there are more files than were looked at
};

/// Which job's archive.
struct ArchiveOf {
    std::string ns, job;
    std::string user;  ///< name of the user's folder
};

class LogArchive {
  public:
    virtual ~LogArchive() = default;
    virtual Awaitable<LogResult<ArchivedLogs>> List(std::string token, ArchiveOf of) = 0;
    /// At most `bytes` bytes.
    virtual Awaitable<LogResult<LogPage>> Read(std::string token, ArchiveOf of, LogSource source,
                                               LogPageAsk ask, std::size_t bytes) = 0;
};

class LogKubelet {
  public:
    virtual ~LogKubelet() = default;
    virtual Awaitable<LogResult<std::unique_ptr<LogLive>>> Open(std::string token, std::string ns,
                                                                std::string pod,
                                                                std::string container,
                                                                LogLiveAsk ask) = 0;
};

}  // namespace dlws::portal

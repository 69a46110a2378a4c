// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "kube/api.h"
#include "model/log_record.h"
#include "portal/server/logs/plan.h"

/// @file
/// What lines come from, as the reader of a rank sees it; a simulation gives them from memory.

namespace dlws::portal {

using kube::Awaitable;

/// One pod's log: of one attempt of one place.
struct LogSource {
    int rank = 0;
    std::string role;
    int index = 0;
    int attempt = 0;
};

/// Why a source gave nothing.
struct LogFailure {
    enum Kind {
        kAbsent,   ///< there is no such file, no such pod
        kNotYet,   ///< its container has not started
        kCut,      ///< no answer, or it broke off; may be tried again
        kRefused,  ///< it will not be given: a link in the place of a file, for example
        kDenied,   ///< 401 or 403: of the caller, not of this source
    };
    Kind kind = kCut;
    int status = 0;  ///< of kDenied
    std::string why;
};
template <typename T>
using LogResult = std::expected<T, LogFailure>;

/// `offset`, else `tail`, else `time`, else the start: as agent/archive/server.h has it.
struct LogPageAsk {
    std::optional<std::uint64_t> offset, tail;
    std::optional<model::LogMicros> time;
};
struct LogPage {
    std::uint64_t offset = 0, size = 0;
    std::string bytes;
};

struct LogLiveAsk {
    std::optional<model::LogMicros> since;  ///< lines from about then on, rather more than fewer
    std::optional<std::uint64_t> tail;
    bool follow = true;
};
/// Destroying it closes it. One reader at a time.
class LogLive {
  public:
    virtual ~LogLive() = default;
    /// The next bytes; empty: it has ended properly.
    virtual Awaitable<LogResult<std::string>> Next() = 0;
};

/// All sources of one job, for one caller. Confined to one executor; outlives what reads from it.
class LogSources {
  public:
    virtual ~LogSources() = default;
    virtual LogPlan::Facts FactsOf(const LogSource& source) = 0;
    virtual Awaitable<LogResult<LogPage>> ReadArchive(LogSource source, LogPageAsk ask) = 0;
    virtual Awaitable<LogResult<std::unique_ptr<LogLive>>> OpenLive(LogSource source,
                                                                    LogLiveAsk ask) = 0;
    virtual LogPlan::Clock::time_point Now() = 0;
    virtual Awaitable<void> Sleep(std::chrono::milliseconds time) = 0;
};

}  // namespace dlws::portal

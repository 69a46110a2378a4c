// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "portal/server/call.h"
#include "portal/server/logs/job_logs.h"
#include "portal/server/logs/ports.h"

namespace dlws::portal {

/// The sources of one job for one caller: what the caches say of it, looked at once a second at
/// most, and archive and kubelet with the caller's token as it is then.
class JobSources : public LogSources {
  public:
    struct Parts {
        Caller caller;
        /// What the caches hold; nothing: the job is gone.
        std::function<std::optional<JobLogs>()> look;
        ArchiveOf archive_of;
        LogArchive* archive = nullptr;  ///< null: there is none
        LogKubelet& kubelet;
        std::string container;
        bool later = false;  ///< attempts that come are told as well
        std::size_t page_bytes = 256 << 10;
    };
    JobSources(Parts parts, JobLogs job) : parts_(std::move(parts)), job_(std::move(job)) {}

    /// Why no more is to come: JobFinished or JobDeleted.
    std::string HowEnded();
    const JobLogs& Job();

    LogPlan::Facts FactsOf(const LogSource& source) override;
    Awaitable<LogResult<LogPage>> ReadArchive(LogSource source, LogPageAsk ask) override;
    Awaitable<LogResult<std::unique_ptr<LogLive>>> OpenLive(LogSource source,
                                                            LogLiveAsk ask) override;
    LogPlan::Clock::time_point Now() override { return LogPlan::Clock::now(); }
    Awaitable<void> Sleep(std::chrono::milliseconds time) override;

  private:
    void Look();
    Awaitable<LogResult<std::string>> Token();

    Parts parts_;
    JobLogs job_;
    bool gone_ = false;
    LogPlan::Clock::time_point looked_{};
};

}  // namespace dlws::portal

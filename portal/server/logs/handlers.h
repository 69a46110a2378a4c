// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "portal/server/backend.h"
#include "portal/server/logs/job_logs.h"
#include "portal/server/logs/ports.h"
#include "portal/server/logs/stream_body.h"
#include "portal/server/router.h"
#include "portal/server/session_ends.h"

namespace dlws::portal {

/// ListJobLogSources, GetJobLogs, StreamJobLogs and DownloadJobLogs.
struct Logs {
    Backend& backend;
    LogKubelet& kubelet;
    LogArchive* archive = nullptr;  ///< null: there is none
    /// Of the caches: the job of that namespace and name with its pods; nothing: there is none.
    std::function<std::optional<JobLogs>(const std::string& ns, const std::string& job)> find;
    /// The name of the folder that the job's is in; empty: not known, so it has no archive.
    std::function<std::string(const model::DLJob& job)> user;
    /// How often a stream asks whether it may go on.
    std::chrono::milliseconds ask_again = LogStreamBody::Settings().ask_again;
    SessionEnds* session_ends = nullptr;  ///< tells of a logout before that
};

/// `logs`, and what it refers to, outlives the router.
void AddLogs(Router& router, const Logs& logs);

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "agent/files/user_files.h"

/// @file
/// What a job's folder says besides its logs: `job.yaml`, what was submitted, and once it has ended
/// `result.json`, what came out. One agent of all writes them.

namespace dlws::agent {

/// The job without what the API server and we have added: its status, versions, managed fields.
/// Empty: it is no job. Pure.
std::string JobYaml(std::string_view job);
/// Its status, in lines. Empty: it has not ended. Pure.
std::string ResultJson(std::string_view job);

/// What is to be written for one job.
struct JobRecord {
    UserIds user;
    std::string folder;  ///< of the job, below that of all job folders
    std::string job_yaml, result_json;

    bool operator==(const JobRecord&) const = default;
};

/// Writes what is missing in the job's folder, as the user. Error: a sentence; to be tried again.
/// May block as long as the storage does.
std::expected<void, std::string> WriteRecord(int root, const JobRecord& record);

/// A thread that may wait for the storage. What it is told, it is told from one thread.
class JobRecorder {
  public:
    /// Of the folder of all job folders; nothing: it cannot be used now.
    void SetRoot(std::optional<std::string> path);
    /// The newest counts. `uid`: of the job.
    void Put(const std::string& uid, JobRecord record);
    void Start();
    void Stop();
    ~JobRecorder() { Stop(); }

  private:
    void Work(std::stop_token stop);

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::map<std::string, JobRecord> waiting_;  // by UID
    std::optional<std::string> root_;
    std::jthread thread_;
};

}  // namespace dlws::agent

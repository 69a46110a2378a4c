// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "agent/logs/retention.h"
#include "kube/metrics.h"

/// @file
/// Carries out what retention.h decides: deletes archives of jobs that have ended. One agent of all
/// does it.
///
/// Everything below a user's folder is looked at and deleted **as the user who owns that folder**
/// (it lies in a folder of root's, so nobody else can have made it or given it away), through
/// openat2 that neither leaves it nor follows a link. Whatever a user does there meanwhile, links,
/// renames, other clocks, reaches nothing but regular files of that user's own that are named as an
/// archive and lie in a folder logs/ where a job's is.
///
/// A job has ended when `result.json` was written (its mtime). Without one: when there is no DLJob
/// with that folder (it was deleted before it ended), and then when its last line was archived.
/// This is housekeeping and no quota: whoever wants to keep logs can (touch, chmod, a copy).

namespace dlws::agent {

struct SweepOrder {
    std::string root;  ///< of all job folders: USER/YYYY-MM/JOB-UID8 below it
    RetentionLimits limits;
    std::set<std::string> jobs;  ///< of all DLJobs there are: YYYY-MM/JOB-UID8
};

/// For one user in one pass; deletions beyond are the next pass's. It bounds our memory (some 20
/// MB) and how long others wait for somebody with millions of folders.
struct SweepBounds {
    std::size_t folders = 100'000;  ///< of jobs; others are not looked at, and a problem says so
    std::size_t files_of_job = 20'000, deletions = 1000;
};

struct SweepResult {
    struct Deleted {
        std::uint64_t archives = 0, bytes = 0;
    };
    std::uint64_t users = 0, jobs = 0, bytes = 0;  ///< found, those deleted too
    std::array<Deleted, 2> deleted;                ///< by LogDeletion::Reason
    std::string problem;                           ///< the last one, a sentence; empty: none
};

/// One pass. May block as long as the storage does; `stop` counts between two files.
SweepResult Sweep(const SweepOrder& order, std::chrono::sys_seconds now,
                  const std::stop_token& stop = {}, const SweepBounds& bounds = {});

/// A thread that may wait for the storage. Constructed and told from one thread, which it never
/// blocks but in Stop(). `metrics` outlives it.
class LogSweeper {
  public:
    explicit LogSweeper(kube::Metrics& metrics);
    ~LogSweeper() { Stop(); }

    /// A pass, now. Ignored while an earlier one goes on.
    void Ask(SweepOrder order);
    void Start();
    /// Returns once the storage answers.
    void Stop();

  private:
    void Work(const std::stop_token& stop);

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::optional<SweepOrder> order_;  // until its pass has ended
    std::array<SweepResult::Deleted, 2> deleted_;
    std::jthread thread_;
};

}  // namespace dlws::agent

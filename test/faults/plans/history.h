// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "test/e2e/api.h"

namespace dlws::faults {

using e2e::Json;

/// What happened to the pods and jobs of a namespace, in the API server's own order: a watch from
/// where it began, asked for afterwards. Holds that
/// - no pod appears while one of another attempt of its job, or of its slot, may still run;
/// - Finished never leaves True, and failures counted are never taken back.
///
///     History history(api, ns);  // before the first job
///     history.CatchUp();         // at the end, and at least each minute: the server forgets
///     history.violations();
class History {
  public:
    History(const e2e::Api& api, const std::string& ns);
    /// Takes a second.
    void CatchUp();
    std::chrono::steady_clock::time_point caught_up() const { return caught_up_; }
    const std::vector<std::string>& violations() const { return violations_; }

    // For its own test:
    void OnPod(const std::string& type, const Json& pod);
    void OnJob(const std::string& type, const Json& job);

  private:
    struct Pod {
        std::string name, job, slot, attempt;
    };
    struct Job {
        bool finished = false;
        int restarts = 0;
    };
    void Read(const std::string& path, std::string& version,
              void (History::*handler)(const std::string&, const Json&));

    const e2e::Api& api_;
    std::string pods_path_, jobs_path_;
    std::string pods_version_, jobs_version_;
    std::map<std::string, Pod> live_;  // by uid
    std::set<std::string> seen_;
    std::map<std::string, Job> jobs_;
    std::vector<std::string> violations_;
    std::chrono::steady_clock::time_point caught_up_ = std::chrono::steady_clock::now();
};

}  // namespace dlws::faults

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <variant>
#include <vector>

#include "portal/server/jobs/query.h"

/// @file
/// What a stream is about: parameter `topic` of StreamUpdates. Pure.

namespace dlws::portal {

struct JobsTopic {
    Filter filter;
};
struct JobTopic {
    std::string ns, name;
};
struct ClusterTopic {};
struct ApprovalsTopic {};

struct Topic {
    std::string text;  ///< as in the request
    std::variant<JobsTopic, JobTopic, ClusterTopic, ApprovalsTopic> what;
};

/// `jobs`, `jobs?` and parameters of ListJobs, `job/NAMESPACE/NAME`, `cluster`, `approvals`. Error:
/// what it must be.
std::expected<Topic, std::string> ParseTopic(const std::string& text);

/// One to eight, each once.
std::expected<std::vector<Topic>, std::string> ParseTopics(const std::vector<std::string>& texts);

}  // namespace dlws::portal

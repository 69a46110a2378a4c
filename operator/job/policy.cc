// SPDX-License-Identifier: Apache-2.0
#include "operator/job/policy.h"

#include <fmt/format.h>

#include <algorithm>

namespace dlws::job {

using namespace std::chrono_literals;
using std::chrono::seconds;

seconds RestartDelay(const model::JobStatus& status) {
    int soon = 0;  // short attempts in a row
    for (auto a = status.attempts.rbegin(); a != status.attempts.rend(); ++a) {
        if (a->startTime && a->finishTime - *a->startTime >= kLongAttempt) break;
        ++soon;
    }
    if (soon <= 1) return 0s;
    return std::min<seconds>(10s * (1 << std::min(soon - 2, 8)), 300s);
}

bool MayRetry(const model::Retry& retry, const model::Restarts& restarts, model::Cause cause) {
    switch (cause) {
        case model::Cause::User:
            return restarts.user < retry.limit;
        case model::Cause::Infrastructure:
            return restarts.infrastructure < retry.infrastructureLimit;
        case model::Cause::Change:
            return false;
    }
    return false;
}

std::string UsedUp(const model::Retry& retry, model::Cause cause) {
    if (cause == model::Cause::Infrastructure)
        return fmt::format(" It was restarted {} times, which is retry.infrastructureLimit.",
                           retry.infrastructureLimit);
    if (retry.limit == 0) return "";
    return fmt::format(" It was restarted {} times, which is retry.limit.", retry.limit);
}

std::string SuccessMessage(const model::Success& success) {
    if (success.policy != model::Success::All) return "The job's success policy is met.";
    if (success.role.empty()) return "Every pod ended with exit code 0.";
    return fmt::format("Every pod of role {} ended with exit code 0.", success.role);
}

void AvoidNode(model::JobStatus& status, std::string_view node, model::Time now) {
    auto& nodes = status.avoidedNodes;
    auto it = std::ranges::find(nodes, node, &model::AvoidedNode::node);
    if (it == nodes.end()) {
        if (nodes.size() == model::kMaxAvoidedNodes) nodes.erase(nodes.begin());
        it = nodes.insert(nodes.end(), {.node = std::string(node)});
    }
    const seconds time = std::min<seconds>(30min * (1 << std::min(it->failures, 8)), 24h);
    ++it->failures;
    it->until = now + time;
}

void ForgetNodes(model::JobStatus& status, model::Time now) {
    std::erase_if(status.avoidedNodes, [&](const auto& n) { return n.until <= now; });
}

seconds ActiveTime(const model::JobStatus& status, model::Time now) {
    seconds active(status.activeSeconds);
    if (status.activeSince && now > *status.activeSince) active += now - *status.activeSince;
    return active;
}

void RecordAttempt(model::JobStatus& status, model::Failure failure, model::Time now) {
    if (status.attempts.size() == model::kMaxAttemptRecords)
        status.attempts.erase(status.attempts.begin());
    const bool launched = IsLaunched(status);
    status.attempts.push_back({.attempt = status.attempt,
                               .startTime = launched ? status.launchTime : std::nullopt,
                               .finishTime = now,
                               .failure = std::move(failure)});
}

int GangAttempt(const model::JobStatus& status) {
    return status.replaced.empty() ? status.attempt : status.launchedAttempt.value_or(0);
}

bool IsLaunched(const model::JobStatus& status) {
    return status.launchedAttempt == GangAttempt(status);
}

bool AttemptFailed(const model::JobStatus& status) {
    return !status.attempts.empty() && status.attempts.back().attempt == status.attempt;
}

}  // namespace dlws::job

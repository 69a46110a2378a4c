// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/job_logs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace dlws::portal {
namespace {

/// By then the agent has written all, or will not.
constexpr std::chrono::seconds kLong{60};

const model::ReplacedPod* Replaced(const model::JobStatus& status, const LogSource& place) {
    const auto found = std::ranges::find_if(status.replaced, [&](const model::ReplacedPod& pod) {
        return pod.role == place.role && pod.index == place.index;
    });
    return found == status.replaced.end() ? nullptr : &*found;
}

LogPlan::Pod StateOf(const model::PodView& pod) {
    using Container = model::ContainerView;
    if (pod.Terminal() || pod.main.state == Container::Terminated) return LogPlan::Pod::kDone;
    return pod.main.state == Container::Running ? LogPlan::Pod::kRunning : LogPlan::Pod::kWaiting;
}

}  // namespace

JobLogs::JobLogs(model::DLJob job, std::vector<model::PodView> pods)
    : job_(std::move(job)), pods_(std::move(pods)) {
    std::erase_if(pods_, [&](const model::PodView& pod) {
        return pod.ns != job_.meta.ns || pod.ownerUid != job_.meta.uid;
    });
}

int JobLogs::Ranks() const {
    return model::TotalPods(job_.spec);
}

std::optional<LogSource> JobLogs::At(int rank) const {
    if (rank < 0) return std::nullopt;
    LogSource source;
    source.rank = rank;
    for (const model::Role& role : job_.spec.roles) {
        if (rank < role.replicas) {
            source.role = role.name;
            source.index = rank;
            return source;
        }
        rank -= role.replicas;
    }
    return std::nullopt;
}

int JobLogs::Latest(const LogSource& place) const {
    const model::ReplacedPod* replaced = Replaced(job_.status, place);
    int latest =
        replaced ? replaced->attempt : job_.status.launchedAttempt.value_or(job_.status.attempt);
    for (const model::PodView& pod : pods_)
        if (pod.role == place.role && pod.index == place.index)
            latest = std::max(latest, pod.attempt);
    return latest;
}

std::optional<int> JobLogs::Attempt(const LogSource& place, std::string_view word) const {
    const int latest = Latest(place);
    if (word == "latest") return latest;
    if (word == "all") return 0;
    if (word == "previous") {
        const model::ReplacedPod* replaced = Replaced(job_.status, place);
        const int previous =
            replaced && replaced->attempt == latest ? replaced->replaces : latest - 1;
        return previous < 0 ? std::nullopt : std::optional(previous);
    }
    int number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
    return number;
}

const model::PodView* JobLogs::PodOf(const LogSource& source) const {
    const auto found = std::ranges::find_if(pods_, [&](const model::PodView& pod) {
        return pod.role == source.role && pod.index == source.index &&
               pod.attempt == source.attempt;
    });
    return found == pods_.end() ? nullptr : &*found;
}

bool JobLogs::Over() const {
    return model::IsFinal(job_.status.phase);
}

LogPlan::Facts JobLogs::FactsOf(const LogSource& source, bool later, Time now) const {
    LogPlan::Facts facts;
    if (const model::PodView* pod = PodOf(source)) facts.pod = StateOf(*pod);
    const bool left = Latest(source) > source.attempt;
    facts.later_attempt = later && left;
    facts.over = Over() || (left && !later);
    const auto& finished = job_.status.finishTime;
    facts.long_over = Over() && finished && now - *finished > kLong;
    // The next attempt's pod is created when this one's is gone.
    for (const model::PodView& pod : pods_)
        if (pod.role == source.role && pod.index == source.index && pod.attempt > source.attempt &&
            pod.creationTimestamp && now - *pod.creationTimestamp > kLong)
            facts.long_over = true;
    if (facts.pod != LogPlan::Pod::kNone) facts.long_over = false;
    return facts;
}

std::optional<model::LogMicros> ParseQueryTime(std::string_view text) {
    const std::string record = fmt::format("{} stdout F ", text);
    const auto verdict = model::ParseLogRecordHead(record);
    if (verdict.kind != model::LogHeadVerdict::kHead || verdict.head.size != record.size())
        return std::nullopt;
    return verdict.head.time;
}

}  // namespace dlws::portal

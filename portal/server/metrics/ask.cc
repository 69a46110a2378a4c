// SPDX-License-Identifier: Apache-2.0
#include "portal/server/metrics/ask.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "model/names.h"

namespace dlws::portal {
namespace {

constexpr std::size_t kMaxRanks = 64;
constexpr int kRanksByDefault = 16;
constexpr int kMaxRank = 9999;
constexpr std::chrono::hours kBefore{1};

std::optional<int> RankOf(const std::string& text) {
    int rank = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rank);
    if (error != std::errc() || end != text.data() + text.size() || rank < 0 || rank > kMaxRank)
        return std::nullopt;
    return rank;
}

std::expected<std::vector<MetricRank>, Problem> RanksOf(const MetricsAsk& ask, const JobLogs& job) {
    std::vector<int> wanted = ask.ranks;
    if (wanted.empty())
        for (int rank = 0; rank < std::min(job.Ranks(), kRanksByDefault); ++rank)
            wanted.push_back(rank);
    std::vector<MetricRank> ranks;
    for (const int rank : wanted) {
        const auto source = job.At(rank);
        if (!source)
            return std::unexpected(BadRequest(
                "query.rank", fmt::format("must be below {}, the number of pods", job.Ranks())));
        MetricRank one;
        one.rank = rank;
        one.place = {source->role, source->index};
        one.pod =
            model::PodName(job.job().meta.name, source->role, source->index, job.Latest(*source));
        ranks.push_back(std::move(one));
    }
    return ranks;
}

// As many as have at most kMaxSeries GPUs together; at least one.
void LeaveOutWhatIsCut(std::vector<MetricRank>& ranks, const model::DLJobSpec& spec) {
    std::size_t series = 0;
    const auto end = std::ranges::find_if(ranks, [&](const MetricRank& rank) {
        const auto role = std::ranges::find(spec.roles, rank.place.role, &model::Role::name);
        series += std::size_t(role == spec.roles.end() ? 1 : std::max(role->gpus, 1));
        return series > kMaxSeries && rank.rank != ranks.front().rank;
    });
    ranks.erase(end, ranks.end());
}

std::int64_t Seconds(model::Time time) {
    return time.time_since_epoch().count();
}

}  // namespace

std::expected<MetricsAsk, Problem> ReadMetricsAsk(const kube::HttpParameters& parameters) {
    MetricsAsk ask;
    const std::string* name = parameters.Find("metric");
    const auto metric = name ? MetricOf(*name) : std::nullopt;
    if (!metric)
        return std::unexpected(BadRequest("query.metric",
                                          "must be one of gpuUtilization, gpuMemory, cpu, memory, "
                                          "networkReceive, networkTransmit"));
    ask.metric = *metric;
    for (const char* which : {"from", "to"}) {
        const std::string* text = parameters.Find(which);
        if (!text) continue;
        const auto time = text->size() <= 35 ? model::ParseTime(*text) : std::unexpected("");
        if (!time)
            return std::unexpected(BadRequest(
                fmt::format("query.{}", which),
                "must be a time such as 2026-11-29T10:00:00Z (write + of an offset as %2B)"));
        (which[0] == 'f' ? ask.from : ask.to) = *time;
    }
    if (ask.from && ask.to && *ask.from > *ask.to)
        return std::unexpected(BadRequest("query.from", "must not be after `to`"));
    for (const std::string& text : parameters.All("rank")) {
        const auto rank = RankOf(text);
        if (!rank)
            return std::unexpected(
                BadRequest("query.rank", fmt::format("must be a whole number up to {}", kMaxRank)));
        ask.ranks.push_back(*rank);
    }
    std::ranges::sort(ask.ranks);
    if (std::ranges::adjacent_find(ask.ranks) != ask.ranks.end())
        return std::unexpected(BadRequest("query.rank", "must not be given twice"));
    if (ask.ranks.size() > kMaxRanks)
        return std::unexpected(
            BadRequest("query.rank", fmt::format("must be at most {} ranks", kMaxRanks)));
    return ask;
}

std::expected<MetricsPlan, Problem> PlanMetrics(const MetricsAsk& ask, const JobLogs& job,
                                                model::Time now, int scrape,
                                                const std::string& matchers) {
    auto ranks = RanksOf(ask, job);
    if (!ranks) return std::unexpected(std::move(ranks.error()));
    if (IsOfGpus(ask.metric)) LeaveOutWhatIsCut(*ranks, job.job().spec);
    const model::Metadata& meta = job.job().meta;
    const model::JobStatus& status = job.job().status;
    const model::Time made = meta.creationTimestamp.value_or(model::Time());
    const model::Time to = std::min(ask.to.value_or(status.finishTime.value_or(now)), now);
    const model::Time from =
        ask.from.value_or(std::max(to - kBefore, status.startTime.value_or(made)));
    MetricsPlan plan;
    plan.range = RangeOf(Seconds(std::max(from, made)), Seconds(to), scrape);
    plan.query.metric = ask.metric;
    plan.query.ns = meta.ns;
    plan.query.job = meta.name;
    for (const MetricRank& rank : *ranks)
        plan.query.places.push_back(rank.place);
    plan.query.matchers = matchers;
    if (plan.range) plan.query.window = WindowOf(plan.range->step, scrape);
    plan.ranks = std::move(*ranks);
    return plan;
}

}  // namespace dlws::portal

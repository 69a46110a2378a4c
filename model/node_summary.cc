// SPDX-License-Identifier: Apache-2.0
#include "model/node_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace dlws::model {

namespace {

// The GPUs of one node; Count() adds them up.
GpuCounts CountsOf(const NodeRow& row) {
    const NodeFacts& facts = row.facts;
    GpuCounts gpus{.total = facts.gpus,
                   .allocatable = std::min(facts.allocatable, facts.gpus),
                   .used = std::min(row.used, facts.gpus)};
    const int idle = gpus.total - gpus.used;
    if (facts.cordoned && !facts.trouble)
        gpus.cordoned = idle;
    else if (!facts.trouble)
        gpus.free = std::max(0, gpus.allocatable - gpus.used);
    gpus.unhealthy = idle - gpus.free - gpus.cordoned;
    return gpus;
}

void Add(GpuCounts& sum, const GpuCounts& more, int sign = 1) {
    sum.total += sign * more.total;
    sum.allocatable += sign * more.allocatable;
    sum.used += sign * more.used;
    sum.free += sign * more.free;
    sum.cordoned += sign * more.cordoned;
    sum.unhealthy += sign * more.unhealthy;
}

// How bad it is for jobs, 0 is the worst; and how many GPUs that concerns.
std::optional<std::pair<int, int>> SeverityOf(const NodeFacts& facts) {
    if (facts.trouble) return std::pair(facts.trouble->reason == "NotReady" ? 0 : 1, facts.gpus);
    if (facts.allocatable < facts.gpus) return std::pair(2, facts.gpus - facts.allocatable);
    if (facts.cordoned) return std::pair(3, facts.gpus);
    return std::nullopt;
}

NodeProblem ProblemOf(const NodeFacts& facts, int gpus) {
    NodeProblem problem{.node = facts.name, .gpus = gpus};
    if (facts.trouble) {
        problem.reason = facts.trouble->reason;
        problem.message = facts.trouble->message;
        problem.since = facts.trouble->since;
    } else if (facts.allocatable < facts.gpus) {
        problem.reason = "GpusBroken";
        problem.message = fmt::format("{} of {} GPUs cannot be used.", gpus, facts.gpus);
    } else {
        problem.reason = "Cordoned";
        problem.message = "No new pods go there.";
    }
    return problem;
}

// The first of all of them by `before`, which must be an order.
template <class T, class Before>
Top<T> First(std::vector<T> all, std::size_t most, Before before) {
    const std::size_t kept = std::min(most, all.size());
    std::ranges::partial_sort(all, all.begin() + std::ptrdiff_t(kept), before);
    const int omitted = int(all.size() - kept);
    all.resize(kept);
    return {.items = std::move(all), .omitted = omitted};
}

// Names are copied only of those that are told.
struct Holder {
    std::string_view ns, job, user;
    int used = 0;
};

Top<GpuHolder> MostUsed(std::vector<Holder> all) {
    const auto top = First(std::move(all), kMaxGpuHolders, [](const Holder& a, const Holder& b) {
        return std::tie(b.used, a.ns, a.job, a.user) < std::tie(a.used, b.ns, b.job, b.user);
    });
    Top<GpuHolder> told{.items = {}, .omitted = top.omitted};
    for (const Holder& h : top.items)
        told.items.push_back({std::string(h.ns), std::string(h.job), std::string(h.user), h.used});
    return told;
}

}  // namespace

void NodeSummary::Count(const NodeRow& row, int sign) {
    const NodeFacts& facts = row.facts;
    counts_.total += sign;
    if (facts.gpus > 0) counts_.withGpus += sign;
    if (facts.trouble)
        counts_.unhealthy += sign;
    else if (facts.cordoned)
        counts_.cordoned += sign;
    if (const auto severity = SeverityOf(facts)) {
        ProblemKey key(severity->first, -severity->second, facts.name);
        if (sign > 0)
            problems_.insert(std::move(key));
        else
            problems_.erase(key);
    }
    if (facts.gpus == 0) return;
    const auto type = types_.try_emplace(facts.gpuType).first;
    type->second.type = facts.gpuType;
    type->second.nodes += sign;
    Add(type->second.gpus, CountsOf(row), sign);
    if (type->second.nodes == 0) types_.erase(type);
}

void NodeSummary::PutNode(NodeFacts facts) {
    const auto [found, is_new] = nodes_.try_emplace(facts.name);
    NodeRow& row = found->second;
    if (!is_new) {
        if (row.facts == facts) return;
        Count(row, -1);
    } else if (const auto used = used_.find(facts.name); used != used_.end()) {
        row.used = used->second;
    }
    row.facts = std::move(facts);
    Count(row, +1);
}

void NodeSummary::RemoveNode(const std::string& node) {
    const auto found = nodes_.find(node);
    if (found == nodes_.end()) return;
    Count(found->second, -1);
    nodes_.erase(found);
}

void NodeSummary::Hold(const std::string& ns, const std::string& user, int gpus) {
    if (gpus == 0) return;
    const auto holder = holders_.try_emplace({ns, user}).first;
    if ((holder->second += gpus) == 0) holders_.erase(holder);
}

void NodeSummary::Use(const Pod& pod, int sign) {
    const auto used = used_.try_emplace(pod.node).first;
    used->second += sign * pod.gpus;
    if (const auto node = nodes_.find(pod.node); node != nodes_.end()) {
        Count(node->second, -1);
        node->second.used = used->second;
        Count(node->second, +1);
    }
    if (used->second == 0) used_.erase(used);
    const auto job = jobs_.try_emplace(pod.job).first;
    job->second.used += sign * pod.gpus;
    job->second.pods += sign;
    Hold(pod.job.first, job->second.user, sign * pod.gpus);
    ForgetIfUnused(job);
}

void NodeSummary::PutPod(const std::string& pod, const PodFacts& facts) {
    const int gpus = std::min(facts.gpus, kMostGpus);
    if (gpus <= 0 || facts.terminal || facts.node.empty()) return RemovePod(pod);
    Pod& known = pods_[pod];
    const Pod was =
        std::exchange(known, {.node = facts.node, .job = {facts.ns, facts.job}, .gpus = gpus});
    if (was == known) return;
    // In this order: a job without a DLJob is forgotten with its last pod.
    Use(known, +1);
    if (was.gpus > 0) Use(was, -1);
}

void NodeSummary::RemovePod(const std::string& pod) {
    const auto found = pods_.find(pod);
    if (found == pods_.end()) return;
    Use(found->second, -1);
    pods_.erase(found);
}

void NodeSummary::PutJob(const std::string& ns, const std::string& job, const std::string& user) {
    Job& entry = jobs_[{ns, job}];
    entry.known = true;
    if (entry.user == user) return;
    Hold(ns, entry.user, -entry.used);
    entry.user = user;
    Hold(ns, entry.user, entry.used);
}

void NodeSummary::RemoveJob(const std::string& ns, const std::string& job) {
    const auto found = jobs_.find({ns, job});
    if (found == jobs_.end()) return;
    found->second.known = false;
    ForgetIfUnused(found);
}

void NodeSummary::ForgetIfUnused(std::map<JobKey, Job>::iterator job) {
    if (!job->second.known && job->second.pods == 0) jobs_.erase(job);
}

NodeReport NodeSummary::Report() const {
    NodeReport report{.nodes = counts_};
    std::vector<GpuTypeStatus> types;
    for (const auto& [name, type] : types_) {
        Add(report.gpus, type.gpus);
        types.push_back(type);
    }
    report.types = First(std::move(types), kMaxGpuTypes, [](const auto& a, const auto& b) {
        return std::tie(b.gpus.total, a.type) < std::tie(a.gpus.total, b.type);
    });

    std::vector<Holder> jobs, users, namespaces;
    for (const auto& [key, job] : jobs_)
        if (job.used > 0) jobs.push_back({key.first, key.second, job.user, job.used});
    std::map<std::string_view, int> by_user;
    for (const auto& [key, used] : holders_) {
        by_user[key.second] += used;
        if (namespaces.empty() || namespaces.back().ns != key.first)
            namespaces.push_back({key.first, "", "", 0});
        namespaces.back().used += used;
    }
    for (const auto& [user, used] : by_user)
        users.push_back({"", "", user, used});
    report.jobs = MostUsed(std::move(jobs));
    report.users = MostUsed(std::move(users));
    report.namespaces = MostUsed(std::move(namespaces));

    for (const auto& [badness, gpus, node] : problems_) {
        if (report.problems.items.size() == kMaxNodeProblems) break;
        report.problems.items.push_back(ProblemOf(nodes_.at(node).facts, -gpus));
    }
    report.problems.omitted = int(problems_.size() - report.problems.items.size());
    return report;
}

}  // namespace dlws::model

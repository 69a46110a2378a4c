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
    GpuCounts gpus{.total = facts.gpus, .used = std::min(row.used, facts.gpus)};
    const int idle = gpus.total - gpus.used;
    if (facts.cordoned && !facts.trouble) {
        gpus.cordoned = idle;
    } else if (!facts.trouble) {
        gpus.allocatable = std::min(facts.allocatable, facts.gpus);
        gpus.free = std::max(0, gpus.allocatable - gpus.used);
    }
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
    if (facts.trouble) return std::pair(facts.trouble->reason == kNotReady ? 0 : 1, facts.gpus);
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
        problem.reason = kGpusBroken;
        problem.message = fmt::format("{} of {} GPUs cannot be used.", gpus, facts.gpus);
    } else {
        problem.reason = kCordoned;
        problem.message = "No new pods go there.";
        problem.since = facts.cordonedSince;
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

int FreeOn(const NodeRow& row) {
    return CountsOf(row).free;
}

void NodeSummary::Count(const NodeRow& row, int sign) {
    const NodeFacts& facts = row.facts;
    ++version_;
    counts_.total += sign;
    if (facts.gpus > 0) counts_.withGpus += sign;
    if (facts.trouble)
        counts_.unhealthy += sign;
    else if (facts.cordoned)
        counts_.cordoned += sign;
    if (facts.trouble && facts.trouble->reason == kNotReady) counts_.notReady += sign;
    if (const auto severity = SeverityOf(facts)) {
        ProblemKey key(severity->first, -severity->second, facts.name);
        if (sign > 0)
            problems_.insert(std::move(key));
        else
            problems_.erase(key);
    }
    if (facts.gpus == 0) return;
    const GpuCounts gpus = CountsOf(row);
    const auto type = types_.try_emplace(facts.gpuType).first;
    std::map<int, int>& nodes_by_free = free_[facts.gpuType];
    if ((nodes_by_free[gpus.free] += sign) == 0) nodes_by_free.erase(gpus.free);
    type->second.type = facts.gpuType;
    type->second.nodes += sign;
    type->second.largestFree = nodes_by_free.empty() ? 0 : nodes_by_free.rbegin()->first;
    Add(type->second.gpus, gpus, sign);
    if (type->second.nodes > 0) return;
    types_.erase(type);
    free_.erase(facts.gpuType);
}

void NodeSummary::PutNode(NodeFacts facts) {
    const auto [found, is_new] = nodes_.try_emplace(facts.name);
    NodeRow& row = found->second;
    if (!is_new) {
        if (row.facts == facts) return;
        Count(row, -1);
    } else if (const auto load = loads_.find(facts.name); load != loads_.end()) {
        row.used = load->second.used;
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

// Takes a job out of what its user holds, or puts it in.
void NodeSummary::Hold(const JobEntry& job, int sign) {
    const auto& [key, entry] = job;
    if (entry.used == 0) return;
    ++version_;
    const auto holder = holders_.try_emplace({key.first, entry.user}).first;
    holder->second.gpus += sign * entry.used;
    if (!key.second.empty()) holder->second.jobs += sign;
    if (holder->second.gpus == 0) holders_.erase(holder);
}

void NodeSummary::Use(const Pod& pod, int sign) {
    auto& [node, load] = *pod.load;
    load.used += sign * pod.gpus;
    auto held = std::ranges::find(load.jobs, pod.job, [](const auto& h) { return h.first; });
    if (held == load.jobs.end()) held = load.jobs.emplace(held, pod.job, 0);
    held->second += sign * pod.gpus;
    if (held->second == 0) {
        *held = load.jobs.back();
        load.jobs.pop_back();
    }
    if (const auto row = nodes_.find(node); row != nodes_.end()) {
        Count(row->second, -1);
        row->second.used = load.used;
        Count(row->second, +1);
    }
    if (load.used == 0) loads_.erase(loads_.find(node));
    Hold(*pod.job, -1);
    pod.job->second.used += sign * pod.gpus;
    pod.job->second.pods += sign;
    Hold(*pod.job, +1);
    ForgetIfUnused(*pod.job);
}

void NodeSummary::PutPod(const std::string& pod, const PodFacts& facts) {
    const int gpus = std::min(facts.gpus, kMostGpus);
    if (gpus <= 0 || facts.terminal || facts.node.empty()) return RemovePod(pod);
    Pod& known = pods_[pod];
    const Pod was = std::exchange(known, {.load = &*loads_.try_emplace(facts.node).first,
                                          .job = &*jobs_.try_emplace({facts.ns, facts.job}).first,
                                          .gpus = gpus});
    if (was == known) return;
    // In this order: nodes and jobs that are not known are forgotten with their last pod.
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
    JobEntry& entry = *jobs_.try_emplace({ns, job}).first;
    entry.second.known = true;
    if (entry.second.user == user) return;
    Hold(entry, -1);
    entry.second.user = user;
    Hold(entry, +1);
}

void NodeSummary::RemoveJob(const std::string& ns, const std::string& job) {
    const auto found = jobs_.find({ns, job});
    if (found == jobs_.end()) return;
    found->second.known = false;
    ForgetIfUnused(*found);
}

void NodeSummary::ForgetIfUnused(const JobEntry& job) {
    if (!job.second.known && job.second.pods == 0) jobs_.erase(jobs_.find(job.first));
}

std::vector<GpuHolder> NodeSummary::HoldersOn(const std::string& node) const {
    std::vector<GpuHolder> all;
    const auto load = loads_.find(node);
    if (load == loads_.end()) return all;
    for (const auto& [job, gpus] : load->second.jobs)
        all.push_back({job->first.first, job->first.second, job->second.user, gpus});
    std::ranges::sort(all, {}, [](const GpuHolder& h) { return std::tie(h.ns, h.job); });
    return all;
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
    for (const auto& [key, holding] : holders_) {
        by_user[key.second] += holding.gpus;
        if (namespaces.empty() || namespaces.back().ns != key.first)
            namespaces.push_back({key.first, "", "", 0});
        namespaces.back().used += holding.gpus;
    }
    for (const auto& [user, used] : by_user)
        users.push_back({"", "", user, used});
    report.jobs = MostUsed(std::move(jobs));
    report.users = MostUsed(std::move(users));
    report.namespaces = MostUsed(std::move(namespaces));
    report.problems = Problems();
    return report;
}

Top<NodeProblem> NodeSummary::Problems(std::size_t most) const {
    Top<NodeProblem> told;
    for (const auto& [badness, gpus, node] : problems_) {
        if (told.items.size() == most) break;
        told.items.push_back(ProblemOf(nodes_.at(node).facts, -gpus));
    }
    told.omitted = int(problems_.size() - told.items.size());
    return told;
}

}  // namespace dlws::model

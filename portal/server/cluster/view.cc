// SPDX-License-Identifier: Apache-2.0
#include "portal/server/cluster/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "model/encode.h"
#include "portal/server/cluster/storages.h"

namespace dlws::portal::cluster {

namespace json = boost::json;
using model::NodeFacts;
using model::PutText;

namespace {

// Of the contract.
constexpr std::size_t kMaxTypes = 64, kMaxHolders = 100, kMaxJobsOfNode = 128, kMaxProblems = 20,
                      kMaxProblemsOfNode = 8;
constexpr std::size_t kMaxName = 512, kMaxProblem = 512, kMaxState = 32;
constexpr std::string_view kOthers = "others";
// The rest of what is bounded; no node can say this, since it is no value of a label.
constexpr std::string_view kOtherTypes = "(other)";

// The contract's empty type is that of nodes that do not say.
std::string_view TypeName(std::string_view type) {
    return type == model::kUnknownGpuType ? "" : type;
}

json::object TypeJson(std::string_view name, const model::GpuTypeStatus& type) {
    return {{"type", model::Cut(name, 63)},
            {"total", type.gpus.total},
            {"allocatable", type.gpus.allocatable},
            {"used", type.gpus.used},
            {"free", type.gpus.free},
            {"nodes", type.nodes},
            {"largestFree", type.largestFree}};
}

json::array TypesJson(const std::map<std::string, model::GpuTypeStatus>& types) {
    std::vector<const model::GpuTypeStatus*> order;
    for (const auto& [name, type] : types)
        order.push_back(&type);
    std::ranges::sort(order, [](const auto* a, const auto* b) {
        return std::tie(b->gpus.total, a->type) < std::tie(a->gpus.total, b->type);
    });
    json::array out;
    model::GpuTypeStatus rest;
    for (const model::GpuTypeStatus* type : order) {
        if (out.size() < kMaxTypes - 1 || order.size() <= kMaxTypes) {
            out.push_back(TypeJson(TypeName(type->type), *type));
            continue;
        }
        rest.gpus.total += type->gpus.total;
        rest.gpus.allocatable += type->gpus.allocatable;
        rest.gpus.used += type->gpus.used;
        rest.gpus.free += type->gpus.free;
        rest.nodes += type->nodes;
        rest.largestFree = std::max(rest.largestFree, type->largestFree);
    }
    if (rest.nodes > 0) out.push_back(TypeJson(kOtherTypes, rest));
    return out;
}

json::object NodeCountsJson(const model::NodeCounts& nodes) {
    return {{"total", nodes.total},
            {"ready", nodes.total - nodes.cordoned - nodes.unhealthy},
            {"notReady", nodes.notReady},
            {"cordoned", nodes.cordoned},
            {"unhealthy", nodes.unhealthy - nodes.notReady}};
}

void Add(model::Holding& sum, const model::Holding& more) {
    sum.gpus += more.gpus;
    sum.jobs += more.jobs;
}

json::object HolderJson(std::string_view name, const model::Holding& holding) {
    return {{"name", model::Cut(name, kMaxName)}, {"gpus", holding.gpus}, {"jobs", holding.jobs}};
}

// Those who hold most, and all the rest as others.
json::array HoldersJson(const std::map<std::string_view, model::Holding>& seen,
                        model::Holding others) {
    std::vector<std::pair<std::string_view, model::Holding>> order(seen.begin(), seen.end());
    std::ranges::sort(order, [](const auto& a, const auto& b) {
        return std::tie(b.second.gpus, a.first) < std::tie(a.second.gpus, b.first);
    });
    json::array out;
    for (const auto& [name, holding] : order)
        if (out.size() < kMaxHolders - 1)
            out.push_back(HolderJson(name, holding));
        else
            Add(others, holding);
    if (others.gpus > 0) out.push_back(HolderJson(kOthers, others));
    return out;
}

void PutHolders(json::object& out, const model::NodeSummary& summary, const MaySee& may_see) {
    std::map<std::string_view, model::Holding> users, namespaces;
    model::Holding no_user, hidden;
    for (const auto& [who, holding] : summary.Holders()) {
        const auto& [ns, user] = who;
        if (!may_see(ns)) {
            Add(hidden, holding);
            continue;
        }
        Add(namespaces[ns], holding);
        Add(user.empty() ? no_user : users[user], holding);
    }
    Add(no_user, hidden);
    out["users"] = HoldersJson(users, no_user);
    out["namespaces"] = HoldersJson(namespaces, hidden);
}

struct Problem {
    bool critical = false;
    std::string_view node;  // empty: of the cluster
    std::string message;
    std::optional<model::Time> since;
};

std::string TextOf(const model::NodeProblem& problem) {
    if (problem.message.empty()) return problem.reason;
    return fmt::format("{}: {}", problem.reason, problem.message);
}

// A storage that nobody can use, or that some nodes lack.
std::optional<Problem> ProblemOf(const model::StorageStatus& storage) {
    if (!storage.problem.empty())
        return Problem{true, "", fmt::format("Storage {}: {}", storage.name, storage.problem), {}};
    if (storage.nodesTotal == 0 || storage.nodesHealthy == storage.nodesTotal) return std::nullopt;
    return Problem{storage.nodesHealthy == 0, "", storage.message, {}};
}

// Critical is what takes capacity away against everybody's will.
void PutProblems(json::object& out, const Known& known, const MaySee& may_see) {
    const model::Top<model::NodeProblem> of_nodes = known.summary.Problems(kMaxProblems);
    std::vector<Problem> all;
    int omitted = of_nodes.omitted;
    for (const model::StorageStatus& storage : known.status.storages) {
        const model::Storage* declared = model::FindStorage(known.cluster, storage.name);
        if (!declared || !MayMount(*declared, may_see)) continue;
        if (auto problem = ProblemOf(storage)) all.push_back(std::move(*problem));
    }
    for (const model::NodeProblem& problem : of_nodes.items) {
        const bool lost =
            problem.reason != model::kCordoned && problem.reason != model::kGpusBroken;
        all.push_back({lost, problem.node, TextOf(problem), problem.since});
    }
    json::array problems;
    for (const bool critical : {true, false})
        for (const Problem& problem : all) {
            if (problem.critical != critical) continue;
            if (problems.size() == kMaxProblems) {
                ++omitted;
                continue;
            }
            json::object o{{"severity", critical ? "Critical" : "Warning"}};
            PutText(o, "node", problem.node);
            o["message"] = model::Cut(problem.message, kMaxProblem);
            model::PutTime(o, "since", problem.since);
            problems.push_back(std::move(o));
        }
    out["problemsTotal"] = int(problems.size()) + omitted;
    out["problems"] = std::move(problems);
}

json::array ProblemsOf(const NodeFacts& facts, const model::DLNode* told) {
    json::array out;
    const auto add = [&out](std::string_view text) {
        if (out.size() < kMaxProblemsOfNode)
            out.push_back(json::value(model::Cut(text, kMaxProblem)));
    };
    if (facts.trouble)
        add(TextOf({.reason = facts.trouble->reason, .message = facts.trouble->message}));
    if (facts.allocatable < facts.gpus)
        add(fmt::format("{} of {} GPUs cannot be used.", facts.gpus - facts.allocatable,
                        facts.gpus));
    if (facts.cordoned) add("Cordoned by an administrator.");
    if (told)
        for (const std::string& problem : told->problems)
            add(problem);
    return out;
}

// Of an agent that is silent nobody knows.
json::object StoragesOf(const model::DLCluster& cluster, const model::DLNode* told, model::Time now,
                        const MaySee& may_see) {
    json::object out;
    if (!cluster.checkStorages) return out;
    const bool fresh = told && model::IsFresh(*told, now);
    for (const model::Storage& storage : cluster.storages) {
        if (storage.kind != model::StorageKind::HostMount || !MayMount(storage, may_see)) continue;
        const model::NodeStorage* fact = fresh ? model::FindStorage(*told, storage.name) : nullptr;
        out[storage.name] = model::Cut(fact ? ToString(fact->state) : "Unknown", kMaxState);
    }
    return out;
}

}  // namespace

json::object ClusterStatusJson(const Known& known, json::array storages, const MaySee& may_see) {
    json::object out{{"gpus", TypesJson(known.summary.Types())},
                     {"nodes", NodeCountsJson(known.summary.Counts())}};
    json::object jobs;
    for (const auto& [phase, count] : known.jobs_by_phase)
        jobs[phase] = count;
    out["jobs"] = std::move(jobs);
    PutHolders(out, known.summary, may_see);
    out["storages"] = std::move(storages);
    PutProblems(out, known, may_see);
    return out;
}

NodeState StateOf(const NodeFacts& facts) {
    if (facts.trouble)
        return facts.trouble->reason == model::kNotReady ? NodeState::kNotReady
                                                         : NodeState::kUnhealthy;
    return facts.cordoned ? NodeState::kCordoned : NodeState::kReady;
}

std::string_view ToString(NodeState state) {
    switch (state) {
        case NodeState::kReady:
            break;
        case NodeState::kCordoned:
            return "Cordoned";
        case NodeState::kUnhealthy:
            return "Unhealthy";
        case NodeState::kNotReady:
            return "NotReady";
    }
    return "Ready";
}

json::object NodeJson(const model::NodeSummary& summary, const model::NodeRow& row,
                      const model::DLCluster& cluster, const model::DLNode* told, model::Time now,
                      const MaySee& may_see) {
    const NodeFacts& facts = row.facts;
    json::object out{{"name", facts.name}, {"state", ToString(StateOf(facts))}};
    PutText(out, "gpuType", TypeName(facts.gpuType), 63);
    out["gpus"] = facts.gpus;
    out["allocatable"] = std::min(facts.allocatable, facts.gpus);
    out["used"] = row.used;
    std::vector<model::GpuHolder> holders = summary.HoldersOn(facts.name);
    std::ranges::sort(holders, [](const auto& a, const auto& b) {
        return std::tie(b.used, a.ns, a.job) < std::tie(a.used, b.ns, b.job);
    });
    json::array seen;
    int others = 0;
    for (const model::GpuHolder& holder : holders) {
        if (holder.job.empty() || !may_see(holder.ns) || seen.size() == kMaxJobsOfNode) {
            others += holder.used;
            continue;
        }
        json::object o{{"namespace", holder.ns}, {"job", holder.job}};
        PutText(o, "owner", holder.user, kMaxName);
        o["gpus"] = holder.used;
        seen.push_back(std::move(o));
    }
    out["othersUsed"] = others;
    out["holders"] = std::move(seen);
    out["problems"] = ProblemsOf(facts, told);
    out["storages"] = StoragesOf(cluster, told, now, may_see);
    return out;
}

}  // namespace dlws::portal::cluster

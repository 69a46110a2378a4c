// SPDX-License-Identifier: Apache-2.0
#include "operator/storage/decide.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "model/names.h"

namespace dlws::storage {

using model::DLNode;
using model::NodeStorage;
using model::StorageState;
using model::StorageStatus;
using model::Time;

namespace {

// One that nodes are asked about.
struct Mount {
    std::string name, label;
    StorageStatus* status;
    Time newest{};  // when what the status says of space was told
};

// Null: it does not count.
const DLNode* Fresh(const NodeView& node, Time now) {
    return node.told && IsFresh(*node.told, now) ? node.told : nullptr;
}

std::optional<Time> UnknownSince(const NodeView& node, Time now) {
    // Of what is newer than now, or does not name this storage, nobody knows since when.
    if (!node.told || !node.told->checkedAt || *node.told->checkedAt > now - kStale)
        return std::nullopt;
    return node.told->checkedAt;
}

void LookAt(const NodeView& node, Mount& mount, Time now, StorageTroubles& troubles,
            LabelChange& change) {
    const DLNode* told = Fresh(node, now);
    const NodeStorage* fact = told ? model::FindStorage(*told, mount.name) : nullptr;
    const SeenState state = fact ? SeenState(fact->state) : std::nullopt;
    troubles.Add(mount.name, node.name, state, fact ? fact->since : UnknownSince(node, now));
    if (state == model::StorageState::Healthy && fact->remountedAt)
        troubles.AddRemount(mount.name, node.name, *fact->remountedAt);
    const auto label = node.labels->find(mount.label);
    if (label == node.labels->end() || label->second != ToString(state))
        change.labels.emplace(mount.label, ToString(state));
    if (state != StorageState::Healthy || *told->checkedAt < mount.newest) return;
    mount.newest = *told->checkedAt;
    mount.status->bytesTotal = fact->bytesTotal;
    mount.status->bytesFree = fact->bytesFree;
    mount.status->inodesTotal = fact->inodesTotal;
    mount.status->inodesFree = fact->inodesFree;
}

job::StorageCheck CheckOf(const NodeView& node, const DLNode& told,
                          const std::set<std::string>& names) {
    job::StorageCheck check{.at = *told.checkedAt, .losses = {}};
    for (const std::string& name : names) {
        const NodeStorage* fact = model::FindStorage(told, name);
        const auto label = node.labels->find(std::string(model::kStorageLabelPrefix) + name);
        if (!fact || label == node.labels->end() || label->second != ToString(fact->state))
            return {};
        const auto add = [&](std::string_view what, Time since, Time until) {
            check.losses.push_back(
                {fmt::format("Storage {} {} on node {}", name, what, node.name), since, until});
        };
        if (fact->state != StorageState::Healthy)
            add(fmt::format("is {}", ToString(fact->state)), fact->since.value_or(Time()),
                Time::max());
        if (fact->lostSince && fact->lostUntil) add("was lost", *fact->lostSince, *fact->lostUntil);
        // It may have been back before anybody looked.
        if (fact->remountedAt) add("was mounted anew", *fact->remountedAt, *fact->remountedAt);
    }
    return check;
}

bool AllHealthy(const StorageStatus& s) {
    return s.nodesTotal > 0 && s.nodesHealthy == s.nodesTotal;
}

void TellChange(const StorageStatus& was, const StorageStatus& is, const StorageTroubles& troubles,
                std::vector<EventNote>& events) {
    if (was.nodesTotal == 0 || is.nodesTotal == 0 || AllHealthy(was) == AllHealthy(is)) return;
    events.push_back({!AllHealthy(is), AllHealthy(is) ? "StorageHealthy" : "StorageNotHealthy",
                      troubles.Availability(is.name)});
}

std::string Summary(const model::ClusterStatus& status) {
    std::string text;
    for (const StorageStatus& s : status.storages) {
        text += (text.empty() ? "" : ", ") + s.name;
        if (!s.problem.empty()) text += " unusable";
        if (s.nodesTotal > 0) text += fmt::format(" {}/{}", s.nodesHealthy, s.nodesTotal);
    }
    return text;
}

// Without what changes all the time.
model::ClusterStatus Lasting(model::ClusterStatus status) {
    status.report = {};
    for (StorageStatus& s : status.storages)
        s.bytesTotal = s.bytesFree = s.inodesTotal = s.inodesFree = 0;
    return status;
}

// How long after the last write it is time for this one.
std::chrono::seconds DueAfter(const World& world, const model::ClusterStatus& status) {
    if (Lasting(status) != Lasting(world.was)) return std::chrono::seconds(0);
    return status.report == world.was.report ? kSpaceInterval : ReportInterval(world.nodes.size());
}

// The first of each name, as the definition has each name once.
std::vector<Mount> Declared(const model::DLCluster& cluster, model::ClusterStatus& status) {
    std::set<std::string_view> names;
    status.storages.reserve(cluster.storages.size());  // its items are pointed to
    std::vector<Mount> mounts;
    for (const model::Storage& storage : cluster.storages) {
        if (!names.insert(storage.name).second) continue;
        StorageStatus& s = status.storages.emplace_back();
        s.name = storage.name;
        s.problem = storage.problem;
        if (storage.kind == model::StorageKind::HostMount && storage.problem.empty())
            mounts.push_back(
                {storage.name, std::string(model::kStorageLabelPrefix) + storage.name, &s});
    }
    return mounts;
}

}  // namespace

std::chrono::seconds ReportInterval(std::size_t nodes) {
    return std::chrono::seconds(std::clamp<std::size_t>(nodes / 100, 5, 60));
}

job::StorageChecks ChecksFor(const model::DLCluster& cluster, const model::DLJob& job,
                             const std::vector<NodeView>& nodes, Time now) {
    std::set<std::string> names;
    for (const model::StorageMount& mount : job.spec.storage) {
        const model::Storage* storage = model::FindStorage(cluster, mount.name);
        if (storage && storage->problem.empty() && storage->kind == model::StorageKind::HostMount)
            names.insert(mount.name);
    }
    job::StorageChecks checks;
    if (!cluster.checkStorages || names.empty()) return checks;
    for (const NodeView& node : nodes)
        if (const DLNode* told = Fresh(node, now))
            checks.emplace(node.name, CheckOf(node, *told, names));
    return checks;
}

Decision Decide(const World& world) {
    Decision decision;
    decision.status.observedGeneration = world.cluster.meta.generation;
    decision.status.report = world.report;
    std::vector<Mount> mounts = Declared(world.cluster, decision.status);
    std::set<std::string_view> wanted;
    for (const Mount& mount : mounts)
        wanted.insert(mount.label);

    for (const NodeView& node : world.nodes) {
        LabelChange change{std::string(node.name), std::string(node.uid), {}};
        for (Mount& mount : mounts)
            LookAt(node, mount, world.now, decision.troubles, change);
        for (const auto& [key, value] : *node.labels)
            if (key.starts_with(model::kStorageLabelPrefix) && !wanted.contains(key))
                change.labels.emplace(key, std::nullopt);
        if (!change.labels.empty()) decision.labels.push_back(std::move(change));
        if (const DLNode* told = Fresh(node, world.now); told && !mounts.empty())
            decision.again = std::min(
                decision.again, *told->checkedAt + kStale + std::chrono::seconds(1) - world.now);
    }

    for (const Mount& mount : mounts) {
        StorageStatus& s = *mount.status;
        const StorageTroubles::Counts counts = decision.troubles.CountsOf(s.name);
        s.nodesHealthy = Healthy(counts);
        s.nodesTotal = Total(counts);
        if (!AllHealthy(s)) s.message = decision.troubles.Availability(s.name);
        const auto was = std::ranges::find(world.was.storages, s.name, &StorageStatus::name);
        if (was != world.was.storages.end())
            TellChange(*was, s, decision.troubles, decision.events);
    }
    decision.status.summary = Summary(decision.status);
    if (decision.status == world.was) return decision;
    const Time due = world.written.value_or(Time{}) + DueAfter(world, decision.status);
    decision.write_status = world.now >= due;
    if (!decision.write_status) decision.again = std::min(decision.again, due - world.now);
    return decision;
}

std::string LabelPatch(const LabelChange& change) {
    namespace json = boost::json;
    json::object labels;
    for (const auto& [key, value] : change.labels)
        labels[key] = value ? json::value(*value) : json::value(nullptr);
    return json::serialize(json::object{
        {"metadata", json::object{{"uid", change.uid}, {"labels", std::move(labels)}}}});
}

}  // namespace dlws::storage

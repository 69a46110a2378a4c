// SPDX-License-Identifier: Apache-2.0
#include "operator/storage/troubles.h"

#include <fmt/format.h>

#include <numeric>
#include <set>

namespace dlws::storage {

std::string_view ToString(SeenState state) {
    return state ? model::ToString(*state) : "Unknown";
}

int Total(const StorageTroubles::Counts& counts) {
    return std::accumulate(counts.begin(), counts.end(), 0);
}

int Healthy(const StorageTroubles::Counts& counts) {
    return counts[std::size_t(model::StorageState::Healthy)];
}

void StorageTroubles::Add(const std::string& storage, std::string_view node, SeenState state,
                          std::optional<model::Time> since) {
    Storage& s = storages_[storage];
    ++s.counts.at(state ? std::size_t(*state) : model::kStorageStates);
    if (state != model::StorageState::Healthy)
        s.troubles.insert_or_assign(std::string(node), Trouble{state, since});
}

void StorageTroubles::AddRemount(const std::string& storage, std::string_view node,
                                 model::Time at) {
    storages_[storage].remounts.insert_or_assign(std::string(node), at);
}

std::optional<model::Time> StorageTroubles::RemountedAt(std::string_view storage,
                                                        std::string_view node) const {
    const auto s = storages_.find(storage);
    if (s == storages_.end()) return std::nullopt;
    const auto found = s->second.remounts.find(node);
    return found == s->second.remounts.end() ? std::nullopt : std::optional(found->second);
}

const StorageTroubles::Trouble* StorageTroubles::Find(std::string_view storage,
                                                      std::string_view node) const {
    const auto s = storages_.find(storage);
    if (s == storages_.end()) return nullptr;
    const auto found = s->second.troubles.find(node);
    return found == s->second.troubles.end() ? nullptr : &found->second;
}

StorageTroubles::Counts StorageTroubles::CountsOf(std::string_view storage) const {
    const auto s = storages_.find(storage);
    return s == storages_.end() ? Counts{} : s->second.counts;
}

std::string StorageTroubles::Availability(std::string_view storage) const {
    constexpr std::size_t kNamed = 3;
    const Counts counts = CountsOf(storage);
    std::string text = fmt::format("Storage {} is healthy on {} of {} nodes", storage,
                                   Healthy(counts), Total(counts));
    const auto s = storages_.find(storage);
    if (s == storages_.end()) return text + ".";
    std::size_t named = 0;
    for (const auto& [node, trouble] : s->second.troubles) {
        if (named == kNamed) break;
        text += fmt::format("{} {}: {}", named == 0 ? ";" : ",", node, ToString(trouble.state));
        if (trouble.since) text += " since " + model::FormatTime(*trouble.since);
        ++named;
    }
    if (const std::size_t all = s->second.troubles.size(); all > named)
        text += fmt::format(", and {} more", all - named);
    return text + ".";
}

std::map<std::string, std::string> StalePods(const StorageTroubles& troubles,
                                             const model::DLJob& job,
                                             const std::vector<model::PodView>& pods) {
    std::map<std::string, std::string> stale;
    for (const model::PodView& pod : pods) {
        if (pod.Terminal() || pod.node.empty() || !pod.creationTimestamp) continue;
        for (const model::StorageMount& mount : job.spec.storage) {
            const auto at = troubles.RemountedAt(mount.name, pod.node);
            if (!at || *at <= *pod.creationTimestamp) continue;
            stale[pod.name] = fmt::format(
                "Pod {} does not reach storage {} any more: it was mounted anew on node {} at {}.",
                pod.name, mount.name, pod.node, model::FormatTime(*at));
        }
    }
    return stale;
}

std::string TroubleOf(const StorageTroubles& troubles, const model::DLJob& job,
                      const std::vector<model::PodView>& pods) {
    std::set<std::string> names;
    for (const model::StorageMount& mount : job.spec.storage)
        names.insert(mount.name);
    std::string text;
    for (const std::string& name : names) {
        const int nodes = Total(troubles.CountsOf(name));
        if (nodes == 0) continue;
        std::string found;
        for (const model::PodView& pod : pods) {
            if (pod.Terminal()) continue;
            const auto* trouble = troubles.Find(name, pod.node);
            if (!pod.node.empty() && trouble)
                found = fmt::format(
                    "Storage {} is {} on node {}, where pod {} runs{}.", name,
                    ToString(trouble->state), pod.node, pod.name,
                    trouble->since ? ", since " + model::FormatTime(*trouble->since) : "");
            else if (pod.node.empty() && Healthy(troubles.CountsOf(name)) < nodes)
                found = troubles.Availability(name);
            if (!found.empty()) break;
        }
        if (!found.empty()) text += (text.empty() ? "" : " ") + found;
    }
    return text;
}

}  // namespace dlws::storage

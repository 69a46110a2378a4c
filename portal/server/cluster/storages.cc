// SPDX-License-Identifier: Apache-2.0
#include "portal/server/cluster/storages.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "model/encode.h"
#include "model/samba.h"

namespace dlws::portal::cluster {

namespace json = boost::json;
using model::PutText;
using model::Storage;
using model::StorageLayout;

namespace {

// Of the contract.
constexpr std::size_t kMaxStorages = 32, kMaxPath = 512, kMaxMessage = 1024;

std::string_view LayoutName(StorageLayout layout) {
    switch (layout) {
        case StorageLayout::Shared:
            break;
        case StorageLayout::PerUser:
            return "perUser";
        case StorageLayout::PerJob:
            return "perJob";
    }
    return "shared";
}

// By the link that agents make on every node, else where it is mounted.
std::string PathOnNode(const model::DLCluster& cluster, const Storage& storage) {
    const auto link =
        std::ranges::find(cluster.systemFolders, storage.name, &model::SystemFolder::storage);
    if (link == cluster.systemFolders.end()) return model::HostFolder(storage);
    return fmt::format("{}/{}", cluster.systemRoot, link->folder);
}

// Empty where somebody finds nothing of their own.
std::string PathOf(const model::DLCluster& cluster, const Storage& storage, const Person& person) {
    if (storage.kind != model::StorageKind::HostMount || !storage.problem.empty()) return "";
    if (storage.layout == StorageLayout::Shared) return PathOnNode(cluster, storage);
    if (person.folder.empty()) return "";
    return fmt::format("{}/{}", PathOnNode(cluster, storage), person.folder);
}

void PutHealth(json::object& out, const model::StorageStatus& status) {
    if (status.nodesTotal > 0) {
        out["nodesHealthy"] = status.nodesHealthy;
        out["nodesTotal"] = status.nodesTotal;
    }
    // A size that is known comes with what is free of it, be it nothing.
    if (status.bytesTotal > 0) {
        out["bytesTotal"] = status.bytesTotal;
        out["bytesFree"] = std::max<std::int64_t>(status.bytesFree, 0);
    }
}

void PutQuota(json::object& out, const Storage& storage, const Person& person) {
    if (!person.status) return;
    for (const model::UserStatus::Quota& quota : person.status->quotas) {
        if (quota.storage != storage.name || quota.bytesTotal <= 0) continue;
        out["quotaBytes"] = quota.bytesTotal;
        out["quotaFree"] = std::max<std::int64_t>(quota.bytesFree, 0);
    }
}

// What is wrong with all of it counts more than with one's own folder.
std::string MessageOf(const Storage& storage, const model::StorageStatus* status,
                      const Person& person) {
    if (!storage.problem.empty()) return storage.problem;
    if (status && !status->message.empty()) return status->message;
    return storage.layout == StorageLayout::PerUser && person.status ? person.status->message : "";
}

}  // namespace

Person PersonOf(const model::DLCluster& cluster, const model::DLUser* user,
                const model::UserStatus* status) {
    if (user) return {user->meta.name, status};
    if (cluster.unknownUsers == model::UnknownUsers::Refuse) return {};
    return {cluster.defaultUser.name, nullptr};
}

bool MayMount(const Storage& storage, const std::function<bool(std::string_view ns)>& may_see) {
    return storage.namespaces.empty() || std::ranges::any_of(storage.namespaces, may_see);
}

json::array StoragesJson(const model::DLCluster& cluster, const model::ClusterStatus& status,
                         const Person& person, std::string_view smb_host,
                         const std::function<bool(std::string_view ns)>& may_see) {
    const std::vector<std::string> shares = model::SharedStorages(cluster);
    json::array all;
    for (const Storage& storage : cluster.storages) {
        if (!MayMount(storage, may_see)) continue;
        if (all.size() == kMaxStorages) break;
        const auto known =
            std::ranges::find(status.storages, storage.name, &model::StorageStatus::name);
        const bool is_known = known != status.storages.end();
        json::object out{{"name", storage.name},
                         {"layout", LayoutName(storage.layout)},
                         {"readOnly", storage.readOnly}};
        PutText(out, "path", PathOf(cluster, storage, person), kMaxPath);
        if (!smb_host.empty() && person.status && std::ranges::count(shares, storage.name) > 0)
            out["smb"] = fmt::format(R"(\\{}\{})", smb_host, storage.share);
        if (is_known) PutHealth(out, *known);
        PutQuota(out, storage, person);
        PutText(out, "message", MessageOf(storage, is_known ? &*known : nullptr, person),
                kMaxMessage);
        all.push_back(std::move(out));
    }
    return all;
}

}  // namespace dlws::portal::cluster

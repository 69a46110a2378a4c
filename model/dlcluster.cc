// SPDX-License-Identifier: Apache-2.0
#include "model/dlcluster.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/decode.h"
#include "model/quantity.h"

namespace dlws::model {

std::string_view ToString(DriverMode m) {
    return m == DriverMode::HostPath ? "HostPath" : "None";
}

namespace {

PermissionRule ReadRule(const Node& node) {
    PermissionRule rule;
    const std::string cls = node["class"].Text(), policy = node["policy"].Text();
    if (auto known = ParsePermissionClass(cls))
        rule.cls = *known;
    else
        node["class"].Fail(fmt::format("this version does not know the class {}", cls));
    if (policy == "Allow")
        rule.policy = PermissionPolicy::Allow;
    else if (policy == "RequireApproval")
        rule.policy = PermissionPolicy::RequireApproval;
    else if (policy != "Deny")
        node["policy"].Fail(fmt::format("this version does not know the policy {}", policy));
    rule.names = node["names"].Texts();
    node["paths"].Each([&](const Node& item) {
        rule.paths.push_back({item["prefix"].Text(), item["readOnly"].Bool(true)});
    });
    rule.namespaces = node["namespaces"].Texts();
    if (const Node most = node["maxDurationSeconds"]; most.Present())
        rule.maxDurationSeconds = most.Int64();
    return rule;
}

// A word of a later version breaks this storage, and no other.
Storage ReadStorage(const Node& node) {
    Storage s;
    s.name = node["name"].Text();
    const std::string kind = node["kind"].Text("HostMount"), layout = node["layout"].Text("shared");
    if (kind == "PersistentVolumeClaim")
        s.kind = StorageKind::PersistentVolumeClaim;
    else if (kind != "HostMount")
        s.problem = fmt::format("this version does not know the kind {}", kind);
    if (layout == "perUser")
        s.layout = StorageLayout::PerUser;
    else if (layout == "perJob")
        s.layout = StorageLayout::PerJob;
    else if (layout != "shared")
        s.problem = fmt::format("this version does not know the layout {}", layout);
    s.hostPath = node["hostPath"].Text();
    s.claim = node["claim"].Text();
    s.path = node["path"].Text();
    s.readOnly = node["readOnly"].Bool(false);
    s.namespaces = node["namespaces"].Texts();
    s.fileSystem = node["fileSystem"].Text();
    s.sentinel = node["sentinel"].Text();
    s.share = node["share"].Text();
    return s;
}

// By default the folders have the names of the storages they lead to, as in the original.
void ReadSystemFolders(const Node& node, DLCluster& cluster) {
    cluster.systemRoot = node["root"].Text(cluster.systemRoot);
    const auto add = [&](std::string_view folder, std::string_view usual) {
        std::string name = node[folder].Text(usual);
        if (FindStorage(cluster, name))
            cluster.systemFolders.push_back({std::string(folder), std::move(name)});
    };
    add("storage", kDataStorage);
    add("work", kWorkStorage);
    add("jobfiles", kJobFilesStorage);
}

// Bytes; 0: not there.
std::int64_t ReadBytes(const Node& node) {
    if (!node.Present()) return 0;
    const auto amount = ParseQuantity(node.QuantityText());
    if (!amount) node.Fail(amount.error());
    return amount ? amount->Value() : 0;
}

}  // namespace

const Storage* FindStorage(const DLCluster& cluster, std::string_view name) {
    const auto found = std::ranges::find(cluster.storages, name, &Storage::name);
    return found == cluster.storages.end() ? nullptr : &*found;
}

std::expected<DLCluster, std::string> ParseDLCluster(std::string_view json) {
    Document doc(json);
    DLCluster cluster;
    if (doc.error().empty()) {
        cluster.meta = ReadMetadata(doc.Root()["metadata"]);
        if (cluster.meta.uid.empty()) doc.SetError("metadata.uid is missing");
        const Node spec = doc.Root()["spec"];
        if (const Node base = spec["podTemplate"]; base.Present())
            cluster.podTemplate = simdjson::minify(base.element());
        spec["storages"].Each(
            [&](const Node& item) { cluster.storages.push_back(ReadStorage(item)); });
        if (std::string shared = spec["sharedFolder"]["hostPath"].Text(); !shared.empty())
            for (Storage& s : SharedFolder(shared))
                if (!FindStorage(cluster, s.name)) cluster.storages.push_back(std::move(s));
        CheckStorages(cluster.storages);
        ReadSystemFolders(spec["systemFolders"], cluster);
        cluster.helperImage = spec["helperImage"].Text();
        cluster.checkStorages = spec["checkStorages"].Bool(false);
        cluster.logs.keepDays = spec["logs"]["keepDays"].Int64(0);
        cluster.logs.keepPerUser = ReadBytes(spec["logs"]["keepPerUser"]);
        const Node driver = spec["gpu"]["driver"];
        const std::string mode = driver["mode"].Text("None");
        if (mode == "HostPath") {
            cluster.gpu.driver = DriverMode::HostPath;
        } else if (mode != "None") {
            driver["mode"].Fail(fmt::format("this version does not know the mode {}", mode));
        }
        cluster.gpu.driverHostPath = driver["hostPath"].Text(cluster.gpu.driverHostPath);
        cluster.gpu.typeLabel = spec["gpu"]["typeLabel"].Text(cluster.gpu.typeLabel);
        cluster.defaultUser.uid = spec["defaultUser"]["uid"].Int64(cluster.defaultUser.uid);
        cluster.defaultUser.gid = spec["defaultUser"]["gid"].Int64(cluster.defaultUser.gid);
        if (spec["unknownUsers"].Text() == "Refuse") cluster.unknownUsers = UnknownUsers::Refuse;
        spec["permissions"].Each(
            [&](const Node& item) { cluster.permissions.push_back(ReadRule(item)); });
        if (spec["onRevoke"].Text() == "Continue") cluster.onRevoke = OnRevoke::Continue;
        spec["devices"].Each([&](const Node& item) {
            cluster.devices.push_back({item["name"].Text(), item["resource"].Text()});
        });
    }
    if (!doc.error().empty()) return std::unexpected(doc.error());
    return cluster;
}

}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#include "model/dlcluster.h"

#include <fmt/format.h>

#include "model/decode.h"

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

}  // namespace

std::expected<DLCluster, std::string> ParseDLCluster(std::string_view json) {
    Document doc(json);
    DLCluster cluster;
    if (doc.error().empty()) {
        cluster.meta = ReadMetadata(doc.Root()["metadata"]);
        if (cluster.meta.uid.empty()) doc.SetError("metadata.uid is missing");
        const Node spec = doc.Root()["spec"];
        if (const Node base = spec["podTemplate"]; base.Present())
            cluster.podTemplate = simdjson::minify(base.element());
        cluster.sharedFolder = spec["sharedFolder"]["hostPath"].Text();
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

// SPDX-License-Identifier: Apache-2.0
#include "model/render_storage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ranges>

#include "model/names.h"
#include "model/reason.h"
#include "model/render_check.h"
#include "model/storage.h"

namespace dlws::model {

namespace json = boost::json;

namespace {

std::expected<const Storage*, RenderError> Find(const StorageMount& mount, const DLJob& job,
                                                const DLCluster& cluster) {
    if (cluster.storages.empty())
        return Error(reason::kNoSharedFolder,
                     fmt::format("The job asks for storage '{}', but this cluster declares none: "
                                 "ask an administrator to set spec.storages or spec.sharedFolder "
                                 "of the DLCluster 'cluster', or remove storage from the job.",
                                 mount.name));
    const auto open_here = [&](const Storage& s) {
        return s.namespaces.empty() ||
               std::ranges::find(s.namespaces, job.meta.ns) != s.namespaces.end();
    };
    const Storage* found = FindStorage(cluster, mount.name);
    if (!found) {
        // Names only: a user need not learn what others have.
        auto names = cluster.storages | std::views::filter(open_here) |
                     std::views::transform(&Storage::name);
        return Error(reason::kUnknownStorage,
                     fmt::format("There is no storage named '{}'; write one of {}.", mount.name,
                                 fmt::join(names, ", ")));
    }
    if (!open_here(*found))
        return Error(reason::kStorageNotForNamespace,
                     fmt::format("Storage '{}' is not for jobs of namespace {}: ask an "
                                 "administrator to add it to the storage's namespaces.",
                                 mount.name, job.meta.ns));
    if (!found->problem.empty())
        return Error(reason::kClusterInvalid,
                     fmt::format("Storage '{}' cannot be used: {}. An administrator must correct "
                                 "DLCluster's spec.storages.",
                                 mount.name, found->problem));
    return found;
}

json::object Volume(const std::string& name, const Storage& storage, const StorageFolder& folder) {
    if (storage.kind == StorageKind::HostMount)
        return {{"name", name}, {"hostPath", {{"path", folder.host}, {"type", "Directory"}}}};
    return {{"name", name}, {"persistentVolumeClaim", {{"claimName", storage.claim}}}};
}

// Of the agent's program; as harmless as `main`.
json::object FoldersContainer(const DLCluster& cluster) {
    return {
        {"name", "dlws-folders"},
        {"image", cluster.helperImage},
        {"command", json::array{"/dlws-agent", "make-folders"}},
        {"args", json::array{}},
        {"terminationMessagePolicy", "FallbackToLogsOnError"},
        {"resources",
         {{"requests", {{"cpu", "10m"}, {"memory", "16Mi"}}}, {"limits", {{"memory", "64Mi"}}}}},
        {"securityContext",
         {{"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"capabilities", {{"drop", json::array{"ALL"}}}}}},
        {"volumeMounts", json::array{}}};
}

}  // namespace

std::expected<void, RenderError> AddStorage(PodTemplate& pod, const DLJob& job,
                                            const DLCluster& cluster, const PodUser& user) {
    json::object folders = FoldersContainer(cluster);
    for (const StorageMount& mount : job.spec.storage) {
        auto storage = Find(mount, job, cluster);
        if (!storage) return std::unexpected(storage.error());
        const StorageFolder folder = FolderOf(**storage, mount.path, job.meta, user.name);
        const bool read_only = mount.readOnly || (*storage)->readOnly;
        const std::string volume = fmt::format("dlws-storage-{}", mount.name);
        pod.PutByKey(pod.ArrayAt(pod.spec(), "volumes"), "name", Volume(volume, **storage, folder));
        if (cluster.checkStorages && (*storage)->kind == StorageKind::HostMount)
            pod.ObjectAt(pod.spec(),
                         "nodeSelector")[fmt::format("{}{}", kStorageLabelPrefix, mount.name)] =
                kHealthy;
        json::object item{{"name", volume}, {"mountPath", mount.mountPath}};
        if (!folder.below.empty()) item["subPath"] = folder.below;
        if (read_only) item["readOnly"] = true;
        pod.PutByKey(pod.ArrayAt(pod.main(), "volumeMounts"), "mountPath", std::move(item));
        if (folder.below.empty()) continue;
        const std::string seen = fmt::format("/storage/{}", mount.name);
        folders["args"].as_array().push_back(
            json::string(fmt::format("{}={}:{}", read_only ? "need" : "make", seen, folder.below)));
        pod.PutByKey(folders["volumeMounts"].as_array(), "mountPath",
                     {{"name", volume}, {"mountPath", seen}});
    }
    if (!folders["args"].as_array().empty() && !cluster.helperImage.empty())
        pod.ArrayAt(pod.spec(), "initContainers").push_back(std::move(folders));
    return {};
}

}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#include "operator/user/manager.h"

#include <utility>

#include "kube/log.h"
#include "model/dlcluster.h"
#include "model/names.h"
#include "operator/resources.h"

namespace dlws::user {

using kube::Awaitable;

namespace {

constexpr std::string_view kLog = "samba";

}  // namespace

Manager::Manager(kube::Client& client, kube::Metrics& metrics, kube::Random& random,
                 Settings settings)
    : client_(client),
      settings_(std::move(settings)),
      users_(client, {.resource = kDLUsers}, random),
      clusters_(client, {.resource = kDLClusters}, random),
      config_maps_(client,
                   {.resource = kube::kConfigMaps,
                    .ns = settings_.config_map.ns,
                    .field_selector = "metadata.name=" + settings_.config_map.name},
                   random),
      passes_(client.Executor(),
              {.name = "samba", .coalesce = settings_.coalesce, .metrics = &metrics}) {
    users_.OnChange([this](const kube::Change& change) { OnUser(change); });
    clusters_.OnChange([this](const kube::Change& change) {
        // Its status changes each minute.
        if (!change.before || !change.after ||
            change.before->meta.generation != change.after->meta.generation)
            passes_.Look();
    });
    config_maps_.OnChange([this](const kube::Change&) { passes_.Look(); });
}

PassLoop::Informers Manager::Informers() {
    return {{"samba-dlusers", &users_},
            {"samba-dlclusters", &clusters_},
            {"samba-configmap", &config_maps_}};
}

void Manager::OnUser(const kube::Change& change) {
    if (change.before) directory_.Remove(change.before->meta.name);
    if (change.after) {
        if (auto user = model::ParseDLUser(change.after->raw))
            directory_.Put(std::move(*user));
        else
            kube::LogWarning(kLog, "DLUser {}: {}", change.after->meta.name, user.error());
    }
    passes_.Look();
}

Awaitable<void> Manager::Work() {
    return passes_.Run(Informers(), [this] { return Pass(); });
}

Awaitable<bool> Manager::Pass() {
    // Without a DLCluster (its release replaces it) all stays as it is.
    const auto object = clusters_.store().Get({"", std::string(model::kDLClusterName)});
    const auto config_map = config_maps_.store().Get(settings_.config_map);
    if (!object || !config_map) co_return true;
    const auto cluster = model::ParseDLCluster(object->raw);
    if (!cluster) {
        kube::LogWarning(kLog, "DLCluster: {}", cluster.error());
        co_return true;
    }
    const std::vector<model::DLUser> users = directory_.Usable();
    model::SambaConfig wanted = model::RenderSamba(*cluster, users, settings_.samba);
    if (wanted.problems != problems_) {
        problems_ = std::move(wanted.problems);
        for (const std::string& problem : problems_)
            kube::LogWarning(kLog, "{}", problem);
    }
    if (model::ParseSambaFiles(config_map->raw) == wanted.files) co_return true;
    kube::WriteOptions options;
    options.field_manager = "dlworkspace-operator";
    kube::ObjectKey key = settings_.config_map;
    std::string patch = model::SambaPatch(wanted.files);
    auto stored = co_await client_.Patch(kube::kConfigMaps, std::move(key), kube::PatchType::kMerge,
                                         std::move(patch), std::move(options));
    if (stored) {
        kube::LogInfo(kLog, "{} users and their shares are told to the server", users.size());
        co_return true;
    }
    kube::LogWarning(kLog, "the server's ConfigMap: {}", stored.error().message);
    co_return false;
}

}  // namespace dlws::user

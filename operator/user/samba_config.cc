// SPDX-License-Identifier: Apache-2.0
#include "operator/user/samba_config.h"

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

SambaConfig::SambaConfig(kube::Client& client, kube::Random& random, Settings settings,
                         std::function<void()> changed)
    : client_(client),
      settings_(std::move(settings)),
      clusters_(client, {.resource = kDLClusters}, random),
      config_maps_(client,
                   {.resource = kube::kConfigMaps,
                    .ns = settings_.config_map.ns,
                    .field_selector = "metadata.name=" + settings_.config_map.name},
                   random) {
    clusters_.OnChange([changed](const kube::Change& change) {
        // Its status changes each minute.
        if (!change.before || !change.after ||
            change.before->meta.generation != change.after->meta.generation)
            changed();
    });
    config_maps_.OnChange([changed](const kube::Change&) { changed(); });
}

PassLoop::Informers SambaConfig::Informers() {
    return {{"samba-dlclusters", &clusters_}, {"samba-configmap", &config_maps_}};
}

Awaitable<bool> SambaConfig::Keep(std::vector<model::DLUser> users) {
    // Without a DLCluster (its release replaces it) all stays as it is.
    const auto object = clusters_.store().Get({"", std::string(model::kDLClusterName)});
    const auto config_map = config_maps_.store().Get(settings_.config_map);
    if (!object || !config_map) co_return true;
    const auto cluster = model::ParseDLCluster(object->raw);
    if (!cluster) {
        kube::LogWarning(kLog, "DLCluster: {}", cluster.error());
        co_return true;
    }
    model::SambaConfig wanted = model::RenderSamba(*cluster, users, settings_.server);
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
    if (!stored) kube::LogWarning(kLog, "the server's ConfigMap: {}", stored.error().message);
    if (stored)
        kube::LogInfo(kLog, "{} users and their shares are told to the server", users.size());
    co_return bool(stored);
}

}  // namespace dlws::user

// SPDX-License-Identifier: Apache-2.0
#include "operator/user/samba_config.h"

#include <utility>

#include "kube/log.h"
#include "model/dlcluster.h"
#include "model/names.h"
#include "model/resources.h"

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
    const auto config_map = config_maps_.store().Get(settings_.config_map);
    if (!config_map) {
        if (has_config_map_)
            kube::LogWarning(kLog, "the ConfigMap {} is gone; helm upgrade makes it anew",
                             settings_.config_map.ToString());
        has_config_map_ = false;
        co_return true;
    }
    has_config_map_ = true;
    // While there is none (its release replaces it) what the last one said goes on.
    if (const auto object = clusters_.store().Get({"", std::string(model::kDLClusterName)})) {
        auto cluster = model::ParseDLCluster(object->raw);
        if (cluster)
            cluster_ = *std::move(cluster);
        else
            kube::LogWarning(kLog, "DLCluster: {}", cluster.error());
    }
    if (!cluster_) co_return true;
    model::SambaConfig wanted = model::RenderSamba(*cluster_, users, settings_.server);
    if (wanted.problems != problems_) {
        problems_ = std::move(wanted.problems);
        for (const std::string& problem : problems_)
            kube::LogWarning(kLog, "{}", problem);
    }
    const auto has = model::ParseSambaFiles(config_map->raw);
    if (has == wanted.files) co_return true;
    kube::WriteOptions options;
    options.field_manager = "dlworkspace-operator";
    kube::ObjectKey key = settings_.config_map;
    std::string patch = model::SambaPatch(has.value_or(model::SambaFiles()), wanted.files);
    auto stored = co_await client_.Patch(kube::kConfigMaps, std::move(key), kube::PatchType::kMerge,
                                         std::move(patch), std::move(options));
    if (!stored) kube::LogWarning(kLog, "the server's ConfigMap: {}", stored.error().message);
    if (stored)
        kube::LogInfo(kLog, "{} users and their shares are told to the server", users.size());
    co_return bool(stored);
}

}  // namespace dlws::user

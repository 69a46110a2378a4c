// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/folders.h"

#include "model/names.h"
#include "portal/server/jobs/detail.h"

namespace dlws::portal {

void Folders::Follow(kube::Informer& users, kube::Informer& clusters) {
    users.OnChange([this](const kube::Change& change) { UserChanged(change); });
    clusters.OnChange([this](const kube::Change& change) { ClusterChanged(change); });
}

void Folders::UserChanged(const kube::Change& change) {
    if (change.before) users_.Remove(change.before->meta.name);
    if (!change.after) return;
    if (auto user = model::ParseDLUser(change.after->raw)) users_.Put(std::move(*user));
}

void Folders::ClusterChanged(const kube::Change& change) {
    const kube::Meta& meta = (change.after ? change.after : change.before)->meta;
    if (meta.name != model::kDLClusterName) return;
    cluster_.reset();
    if (!change.after) return;
    if (auto cluster = model::ParseDLCluster(change.after->raw)) cluster_ = std::move(*cluster);
}

std::string Folders::Of(const model::DLJob& job) const {
    return cluster_ ? JobFolderFor(job, *cluster_, users_) : "";
}

}  // namespace dlws::portal

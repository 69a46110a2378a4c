// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "kube/informer.h"
#include "model/dlcluster.h"
#include "model/dluser.h"

namespace dlws::portal {

/// Where jobs' folders are, by what the DLCluster and the DLUsers say now. Confined to the
/// informers' executor.
class Folders {
  public:
    /// Call once, before they run; we must outlive them.
    void Follow(kube::Informer& users, kube::Informer& clusters);
    /// JobFolderFor(); empty too while there is no DLCluster that can be read.
    std::string Of(const model::DLJob& job) const;

    void UserChanged(const kube::Change& change);
    void ClusterChanged(const kube::Change& change);

  private:
    model::UserDirectory users_;
    std::optional<model::DLCluster> cluster_;
};

}  // namespace dlws::portal

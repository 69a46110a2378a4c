// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/array.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "model/cluster_status.h"
#include "model/dlcluster.h"
#include "model/dluser.h"

/// @file
/// The storages that somebody's jobs may mount, with their own folders in them: schema Storage of
/// portal/openapi.yaml. Pure.

namespace dlws::portal::cluster {

/// Whose folders are meant.
struct Person {
    std::string_view folder;                    ///< name of their folders; empty: they have none
    const model::UserStatus* status = nullptr;  ///< of their DLUser; null: they have none
};

/// By who it is: their DLUser, else what DLCluster gives to people without one. `user` and `status`
/// must outlive what is returned.
Person PersonOf(const model::DLCluster& cluster, const model::DLUser* user,
                const model::UserStatus* status);

/// Whether jobs of any namespace that somebody may see jobs of may mount it.
bool MayMount(const model::Storage& storage,
              const std::function<bool(std::string_view ns)>& may_see);

/// In the order of the cluster's settings; those of other people's namespaces are left out.
/// `status`: the cluster's. `smb_host`: name of the Samba server for Windows machines; empty: there
/// is none. SMB addresses are shown to who has a DLUser, since nobody else may log in there.
boost::json::array StoragesJson(const model::DLCluster& cluster, const model::ClusterStatus& status,
                                const Person& person, std::string_view smb_host,
                                const std::function<bool(std::string_view ns)>& may_see);

}  // namespace dlws::portal::cluster

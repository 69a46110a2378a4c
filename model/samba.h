// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <expected>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/dlcluster.h"
#include "model/dluser.h"

/// @file
/// What the Samba server of a cluster is told: which storages it shows, and to whom. Pure.
///
/// Files made over SMB belong to the same uid and gid as those that jobs make: the server's
/// accounts are the DLUsers. Source of every option: smb.conf(5) of Samba 4.17.

namespace dlws::model {

/// Port of the server in its container: one that needs no privilege. The Service has 445.
inline constexpr int kSambaPort = 1445;
/// Folder of the files in the server's container.
inline constexpr std::string_view kSambaFolder = "/run/dlws-samba";

struct SambaSettings {
    /// Empty: the server knows its users itself, by the passwords in Secrets. Else it is a member
    /// of that Active Directory domain, whose users it takes by the names of the DLUsers.
    std::string realm;                     ///< "LAB.EXAMPLE"
    std::string workgroup;                 ///< the domain's short name, "LAB"
    std::string computer = "DLWORKSPACE";  ///< the server's name, at most 15 characters
    bool operator==(const SambaSettings&) const = default;
};

/// Contents of files in kSambaFolder by their names, which are the keys of the ConfigMap: smb.conf;
/// passwd and group with every account there is in the container; users.map, the domain's accounts
/// of the DLUsers.
using SambaFiles = std::map<std::string, std::string, std::less<>>;
inline constexpr std::string_view kSmbConf = "smb.conf", kSambaPasswd = "passwd",
                                  kSambaGroup = "group", kSambaUsersMap = "users.map";
inline constexpr std::array kSambaFileNames{kSmbConf, kSambaPasswd, kSambaGroup, kSambaUsersMap};

struct SambaConfig {
    SambaFiles files;
    std::vector<std::string> problems;  ///< shares that are left out and why, in sentences
};

/// `users`: those who may log in. Storages of kind HostMount with a `share` are shown; one for each
/// user or job shows only the user's own folder.
SambaConfig RenderSamba(const DLCluster& cluster, const std::vector<DLUser>& users,
                        const SambaSettings& settings);

/// Names of the storages that RenderSamba() shows.
std::vector<std::string> SharedStorages(const DLCluster& cluster);

/// Of a ConfigMap. Error: a sentence with the field's path.
std::expected<SambaFiles, std::string> ParseSambaFiles(std::string_view json);
/// The merge patch that makes the ConfigMap with the files `has` one with the files `wanted`.
std::string SambaPatch(const SambaFiles& has, const SambaFiles& wanted);

}  // namespace dlws::model

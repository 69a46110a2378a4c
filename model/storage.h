// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/dljob.h"

/// @file
/// The storages of a cluster, and where a job's folders are in them. Pure values.
///
///     <hostPath>/<path>                                            layout shared
///     <hostPath>/<path>/<user>                                     layout perUser
///     <hostPath>/<path>/<user>/<yyyy-mm>/<job>-<8 of its uid>      layout perJob
///
/// The first part of each, up to the user's folder, is the administrator's: nobody can replace it
/// by a link. What comes after it is the user's, and is resolved by whoever opens it without
/// leaving the first part.

namespace dlws::model {

struct PodUser;

enum class StorageKind {
    HostMount,              ///< the administrator mounted it on every node
    PersistentVolumeClaim,  ///< a claim of that name in the job's namespace
};

enum class StorageLayout { Shared, PerUser, PerJob };

struct Storage {
    std::string name;  ///< what jobs write
    StorageKind kind = StorageKind::HostMount;
    std::string hostPath;  ///< HostMount: the mount point on every node, absolute
    std::string claim;     ///< PersistentVolumeClaim: its name
    std::string path;      ///< folder below it, relative; empty = all of it
    StorageLayout layout = StorageLayout::Shared;
    bool readOnly = false;
    std::vector<std::string> namespaces;  ///< of jobs; empty = all
    std::string fileSystem;  ///< as the kernel names it (nfs4, fuse.glusterfs); empty = any
    std::string sentinel;    ///< file below the mount point that must be there; empty = none
    std::string share;       ///< name by which SMB shows it; empty = it does not
    /// Why nobody can use it; empty: they can. It breaks no other storage.
    std::string problem;
    bool operator==(const Storage&) const = default;
};

/// Soft links on every node, by which people find the storages: `<root>/<folder>`.
struct SystemFolder {
    std::string folder;   ///< storage, work or jobfiles
    std::string storage;  ///< the name of one
    bool operator==(const SystemFolder&) const = default;
};

inline constexpr std::string_view kSystemRoot = "/dlwsdata";

/// What `sharedFolder` is short for: storages data, work and jobfiles in three folders of it.
std::vector<Storage> SharedFolder(std::string_view host_path);

/// Sets `problem` of those that nobody can use.
void CheckStorages(std::vector<Storage>& storages);

/// Relative, and without '..'.
bool StaysBelow(std::string_view path);

/// The administrator's part of a HostMount, of everybody: `<hostPath>/<path>`.
std::string HostFolder(const Storage& storage);

/// `<yyyy-mm>/<job>-<8 of its uid>`, below the user's folder. The month is that of its creation.
std::string JobFolder(const Metadata& job);

/// Where the storage `storage` is for a job.
struct StorageFolder {
    std::string host;   ///< HostMount: what the node mounts, absolute; else empty
    std::string below;  ///< the rest, relative; may be empty
};
/// `path`: the job's own, below that.
StorageFolder FolderOf(const Storage& storage, std::string_view path, const Metadata& job,
                       std::string_view user);

}  // namespace dlws::model

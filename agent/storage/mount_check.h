// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/dlnode.h"

/// @file
/// What one storage is like on this node, found by touching it. A network mount whose server is
/// gone blocks whoever touches it, without end and deaf to signals, so this runs in a child
/// (prober.h); nothing here may be called by a process that must go on.

namespace dlws::agent {

using model::StorageState;
using model::StorageStateOf;

/// One storage, and when it counts as healthy. Not an aggregate: see kube/api.h.
struct MountToCheck {
    MountToCheck() {}
    /// Absolute, and exactly the mount point as this process sees it. In a container it must lie
    /// *below* a hostPath volume (mountPropagation HostToContainer): the volume's own folder is a
    /// mount point whether the host has mounted something there or not.
    std::string path;
    std::string below;        ///< the folder of the storage that jobs use, relative; empty: `path`
    std::string file_system;  ///< as in /proc/self/mountinfo, "nfs4" for example; empty: any
    std::string sentinel;     ///< must exist, relative to `path`; empty: none
    std::string node_name;    ///< in the name of the probe's file: nodes share the folder
    bool read_only = false;   ///< jobs only read: no write probe, and free space does not matter
    std::int64_t min_free_bytes = std::int64_t{1} << 30;  ///< less: Full
    std::int64_t min_free_inodes = 1000;                  ///< less: Full
};

/// Nothing in `message` changes while the state stays, so that it can be published as it is.
struct StorageFact {
    StorageState state = StorageState::Healthy;
    std::string reason;   ///< a CamelCase word that never changes its meaning
    std::string message;  ///< a sentence for an administrator; empty when all is well
    std::string file_system;
    std::int64_t bytes_total = 0, bytes_free = 0;    ///< free to others than root
    std::int64_t inodes_total = 0, inodes_free = 0;  ///< total 0: no limit, or not told
};

/// The type of what is mounted at `path` in the text of /proc/self/mountinfo (proc(5)); of several
/// mounts on one path the last, which hides the others. Nothing: no mount point. Pure.
std::optional<std::string> FileSystemAt(std::string_view mountinfo, std::string_view path);

/// What is wrong with the question, as a sentence; empty: nothing. Pure.
std::string Refusal(const MountToCheck& mount);

/// The name of the file that the write probe makes and removes.
std::string ProbeName(const MountToCheck& mount);

/// Looks. May block for ever.
StorageFact CheckMount(const MountToCheck& mount);

}  // namespace dlws::agent

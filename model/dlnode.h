// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/dljob.h"
#include "model/time.h"

namespace dlws::model {

/// What a storage is like on one node.
enum class StorageState {
    Healthy,   ///< jobs can use it
    Hung,      ///< does not answer within the deadline
    Missing,   ///< not mounted, another file system, or answers with errors
    Full,      ///< too few bytes or inodes are free
    ReadOnly,  ///< cannot be written to, though it should
};
inline constexpr std::size_t kStorageStates = 5;

std::string_view ToString(StorageState state);
std::optional<StorageState> StorageStateOf(std::string_view name);

/// One storage as the agent of a node finds it; crds/dlnode.yaml describes each field.
struct NodeStorage {
    std::string name;  ///< in DLCluster
    StorageState state = StorageState::Healthy;
    std::string reason, message;
    std::optional<Time> since;  ///< when `state` became what it is
    std::optional<Time> lostSince, lostUntil;
    std::string mount;  ///< which mount it is; after another one old pods must be restarted
    std::optional<Time> remountedAt;
    std::string fileSystem;
    std::int64_t bytesTotal = 0, bytesFree = 0, inodesTotal = 0, inodesFree = 0;
    bool operator==(const NodeStorage&) const = default;
};

/// A user's folder on a storage, of which there is something to tell.
struct NodeHome {
    std::string storage, user;    ///< names of storage and DLUser
    std::string reason, message;  ///< why it is not there; empty: it is
    /// Of the folder itself; less than the storage's own where the file system has a quota for it.
    std::int64_t bytesTotal = 0, bytesFree = 0;
    bool operator==(const NodeHome&) const = default;
};

/// A typed view of a DLNode: what the agent of the node of that name tells. A plain value.
struct DLNode {
    Metadata meta;
    std::optional<Time> checkedAt;  ///< when the check of it began; told anew each minute
    std::vector<std::string> problems;
    std::vector<NodeStorage> storages;
    std::vector<NodeHome> homes;
    bool operator==(const DLNode&) const = default;
};

/// What an agent told counts for so long; it renews it each minute. As far ahead of `now` it does
/// not count either: that clock is wrong, and would hide that the agent is gone.
inline constexpr std::chrono::seconds kStale{180};
bool IsFresh(const DLNode& node, Time now);

/// Null: there is none of that name. Valid as long as the node.
const NodeStorage* FindStorage(const DLNode& node, std::string_view name);

/// As ParseDLJob: tolerant of unknown and absent fields; error: a sentence with the field's path.
/// A storage in a state that this version does not know is left out.
std::expected<DLNode, std::string> ParseDLNode(std::string_view json);

/// The document of `status`, as ParseDLNode reads it: texts are cut to what the CRD takes, and
/// what is empty is left out. Equal values give equal bytes.
std::string StatusJson(const DLNode& node);

}  // namespace dlws::model

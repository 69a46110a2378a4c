// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

/// @file
/// `status` of the DLCluster: what the operator says about the storages. Plain values.

namespace dlws::model {

/// crds/dlcluster.yaml describes each field.
struct StorageStatus {
    std::string name;
    std::string problem;                   ///< why nobody can use it; empty: they can
    int nodesHealthy = 0, nodesTotal = 0;  ///< total 0: no node is asked about it
    std::int64_t bytesTotal = 0, bytesFree = 0, inodesTotal = 0, inodesFree = 0;
    std::string message;
    bool operator==(const StorageStatus&) const = default;
};

struct ClusterStatus {
    std::int64_t observedGeneration = 0;
    std::string summary;                  ///< all storages in a few words, for a column
    std::vector<StorageStatus> storages;  ///< in the order of the spec
    bool operator==(const ClusterStatus&) const = default;
};

/// Reads `status` of a whole DLCluster document; no status at all is an empty one.
std::expected<ClusterStatus, std::string> ParseClusterStatus(std::string_view dlclusterJson);

/// A JSON merge patch (RFC 7386) for the `status` subresource that makes it this, with metadata.uid
/// and metadata.resourceVersion as preconditions. Fields that are not ours stay.
std::string ClusterStatusPatch(const ClusterStatus& status, std::string_view uid,
                               std::string_view resourceVersion);

}  // namespace dlws::model

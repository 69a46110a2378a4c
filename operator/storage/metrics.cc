// SPDX-License-Identifier: Apache-2.0
#include "operator/storage/metrics.h"

#include <cstdint>
#include <limits>

namespace dlws::storage {

void WriteSamples(const model::ClusterStatus& status, const StorageTroubles& troubles,
                  kube::Samples& out) {
    using kube::Samples;
    const auto each = [&](std::string_view name, std::string_view help, auto value) {
        if (!out.Family(name, Samples::kGauge, help)) return;
        for (const model::StorageStatus& s : status.storages)
            out.Add({{"storage", s.name}}, value(s));
    };
    // 0 would be an alarm; of what is not a number no comparison is true.
    const auto space = [](const model::StorageStatus& s, std::int64_t bytes) {
        return s.bytesTotal > 0 ? double(bytes) : std::numeric_limits<double>::quiet_NaN();
    };
    each("dlws_storage_bytes_free", "Free space for users in bytes; NaN: no healthy node tells it",
         [&](const auto& s) { return space(s, s.bytesFree); });
    each("dlws_storage_bytes_capacity", "Size in bytes; NaN: no healthy node tells it",
         [&](const auto& s) { return space(s, s.bytesTotal); });
    if (out.Family("dlws_storage_nodes", Samples::kGauge,
                   "Nodes by what the storage is like there; Unknown: the node's agent is silent"))
        for (const model::StorageStatus& s : status.storages) {
            const StorageTroubles::Counts counts = troubles.CountsOf(s.name);
            for (std::size_t i = 0; i < counts.size(); ++i) {
                const auto state =
                    i < model::kStorageStates ? SeenState(model::StorageState(i)) : std::nullopt;
                out.Add({{"storage", s.name}, {"state", ToString(state)}}, counts[i]);
            }
        }
    each("dlws_storage_problem", "1: nobody can use it because of what DLCluster says of it",
         [](const auto& s) { return s.problem.empty() ? 0.0 : 1.0; });
}

}  // namespace dlws::storage

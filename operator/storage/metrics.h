// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/metrics.h"
#include "model/cluster_status.h"
#include "operator/storage/troubles.h"

namespace dlws::storage {

/// What Prometheus learns of storages (docs/reference/metrics.md lists it). Pure but for the
/// writing.
void WriteSamples(const model::ClusterStatus& status, const StorageTroubles& troubles,
                  kube::Samples& out);

}  // namespace dlws::storage

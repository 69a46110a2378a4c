// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

#include "caches/gpus.h"
#include "kube/metrics.h"

namespace dlws::node {

/// Publishes WriteSamples() of what `gpus` knows, once it has read all and while `leading`: of
/// several replicas one. All of it must outlive `metrics`' last use.
void PublishGpus(kube::Metrics& metrics, const caches::Gpus& gpus, std::function<bool()> leading);

/// More pairs of namespace and user than that get no series of their own: those that hold least.
inline constexpr std::size_t kMaxHolderSeries = 1'000;

/// What Prometheus learns of GPUs (docs/reference/metrics.md lists it). Pure but for the writing.
void WriteSamples(const model::NodeSummary& summary, kube::Samples& out);

}  // namespace dlws::node

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "model/time.h"

/// @file
/// What is known of a Kubernetes Node as far as GPUs go. Pure.
///
///     informer.transform = [](kube::Object& node) { node.raw = NodeProjection(node.raw); };
///     auto facts = ParseNode(node.raw, cluster.gpu.typeLabel);

namespace dlws::model {

/// The type of GPUs that no label tells.
inline constexpr std::string_view kUnknownGpuType = "unknown";
/// What is wrong with a node in one word, where it is not the type of a condition.
inline constexpr std::string_view kNotReady = "NotReady", kTainted = "Tainted",
                                  kGpusBroken = "GpusBroken", kCordoned = "Cordoned";
/// More GPUs of one node, or of one pod, are taken for so many: sums of all stay in an int.
inline constexpr int kMostGpus = 10'000;

/// Characters that are kept of a condition's type, and of its message.
inline constexpr std::size_t kMaxTroubleText = 256;

/// Why no new pod should count on a node, as a condition or taint says it.
struct NodeTrouble {
    std::string reason;  ///< kNotReady, kTainted, or the type of a condition
    std::string message;
    std::optional<Time> since;
    bool operator==(const NodeTrouble&) const = default;
};

/// A plain value, about 200 bytes.
struct NodeFacts {
    std::string name;
    std::string gpuType;  ///< empty: it has no GPUs
    int gpus = 0;         ///< status.capacity
    int allocatable = 0;  ///< status.allocatable: without those that the device plugin calls broken
    bool cordoned = false;
    std::optional<Time> cordonedSince;   ///< if Kubernetes has told
    std::optional<NodeTrouble> trouble;  ///< the worst one; none: healthy
    bool operator==(const NodeFacts&) const = default;
};

/// Reads a Node. Its GPU type is the label `typeLabel`, else what NVIDIA's feature discovery says.
///
/// A node is in trouble that is not Ready; that has another condition which is True, unless its
/// name says something good (EtcdIsVoter, …Ready, …Healthy), so that what a node problem detector
/// finds counts; or that Kubernetes, a cloud or an autoscaler has tainted with NoSchedule or
/// NoExecute. Taints of administrators are none, and a cordon is told by itself. Error: a sentence.
std::expected<NodeFacts, std::string> ParseNode(std::string_view json, std::string_view typeLabel);

/// The same Node with nothing but what ParseNode reads: 0.2 KB where a Node is up to 20 KB, and
/// about 1 KB of one with GPUs, because whichever label may yet be named as that of the type is
/// kept. What cannot be read is returned as it is.
std::string NodeProjection(std::string_view json);

/// A count of GPUs within 0 and kMostGpus; what is no number is 0.
int GpuCount(std::string_view quantity);

}  // namespace dlws::model

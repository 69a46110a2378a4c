// SPDX-License-Identifier: Apache-2.0
// Times as Kubernetes writes them (metav1.Time, MicroTime). Internal to kube/.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace dlws::kube::internal {

/// "2026-01-31T08:00:00Z", with a fraction and with an offset too; nothing when it is something
/// else.
std::optional<std::chrono::system_clock::time_point> ParseRfc3339(std::string_view text);

}  // namespace dlws::kube::internal

// SPDX-License-Identifier: Apache-2.0
// Small helpers of configuration and credentials. Internal to kube/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "kube/error.h"

namespace dlws::kube::internal {

/// A whole file of at most `limit` bytes. kInvalidArgument names the file and the reason.
Result<std::string> ReadSmallFile(const std::string& path, std::size_t limit = 1u << 20);

/// Without spaces and line ends at both ends.
std::string Trimmed(std::string_view text);

}  // namespace dlws::kube::internal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "kube/error.h"

namespace dlws::kube {

/// A whole file of at most `limit` bytes. kInvalidArgument names the file and the reason. Does not
/// wait: a pipe in the place of a file reads as empty.
Result<std::string> ReadSmallFile(const std::string& path, std::size_t limit = 1u << 20);

namespace internal {

/// Without spaces and line ends at both ends.
std::string Trimmed(std::string_view text);

}  // namespace internal
}  // namespace dlws::kube

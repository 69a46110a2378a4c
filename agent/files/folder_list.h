// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace dlws::agent {

/// The names in an open folder without "." and "..", in no order; what comes and goes meanwhile may
/// be among them or not. Not more than `most`: a user can fill a folder with more names than we
/// have memory. Error: an errno. Thread-safe.
std::expected<std::vector<std::string>, int> ListFolder(int folder, std::size_t most = SIZE_MAX);

}  // namespace dlws::agent

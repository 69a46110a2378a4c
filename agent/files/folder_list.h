// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <vector>

namespace dlws::agent {

/// The names in an open folder without "." and "..", in no order; what comes and goes meanwhile may
/// be among them or not. Error: an errno. Thread-safe.
std::expected<std::vector<std::string>, int> ListFolder(int folder);

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace dlws::cli {

/// The whole file, "-" being standard input. Throws a Failure (kCommandLine) when it cannot be read
/// or is longer than `most` bytes.
std::string ReadFile(const std::string& path, std::size_t most);
/// The same; nothing when there is no such file.
std::optional<std::string> ReadFileIfThere(const std::string& path, std::size_t most);

/// Writes the file anew, by a rename, so that it is always whole, for its owner alone (0600; the
/// folder, where it is made, 0700). Throws a Failure.
void WritePrivateFile(const std::string& path, const std::string& text);

}  // namespace dlws::cli

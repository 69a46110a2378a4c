// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dlws::cli {

struct World;

/// What may stand for the last of `words` (which may be empty), the program's name left out.
struct Candidates {
    std::vector<std::string> words;
    bool jobs = false;   ///< names of jobs too
    bool files = false;  ///< the shell completes names of files
};

/// Pure.
Candidates Complete(const std::vector<std::string>& words);

/// Prints them, a line each, for the scripts below; names of jobs are asked of the portal, for two
/// seconds at most. What goes wrong is silent: the cursor stands in a half-written line.
int PrintCandidates(const World& world, const std::vector<std::string>& words);

/// A script for "bash" or "zsh", for a program of that name.
std::string CompletionScript(std::string_view shell, std::string_view program);

}  // namespace dlws::cli

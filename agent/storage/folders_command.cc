// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/folders_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string_view>

namespace dlws::agent {
namespace {

namespace fs = std::filesystem;

// Empty: it is there.
std::string Problem(bool make, const std::string& name, const fs::path& folder,
                    std::string_view below) {
    std::error_code error;
    if (fs::is_directory(folder, error)) return "";
    if (fs::is_symlink(fs::symlink_status(folder, error)))
        return fmt::format(
            "storage {}: {} is a link that leads nowhere inside the storage: remove "
            "it, or choose another path",
            name, below);
    if (error && error != std::errc::no_such_file_or_directory)
        return fmt::format("storage {}: folder {}: {}", name, below, error.message());
    if (!make)
        return fmt::format(
            "storage {} has no folder {}, and the job only reads it: put the data "
            "there, or correct the path",
            name, below);
    fs::create_directories(folder, error);
    if (error)
        return fmt::format("storage {}: folder {} cannot be made as uid {}: {}", name, below,
                           ::geteuid(), error.message());
    return "";
}

}  // namespace

int RunMakeFolders(const std::vector<std::string>& args) {
    for (const std::string& arg : args) {
        const bool make = arg.starts_with("make=");
        const std::size_t colon = arg.find(':');
        if ((!make && !arg.starts_with("need=")) || colon == arg.npos) {
            fmt::print(stderr,
                       "dlws-agent make-folders: write make=STORAGE:FOLDER or need=STORAGE:FOLDER, "
                       "not '{}'\n",
                       arg);
            return 2;
        }
        const fs::path root = arg.substr(5, colon - 5);
        const std::string below = arg.substr(colon + 1);
        const std::string wrong = Problem(make, root.filename(), root / below, below);
        if (!wrong.empty()) {
            fmt::print(stderr, "{}\n", wrong);
            return 1;
        }
    }
    return 0;
}

}  // namespace dlws::agent

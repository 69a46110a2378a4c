// SPDX-License-Identifier: Apache-2.0
#include "agent/files/folder_list.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace dlws::agent {

std::expected<std::vector<std::string>, int> ListFolder(int folder, std::size_t most) {
    // Opened anew, because a duplicate would share its place in the list with other threads'.
    const int fd = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return std::unexpected(errno);
    DIR* entries = ::fdopendir(fd);
    if (entries == nullptr) {
        const int code = errno;
        ::close(fd);
        return std::unexpected(code);
    }
    std::vector<std::string> names;
    errno = 0;
    while (names.size() < most) {
        const dirent* entry = ::readdir(entries);
        if (entry == nullptr) break;
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
        errno = 0;
    }
    const int code = errno;
    ::closedir(entries);
    if (code != 0) return std::unexpected(code);
    return names;
}

}  // namespace dlws::agent

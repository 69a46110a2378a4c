// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <system_error>

#include "agent/files/fd.h"

/// @file
/// Opening what lies below a folder that others may write to.

namespace dlws::agent {

/// openat2(2) that neither leaves `folder` nor follows a symbolic link in any part of `path`. None:
/// errno says why (ELOOP: a link is in the way; EXDEV: the path leaves the folder).
inline Fd OpenBeneath(int folder, const std::string& path, int flags) {
    struct open_how how{};
    how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    return Fd(static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how)));
}

/// "No such file or directory" for ENOENT.
inline std::string ErrnoText(int error) {
    return std::generic_category().message(error);
}

}  // namespace dlws::agent

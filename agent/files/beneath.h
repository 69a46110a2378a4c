// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

#include "agent/files/fd.h"

/// @file
/// Opening what lies below a folder that others may write to.

namespace dlws::agent {

/// openat2(2) that neither leaves `folder` nor follows a symbolic link in any part of `path`. None:
/// errno says why (ELOOP: a link is in the way; EXDEV: the path leaves the folder).
/// `mode` is for O_CREAT.
inline Fd OpenBeneath(int folder, const std::string& path, int flags, mode_t mode = 0) {
    struct open_how how{};
    how.flags = std::uint64_t(flags) | O_CLOEXEC;
    how.mode = (flags & O_CREAT) != 0 ? mode : 0;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    long fd = -1;
    // EAGAIN: something was renamed meanwhile, and the kernel cannot tell whether it is beneath.
    for (int tries = 0; tries < 10; ++tries) {
        fd = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
    }
    return Fd(int(fd));
}

/// "No such file or directory" for ENOENT.
inline std::string ErrnoText(int error) {
    return std::generic_category().message(error);
}

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <system_error>
#include <utility>

/// @file
/// Opening what lies below a folder that others may write to.

namespace dlws::agent {

/// A file descriptor that is closed at the end of its life; below 0: none.
class Descriptor {
  public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_;
};

/// openat2(2) that neither leaves `folder` nor follows a symbolic link in any part of `path`. None:
/// errno says why (ELOOP: a link is in the way; EXDEV: the path leaves the folder).
inline Descriptor OpenBeneath(int folder, const std::string& path, int flags) {
    struct open_how how{};
    how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    return Descriptor(
        static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how)));
}

/// "No such file or directory" for ENOENT.
inline std::string ErrnoText(int error) {
    return std::generic_category().message(error);
}

}  // namespace dlws::agent

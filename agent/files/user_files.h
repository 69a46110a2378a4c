// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "agent/files/fd.h"

/// @file
/// Files in users' folders, opened and made **as the user**, so that nothing of ours can be tricked
/// into a place that the user could not write to:
///
///     auto root = OpenRoot("/mnt/shared");
///     auto file = OpenUserFile(root->get(), alice, "work/alice/jobs/digits/logs/worker-0.0.log",
///                              {.create = true, .make_folders = true});
///     if (!file) Report(file.error().message);
///
/// The calling thread takes the user's file system identity for the time of the call: setfsuid and
/// setfsgid, which the kernel keeps for each thread, and setgroups as a raw system call, because
/// the C library's would change every thread. The kernel then drops the capabilities that go past
/// permissions of files. Network file systems get these ids too, so root squashing does not matter;
/// what is opened stays the user's. Quotas hold unless the process has CAP_SYS_RESOURCE: drop it.
///
/// Paths are relative to `root`, and openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS holds
/// them below it: a symbolic link in any place is an error. Needs Linux 5.6 and, to be somebody
/// else, root with CAP_SETUID and CAP_SETGID. Every call may block as long as the storage does.
/// Thread-safe.

namespace dlws::agent {

/// Root (uid or gid 0, or group 0 among the others) is refused everywhere.
struct UserIds {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;  ///< supplementary ones, at most 65536

    bool operator==(const UserIds&) const = default;
};

struct FileError {
    int code = 0;         ///< an errno; EPERM for what we refuse ourselves
    std::string message;  ///< one sentence with the path

    bool IsAbsent() const;  ///< ENOENT
};
template <typename T>
using FileResult = std::expected<T, FileError>;

/// While it lives, the calling thread opens, lists and removes files as somebody else:
///
///     AsUser as_user;
///     if (auto became = as_user.Become(alice, "alice"); !became) return became.error();
///
/// Confined to its thread; at most one lives in a thread.
class AsUser {
  public:
    AsUser() = default;
    AsUser(const AsUser&) = delete;
    AsUser& operator=(const AsUser&) = delete;
    /// The thread is itself again.
    ~AsUser();

    /// Once. `path` is for the error: what would be touched. Error: root, or the kernel refuses.
    FileResult<void> Become(const UserIds& user, std::string_view path);

  private:
    int Change(const UserIds& user);

    std::vector<gid_t> before_;
    bool changed_ = false;
};

/// A folder by its path on the host; the path itself may contain links.
FileResult<Fd> OpenRoot(const std::string& path);

struct OpenUserFileOptions {
    bool create = false;        ///< when absent, with mode 0640 (less what the umask takes)
    bool make_folders = false;  ///< those missing on the way, as MakeUserFolders() does
    bool append = true;         ///< for reading and for writing at the end; false: only reading
};
/// A regular file. Refused: links, devices, pipes, and files with more than one name, because a
/// user may give a name to a file that others write to.
FileResult<Fd> OpenUserFile(int root, const UserIds& user, const std::string& path,
                            const OpenUserFileOptions& options);

/// Makes the folders of `path` that are missing, with `mode` (less what the umask takes), and opens
/// the last one.
FileResult<Fd> MakeUserFolders(int root, const UserIds& user, const std::string& path,
                               mode_t mode = 0750);

}  // namespace dlws::agent

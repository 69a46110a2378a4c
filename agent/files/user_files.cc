// SPDX-License-Identifier: Apache-2.0
#include "agent/files/user_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>

#include "agent/files/beneath.h"

namespace dlws::agent {

namespace {

std::unexpected<FileError> Fail(int code, std::string_view doing, std::string_view path) {
    std::string why = std::generic_category().message(code);
    if (code == ELOOP) why = "there is a symbolic link in the path";
    if (code == EXDEV) why = "the path leaves its root folder";
    return std::unexpected(FileError{code, fmt::format("cannot {} {}: {}", doing, path, why)});
}

std::unexpected<FileError> Refuse(std::string_view path, std::string_view why) {
    return std::unexpected(FileError{EPERM, fmt::format("refused {}: {}", path, why)});
}

/// Raw, because the C library's wrapper would change the groups of every thread.
bool SetGroups(const std::vector<gid_t>& groups) {
    return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

std::optional<std::string> WhyNotUser(const UserIds& user) {
    if (user.uid == 0 || user.gid == 0 || std::ranges::count(user.groups, gid_t(0)) > 0)
        return "files in users' folders are never written as root";
    if (user.uid == uid_t(-1) || user.gid == gid_t(-1)) return "there is no such user";
    return std::nullopt;
}

/// The thread has the user's identity already.
FileResult<Fd> MakeFolders(int root, const std::string& path, mode_t mode) {
    constexpr int kFolder = O_PATH | O_DIRECTORY | O_NOFOLLOW;
    Fd folder = OpenBeneath(root, path, kFolder);
    if (folder) return folder;
    if (errno != ENOENT) return Fail(errno, "open the folder", path);
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string name = path.substr(at, end - at);
        at = end + 1;
        if (name.empty()) continue;
        const int parent = folder ? folder.get() : root;
        Fd next = OpenBeneath(parent, name, kFolder);
        if (!next && errno == ENOENT) {
            if (::mkdirat(parent, name.c_str(), mode) != 0 && errno != EEXIST)
                return Fail(errno, "make the folder", path.substr(0, end));
            next = OpenBeneath(parent, name, kFolder);
        }
        if (!next) return Fail(errno, "open the folder", path.substr(0, end));
        folder = std::move(next);
    }
    return folder;
}

}  // namespace

bool FileError::IsAbsent() const {
    return code == ENOENT;
}

FileResult<void> AsUser::Become(const UserIds& user, std::string_view path) {
    if (const auto why = WhyNotUser(user)) return Refuse(path, *why);
    if (const int code = Change(user); code != 0)
        return Fail(code, fmt::format("become user {} to open", user.uid), path);
    return {};
}

// An error code, or 0.
int AsUser::Change(const UserIds& user) {
    if (user.uid == ::geteuid() && user.gid == ::getegid()) return 0;  // not root, so no choice
    const int count = ::getgroups(0, nullptr);
    if (count < 0) return errno;
    before_.resize(std::size_t(count));
    if (::getgroups(count, before_.data()) < 0) return errno;
    if (!SetGroups(user.groups)) return errno;
    changed_ = true;
    ::setfsgid(user.gid);
    ::setfsuid(user.uid);
    // They say nothing about failure: asking with an impossible id tells what holds now.
    const bool right =
        uid_t(::setfsuid(uid_t(-1))) == user.uid && gid_t(::setfsgid(gid_t(-1))) == user.gid;
    return right ? 0 : EPERM;
}

AsUser::~AsUser() {
    if (!changed_) return;
    ::setfsuid(::geteuid());
    ::setfsgid(::getegid());
    // Going on with a user's groups as root would be wrong in every later call.
    if (!SetGroups(before_) || uid_t(::setfsuid(uid_t(-1))) != ::geteuid()) std::abort();
}

FileResult<Fd> OpenRoot(const std::string& path) {
    Fd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return Fail(errno, "open the folder", path);
    return fd;
}

FileResult<Fd> OpenUserFile(int root, const UserIds& user, const std::string& path,
                            const OpenUserFileOptions& options) {
    // A pipe in the place of a file must not stop us.
    const int flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
                      (options.append ? O_RDWR | O_APPEND : O_RDONLY) |
                      (options.create ? O_CREAT : 0);
    Fd file;
    {
        AsUser as_user;
        if (const auto became = as_user.Become(user, path); !became)
            return std::unexpected(became.error());
        file = OpenBeneath(root, path, flags, 0640);
        const std::size_t slash = path.rfind('/');
        if (!file && errno == ENOENT && options.make_folders && slash != std::string::npos) {
            auto folder = MakeFolders(root, path.substr(0, slash), 0750);
            if (!folder) return std::unexpected(folder.error());
            file = OpenBeneath(folder->get(), path.substr(slash + 1), flags, 0640);
        }
        if (!file) return Fail(errno, "open", path);
    }
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) return Fail(errno, "look at", path);
    if (!S_ISREG(status.st_mode)) return Refuse(path, "it is not a regular file");
    if (status.st_nlink > 1) return Refuse(path, "the file has other names (hard links)");
    return file;
}

FileResult<Fd> MakeUserFolders(int root, const UserIds& user, const std::string& path,
                               mode_t mode) {
    AsUser as_user;
    if (const auto became = as_user.Become(user, path); !became)
        return std::unexpected(became.error());
    return MakeFolders(root, path, mode);
}

}  // namespace dlws::agent

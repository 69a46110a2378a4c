// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/mount_check.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include "agent/files/beneath.h"

namespace dlws::agent {
namespace {

StorageFact With(StorageFact fact, StorageState state, std::string reason, std::string message) {
    fact.state = state;
    fact.reason = std::move(reason);
    fact.message = std::move(message);
    return fact;
}

// \040 and the like: blanks, line ends and backslashes of a path.
std::string Unescaped(std::string_view text) {
    const auto octal = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size() && octal(i + 1) && octal(i + 2) &&
            octal(i + 3)) {
            out += char((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string_view TakeUntil(std::string_view& rest, char end) {
    const std::size_t at = std::min(rest.find(end), rest.size());
    const std::string_view head = rest.substr(0, at);
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return head;
}

std::string ReadMountInfo() {
    std::ifstream file("/proc/self/mountinfo");
    return {std::istreambuf_iterator<char>(file), {}};
}

// `where` could not be used, with this errno.
StorageFact Unusable(StorageFact fact, const std::string& where, int error) {
    const auto missing = [&](std::string reason, std::string_view todo) {
        return With(std::move(fact), StorageState::Missing, std::move(reason),
                    fmt::format("{}: {}; {}.", where, ErrnoText(error), todo));
    };
    switch (error) {
        case ENOTCONN:
        case ESHUTDOWN:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ETIMEDOUT:
            return missing("NotConnected",
                           "its server is gone, or its FUSE process: bring the server back, and if "
                           "that is not enough, unmount and mount the storage again");
        case ESTALE:
            return missing("Stale",
                           "the server has another file system there now: unmount and mount the "
                           "storage again");
        case EIO:
            return missing("InputOutputError",
                           "look into the node's kernel log and the server's log");
        case EACCES:
        case EPERM:
            return missing("NotPermitted",
                           "root of this node may not enter it: allow that in the export, or with "
                           "allow_other where it is FUSE");
        case ENOENT:
        case ENOTDIR:
            return missing("FolderMissing", "create this folder, or correct the storage's path");
        case ELOOP:
        case EXDEV:
            return missing("SymbolicLink",
                           "name the folder itself in the storage's path, without symbolic links");
        default:
            return missing("Unusable", "look into the node's kernel log");
    }
}

StorageFact Full(StorageFact fact, std::string reason, std::string message) {
    return With(std::move(fact), StorageState::Full, std::move(reason), std::move(message));
}

// 0, or the errno of the first step that failed.
int TryToWrite(int folder, const std::string& name) {
    constexpr int kFlags = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
    int file = ::openat(folder, name.c_str(), kFlags, 0600);
    if (file < 0 && errno == EEXIST) {
        // An earlier probe was killed before it could remove its file.
        if (::unlinkat(folder, name.c_str(), 0) != 0) return errno;
        file = ::openat(folder, name.c_str(), kFlags, 0600);
    }
    if (file < 0) return errno;
    int error = 0;
    if (::write(file, "\n", 1) < 0 || ::fsync(file) != 0) error = errno;
    // NFS says only here that a quota is used up.
    if (::close(file) != 0 && error == 0) error = errno;
    if (::unlinkat(folder, name.c_str(), 0) != 0 && error == 0) error = errno;
    return error;
}

StorageFact Probed(StorageFact fact, const MountToCheck& mount, const std::string& where,
                   int error) {
    const std::string file = fmt::format("{}/{}", where, ProbeName(mount));
    switch (error) {
        case 0:
            return fact;
        case EROFS:
            return With(std::move(fact), StorageState::ReadOnly, "ReadOnly",
                        fmt::format("{} can only be read; mount it for writing, or declare the "
                                    "storage readOnly.",
                                    where));
        case ENOSPC:
            return Full(std::move(fact), "NoSpace",
                        fmt::format("{} has no room for one small file; remove files or add space.",
                                    where));
        case EDQUOT:
            return Full(std::move(fact), "QuotaReached",
                        fmt::format("root's or the folder's quota on {} is used up; raise it, or "
                                    "remove files.",
                                    where));
        case EACCES:
        case EPERM:
        case EISDIR:
            // Root is nobody there (root squash), or may not write; users may.
            return With(std::move(fact), StorageState::Healthy, "NotProbed",
                        fmt::format("Whether jobs can write is not known: {}: {}; let root of the "
                                    "nodes write there if it shall be tested.",
                                    file, ErrnoText(error)));
        default:
            return Unusable(std::move(fact), file, error);
    }
}

bool Relative(std::string_view path) {
    return !path.starts_with('/') && !("/" + std::string(path) + "/").contains("/../");
}

}  // namespace

std::optional<Mounted> MountedAt(std::string_view mountinfo, std::string_view path) {
    std::optional<Mounted> found;
    while (!mountinfo.empty()) {
        std::string_view line = TakeUntil(mountinfo, '\n');
        // 36 35 98:0 /root /mnt/point rw,noatime master:1 - ext3 /dev/root rw
        TakeUntil(line, ' ');
        TakeUntil(line, ' ');
        const std::string_view device = TakeUntil(line, ' ');
        TakeUntil(line, ' ');
        if (Unescaped(TakeUntil(line, ' ')) != path) continue;
        // Any number of optional fields, then a dash.
        const std::size_t dash = line.find(" - ");
        if (dash == std::string_view::npos) continue;
        line.remove_prefix(dash + 3);
        found = Mounted{Unescaped(TakeUntil(line, ' ')), std::string(device)};
    }
    return found;
}

std::string Refusal(const MountToCheck& mount) {
    if (!mount.path.starts_with('/') || mount.path.contains("//") || mount.path.contains("/../") ||
        mount.path.ends_with("/..") || (mount.path.size() > 1 && mount.path.ends_with('/')))
        return fmt::format("path must be absolute, with neither .. nor a / at its end, not \"{}\"",
                           mount.path);
    for (const auto& [name, value] :
         {std::pair("below", &mount.below), std::pair("sentinel", &mount.sentinel)})
        if (!Relative(*value))
            return fmt::format("{} must be relative to the mount point, without .., not \"{}\"",
                               name, *value);
    if (mount.node_name.empty() || mount.node_name.contains('/') || mount.node_name.size() > 240)
        return fmt::format("node must be the node's name, not \"{}\"", mount.node_name);
    return {};
}

std::string ProbeName(const MountToCheck& mount) {
    return ".dlws-probe-" + mount.node_name;
}

StorageFact CheckMount(const MountToCheck& mount) {
    StorageFact fact;
    fact.reason = "Healthy";
    auto mounted = MountedAt(ReadMountInfo(), mount.path);
    if (mounted && mounted->file_system == "autofs") {
        // An automounter mounts the storage over its own mount, and only when somebody enters.
        const Fd entered(::open(mount.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        const int error = errno;
        mounted = MountedAt(ReadMountInfo(), mount.path);
        if (!entered || (mounted && mounted->file_system == "autofs"))
            return With(fact, StorageState::Missing, "NotMounted",
                        fmt::format("The automounter of this node mounts nothing at {} ({}); look "
                                    "into its log.",
                                    mount.path, entered ? "no error" : ErrnoText(error)));
    }
    if (!mounted)
        return With(fact, StorageState::Missing, "NotMounted",
                    fmt::format("Nothing is mounted at {}; mount the storage there on this node.",
                                mount.path));
    fact.file_system = mounted->file_system;
    fact.mount = mounted->device;
    if (!mount.file_system.empty() && mount.file_system != fact.file_system)
        return With(fact, StorageState::Missing, "WrongFileSystem",
                    fmt::format("At {} is {}, not {}; mount the right file system, or correct the "
                                "storage's fileSystem.",
                                mount.path, fact.file_system, mount.file_system));

    // O_PATH asks for no right to list the folder, which root of a node need not have.
    const Fd top(::open(mount.path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!top || ::fstat(top.get(), &status) != 0) return Unusable(fact, mount.path, errno);
    if (!mount.sentinel.empty() && !OpenBeneath(top.get(), mount.sentinel, O_PATH)) {
        if (errno != ENOENT) return Unusable(fact, mount.path + "/" + mount.sentinel, errno);
        return With(fact, StorageState::Missing, "SentinelMissing",
                    fmt::format("{0} has no file {1}, so something else is mounted there; mount "
                                "the right one, or create {0}/{1} if it is.",
                                mount.path, mount.sentinel));
    }
    const std::string where = mount.below.empty() ? mount.path : mount.path + "/" + mount.below;
    const Fd folder = OpenBeneath(top.get(), mount.below.empty() ? std::string(".") : mount.below,
                                  O_PATH | O_DIRECTORY);
    if (!folder) return Unusable(fact, where, errno);

    // Unlike stat, it is never answered from a cache. Of the folder: quotas show here.
    struct statvfs space{};
    if (::fstatvfs(folder.get(), &space) != 0) return Unusable(fact, where, errno);
    fact.bytes_total = std::int64_t(space.f_blocks * space.f_frsize);
    fact.bytes_free = std::int64_t(space.f_bavail * space.f_frsize);
    fact.inodes_total = std::int64_t(space.f_files);
    fact.inodes_free = std::int64_t(space.f_favail);
    if (mount.read_only) return fact;
    if (fact.bytes_total > 0 && fact.bytes_free < mount.min_free_bytes)
        return Full(fact, "FewBytesFree",
                    fmt::format("{} has less than {:g} MiB free; remove files or add space.", where,
                                double(mount.min_free_bytes) / (1 << 20)));
    if (fact.inodes_total > 0 && fact.inodes_free < mount.min_free_inodes)
        return Full(fact, "FewInodesFree",
                    fmt::format("{} has room for fewer than {} more files; remove files.", where,
                                mount.min_free_inodes));
    return Probed(fact, mount, where, TryToWrite(folder.get(), ProbeName(mount)));
}

}  // namespace dlws::agent

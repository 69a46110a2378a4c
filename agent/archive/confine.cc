// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/confine.h"

#include <fmt/format.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>

#include "agent/files/beneath.h"

namespace dlws::agent {
namespace {

// All of the first version that is not reading.
constexpr std::uint64_t kChanging =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
// Younger than the headers that we are compiled with.
constexpr std::uint64_t kTruncate = std::uint64_t(1) << 14;  // version 3

std::unexpected<std::string> Fail(const char* what) {
    return std::unexpected(fmt::format("{}: {}", what, ErrnoText(errno)));
}

constexpr std::array kSystem{"/bin",     "/boot",    "/dev",
                             "/etc",     "/lib",     "/lib32",
                             "/lib64",   "/libx32",  "/proc",
                             "/root",    "/run",     "/sbin",
                             "/sys",     "/usr",     "/var/lib/containerd",
                             "/var/log", "/var/run", "/var/lib/kubelet"};
constexpr std::array kAround{"/", "/var", "/var/lib"};

bool IsIn(const std::string& path, const std::string& folder) {
    return path == folder || path.starts_with(folder + "/");
}

}  // namespace

std::expected<void, std::string> BecomeReadOnly() {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Fail("prctl");
    const long version =
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 0) return Fail("this kernel has no Landlock");
    // Moving files between folders is refused even where it is not handled.
    landlock_ruleset_attr rules{};
    rules.handled_access_fs = kChanging | (version >= 3 ? kTruncate : 0);
    const Fd ruleset(int(::syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0)));
    if (!ruleset) return Fail("landlock_create_ruleset");
    if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
        return Fail("landlock_restrict_self");
    return {};
}

std::string WrongArchiveRoot(const std::string& root) {
    std::string clean = std::filesystem::path(root).lexically_normal();
    while (clean.size() > 1 && clean.ends_with('/'))
        clean.pop_back();
    const std::string around = std::filesystem::path(clean).parent_path();
    for (const char* folder : kSystem)
        if (IsIn(clean, folder))
            return fmt::format(
                "{} is a folder of the system: archived logs are in a folder below "
                "the mount point of a storage, such as /mnt/data/jobfiles",
                folder);
    if (std::ranges::find(kAround, clean) != kAround.end() ||
        std::ranges::find(kAround, around) != kAround.end())
        return fmt::format("{} must be below a folder of its own: /mnt/data, not /data", root);
    return "";
}

}  // namespace dlws::agent

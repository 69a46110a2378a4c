// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/homes.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <utility>

#include "agent/files/beneath.h"

namespace dlws::agent {
namespace {

constexpr int kTries = 8;
constexpr mode_t kMode = 0700;

HomeOutcome Problem(std::string reason, std::string message) {
    HomeOutcome outcome;
    outcome.reason = std::move(reason);
    outcome.message = std::move(message);
    return outcome;
}

HomeOutcome Failed(std::string_view what, int error) {
    const bool refused = error == EPERM || error == EACCES;
    return Problem(refused ? "NotPermitted" : "CannotMake",
                   fmt::format("{} cannot be made: {}; {}.", what, ErrnoText(error),
                               refused ? "let root of the nodes write there and give folders away "
                                         "(no_root_squash), or make it by hand"
                                       : "see whether the storage is full or can only be read"));
}

HomeOutcome Made() {
    HomeOutcome outcome;
    outcome.ready = outcome.made = true;
    outcome.reason = "Made";
    return outcome;
}

// Whether a folder is as mkdir has left it: what is given away holds nothing, and was ours by
// `status`. That is not read anew, because another node may give the folder away at this moment.
bool EmptyAndOurs(int folder, const struct stat& status) {
    if (status.st_uid != ::geteuid() || (status.st_mode & 0777) != kMode) return false;
    Fd copy = OpenBeneath(folder, ".", O_RDONLY | O_DIRECTORY);
    DIR* entries = copy ? ::fdopendir(copy.get()) : nullptr;
    if (!entries) return false;
    copy.Release();
    int count = 0;
    while (::readdir(entries))
        ++count;
    ::closedir(entries);
    return count == 2;  // . and ..
}

std::expected<FoundHome, int> Look(int work, const std::string& name) {
    FoundHome found;
    // With both flags a link is opened itself.
    const Fd there = OpenBeneath(work, name, O_PATH | O_NOFOLLOW);
    if (!there && errno == ENOENT) return found;
    struct stat status{};
    if (!there || ::fstat(there.get(), &status) != 0) return std::unexpected(errno);
    found.what = S_ISDIR(status.st_mode)   ? FoundHome::kFolder
                 : S_ISLNK(status.st_mode) ? FoundHome::kLink
                                           : FoundHome::kOther;
    found.uid = status.st_uid;
    found.half_made = found.what == FoundHome::kFolder && EmptyAndOurs(there.get(), status);
    return found;
}

// Gives away a folder that was made a moment ago. Errno, or 0; EEXIST: another node did it.
int GiveAway(int work, const std::string& name, const Home& home) {
    const Fd folder = OpenBeneath(work, name, O_RDONLY | O_DIRECTORY);
    struct stat status{};
    if (!folder || ::fstat(folder.get(), &status) != 0) return errno;
    if (status.st_uid == home.uid) return EEXIST;
    // On a storage with root squash what root makes is nobody's.
    if (!EmptyAndOurs(folder.get(), status)) return EPERM;
    if (::fchown(folder.get(), home.uid, home.gid) != 0) return errno;
    // The group's bit may have come from the folder above.
    return ::fchmod(folder.get(), kMode) == 0 ? 0 : errno;
}

// Errno, or 0; EEXIST: something has the name now.
int MakeAndRename(int work, const Home& home, kube::Random& random) {
    std::string name;
    int error = EEXIST;
    for (int i = 0; i < kTries && error == EEXIST; ++i) {
        name = fmt::format(".{}.new-{:08x}", home.name,
                           static_cast<std::uint32_t>(random.Uniform() * 4294967296.0));
        error = ::mkdirat(work, name.c_str(), kMode) == 0 ? 0 : errno;
    }
    if (error != 0) return error == EEXIST ? EBUSY : error;
    error = GiveAway(work, name, home);
    if (error == 0 &&
        ::renameat2(work, name.c_str(), work, home.name.c_str(), RENAME_NOREPLACE) != 0)
        error = errno;
    if (error != 0) ::unlinkat(work, name.c_str(), AT_REMOVEDIR);
    return error;
}

// The same, in two steps that others may see.
int MakeInPlace(int work, const Home& home) {
    if (::mkdirat(work, home.name.c_str(), kMode) != 0) return errno;
    const int error = GiveAway(work, home.name, home);
    if (error != 0 && error != EEXIST) ::unlinkat(work, home.name.c_str(), AT_REMOVEDIR);
    return error;
}

// Whether others than root may rename what is in the folder.
bool OthersMayReplace(const struct stat& work) {
    const bool others = (work.st_mode & S_IWOTH) || ((work.st_mode & S_IWGRP) && work.st_gid != 0);
    return others && !(work.st_mode & S_ISVTX);
}

}  // namespace

std::string Refusal(const Home& home) {
    const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto good = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; };
    if (home.name.empty() || home.name.size() > 32 || !letter(home.name[0]) ||
        !std::ranges::all_of(home.name, good))
        return fmt::format(
            "the name of a user's folder must be a small letter and up to 31 small letters, "
            "digits and dashes, not \"{}\"",
            home.name);
    if (home.uid == 0 || home.uid == uid_t(-1) || home.gid == gid_t(-1))
        return fmt::format("user {} must have a uid of 1 to 4294967294", home.name);
    return {};
}

HomeAction DecideHome(const Home& home, const FoundHome& found, std::string_view work,
                      HomeOutcome& outcome) {
    const std::string path = fmt::format("{}/{}", work, home.name);
    switch (found.what) {
        case FoundHome::kAbsent:
            return HomeAction::Make;
        case FoundHome::kLink:
            outcome = Problem("SymbolicLink",
                              fmt::format("{} is a symbolic link, which is not followed; remove "
                                          "it, and the user gets a folder.",
                                          path));
            return HomeAction::Report;
        case FoundHome::kOther:
            outcome = Problem("NoFolder", fmt::format("{} is no folder; move it away, and the user "
                                                      "gets one.",
                                                      path));
            return HomeAction::Report;
        case FoundHome::kFolder:
            break;
    }
    if (found.uid == home.uid) {
        outcome.ready = true;
        outcome.reason = "There";
        return HomeAction::Leave;
    }
    if (found.half_made) return HomeAction::Finish;
    outcome = Problem(
        "OtherOwner",
        fmt::format("{} belongs to uid {}, and user {} has uid {}: if the user's uid has changed, "
                    "give the folder away with chown -R; if it is somebody else's, give the user "
                    "another name.",
                    path, found.uid, home.name, home.uid));
    return HomeAction::Report;
}

HomeOutcome EnsureHome(int work, const std::string& work_name, const Home& home,
                       kube::Random& random, bool exclusive_rename) {
    if (std::string wrong = Refusal(home); !wrong.empty())
        return Problem("Invalid", "Correct the DLUser: " + wrong + ".");
    const std::string path = work_name + "/" + home.name;
    struct stat status{};
    if (::fstat(work, &status) != 0) return Failed(path, errno);
    if (OthersMayReplace(status))
        return Problem("WorkFolderOpen",
                       fmt::format("Users may rename each other's folders in {}; take the right to "
                                   "write from them (chmod go-w), or set the sticky bit.",
                                   work_name));
    // Another node may be faster twice: in making it, and in giving it away.
    for (int look = 0; look < 3; ++look) {
        const auto found = Look(work, home.name);
        if (!found) return Failed(path, found.error());
        HomeOutcome outcome;
        const HomeAction action = DecideHome(home, *found, work_name, outcome);
        if (action == HomeAction::Leave || action == HomeAction::Report) return outcome;
        int error = action == HomeAction::Finish ? GiveAway(work, home.name, home)
                    : exclusive_rename           ? MakeAndRename(work, home, random)
                                                 : MakeInPlace(work, home);
        if (error == EINVAL || error == ENOSYS) error = MakeInPlace(work, home);
        if (error == 0) return Made();
        if (error != EEXIST) return Failed(path, error);
    }
    return Failed(path, EEXIST);
}

}  // namespace dlws::agent

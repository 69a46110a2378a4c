// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/links.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <cstdio>

#include "agent/files/beneath.h"

namespace dlws::agent {
namespace {

Found LookAt(int folder, const std::string& path) {
    struct stat status{};
    if (::fstatat(folder, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return {};
    if (S_ISDIR(status.st_mode)) return {Found::kFolder, ""};
    if (!S_ISLNK(status.st_mode)) return {Found::kFile, ""};
    std::string target(PATH_MAX, '\0');
    const ssize_t size = ::readlinkat(folder, path.c_str(), target.data(), target.size());
    target.resize(size < 0 ? 0 : std::size_t(size));
    return {Found::kLink, target};
}

LinkStep Report(std::string message) {
    return {LinkStep::kReport, "", "", std::move(message)};
}

// A name that begins with a dot could be one of our own temporary ones.
bool GoodName(const std::string& name) {
    return !name.empty() && name[0] != '.' && !name.contains('/');
}

// Errno, or 0.
int ChangeLink(int root, const LinkStep& step) {
    const std::string next = "." + step.name + ".dlws-new";
    if (::symlinkat(step.target.c_str(), root, next.c_str()) != 0) {
        // Left by a process that was killed half-way; unlink removes no folder.
        if (errno != EEXIST || ::unlinkat(root, next.c_str(), 0) != 0 ||
            ::symlinkat(step.target.c_str(), root, next.c_str()) != 0)
            return errno;
    }
    // A file may have come into the link's place after we looked.
    int error = LookAt(root, step.name).what == Found::kLink ? 0 : EEXIST;
    if (error == 0 && ::renameat(root, next.c_str(), root, step.name.c_str()) != 0) error = errno;
    if (error != 0) ::unlinkat(root, next.c_str(), 0);
    return error;
}

}  // namespace

std::vector<LinkStep> PlanLinks(const SystemFolders& folders, const FoundFolders& found) {
    std::vector<LinkStep> steps;
    if (found.root.what == Found::kLink || found.root.what == Found::kFile)
        return {Report(
            fmt::format("{} is a {}, not a folder; move it away, or choose another root "
                        "of the system folders.",
                        folders.root, found.root.what == Found::kLink ? "symbolic link" : "file"))};
    if (found.root.what == Found::kAbsent) steps.push_back({LinkStep::kMakeRoot, "", "", ""});
    for (const auto& [name, target] : folders.links) {
        if (!GoodName(name) || !target.starts_with('/')) {
            steps.push_back(Report(fmt::format(
                "The system folder \"{}\" -> \"{}\" cannot be made: the name must have no / and "
                "not begin with a dot, and what it means must be an absolute path.",
                name, target)));
            continue;
        }
        const auto entry = found.entries.find(name);
        const Found there = entry == found.entries.end() ? Found{} : entry->second;
        switch (there.what) {
            case Found::kAbsent:
                steps.push_back({LinkStep::kMakeLink, name, target, ""});
                break;
            case Found::kLink:
                if (there.target != target)
                    steps.push_back({LinkStep::kChangeLink, name, target, ""});
                break;
            case Found::kFolder:
            case Found::kFile:
                steps.push_back(Report(fmt::format(
                    "{}/{} is a {}, which is left as it is; move it away so that it can become a "
                    "link to {}.",
                    folders.root, name, there.what == Found::kFolder ? "folder" : "file", target)));
        }
    }
    return steps;
}

FoundFolders LookAtLinks(const SystemFolders& folders, const std::string& seen_root) {
    FoundFolders found;
    found.root = LookAt(AT_FDCWD, seen_root);
    if (found.root.what != Found::kFolder) return found;
    for (const auto& [name, target] : folders.links)
        if (GoodName(name)) found.entries[name] = LookAt(AT_FDCWD, seen_root + "/" + name);
    return found;
}

std::vector<std::string> ApplyLinks(const SystemFolders& folders, const std::string& seen_root,
                                    const std::vector<LinkStep>& steps) {
    std::vector<std::string> problems;
    Fd root;
    const auto open_root = [&] {
        root = Fd(::open(seen_root.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    };
    open_root();
    for (const LinkStep& step : steps) {
        int error = 0;
        switch (step.action) {
            case LinkStep::kReport:
                problems.push_back(step.message);
                continue;
            case LinkStep::kMakeRoot:
                if (::mkdir(seen_root.c_str(), 0755) != 0 && errno != EEXIST) error = errno;
                open_root();
                // Whatever the umask is.
                if (error == 0 && (!root || ::fchmod(root.get(), 0755) != 0)) error = errno;
                break;
            case LinkStep::kMakeLink:
                if (::symlinkat(step.target.c_str(), root.get(), step.name.c_str()) != 0)
                    error = errno;
                break;
            case LinkStep::kChangeLink:
                error = ChangeLink(root.get(), step);
        }
        if (error != 0)
            problems.push_back(fmt::format(
                "{}/{} cannot be made: {}; see whether the disk of this node is full or can only "
                "be read.",
                folders.root, step.name, ErrnoText(error)));
    }
    return problems;
}

std::vector<std::string> KeepLinks(const SystemFolders& folders, const std::string& seen_root) {
    return ApplyLinks(folders, seen_root, PlanLinks(folders, LookAtLinks(folders, seen_root)));
}

}  // namespace dlws::agent

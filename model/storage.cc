// SPDX-License-Identifier: Apache-2.0
#include "model/storage.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/names.h"
#include "model/time.h"

namespace dlws::model {

namespace {

std::string Joined(std::string_view a, std::string_view b) {
    if (a.empty() || b.empty()) return std::string(a.empty() ? b : a);
    return fmt::format("{}/{}", a, b);
}

bool IsPlainHostPath(std::string_view path) {
    return path.size() > 1 && path.front() == '/' && path.back() != '/' &&
           path.find("//") == path.npos && path.find(':') == path.npos &&
           StaysBelow(path.substr(1));
}

std::string ProblemOf(const Storage& s) {
    if (s.kind == StorageKind::HostMount && !IsPlainHostPath(s.hostPath))
        return fmt::format("hostPath '{}' must be absolute and written plainly, as /mnt/data",
                           s.hostPath);
    if (s.kind == StorageKind::PersistentVolumeClaim && s.claim.empty())
        return "kind PersistentVolumeClaim needs claim, the name of one";
    if (!StaysBelow(s.path) || !StaysBelow(s.sentinel))
        return "path and sentinel must be relative and without '..'";
    return "";
}

}  // namespace

std::vector<Storage> SharedFolder(std::string_view host_path) {
    const auto in = [&](std::string_view name, std::string_view folder, StorageLayout layout,
                        std::string_view share) {
        Storage s;
        s.name = name;
        s.hostPath = host_path;
        s.path = folder;
        s.layout = layout;
        s.share = share;
        return s;
    };
    return {in(kDataStorage, "storage", StorageLayout::Shared, "data"),
            in(kWorkStorage, "work", StorageLayout::PerUser, "home"),
            in(kJobFilesStorage, "jobfiles", StorageLayout::PerJob, "jobs")};
}

void CheckStorages(std::vector<Storage>& storages) {
    for (Storage& s : storages)
        if (s.problem.empty()) s.problem = ProblemOf(s);
}

bool StaysBelow(std::string_view path) {
    if (path.starts_with('/')) return false;
    for (std::size_t at = 0; at <= path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        if (path.substr(at, end - at) == "..") return false;
        at = end + 1;
    }
    return true;
}

std::string HostFolder(const Storage& storage) {
    return storage.kind == StorageKind::HostMount ? Joined(storage.hostPath, storage.path) : "";
}

std::string JobFolder(const Metadata& job) {
    // Before it is stored a job has neither; nothing is mounted then.
    const std::string month = FormatTime(job.creationTimestamp.value_or(Time{})).substr(0, 7);
    return fmt::format("{}/{}-{}", month, job.name, job.uid.substr(0, 8));
}

StorageFolder FolderOf(const Storage& storage, std::string_view path, const Metadata& job,
                       std::string_view user) {
    const bool on_host = storage.kind == StorageKind::HostMount;
    // A claim has no host folder to begin at: all of it goes through the safe way.
    StorageFolder folder{HostFolder(storage), on_host ? "" : storage.path};
    if (storage.layout != StorageLayout::Shared) {
        std::string& at = on_host ? folder.host : folder.below;
        at = Joined(at, user);
    }
    if (storage.layout == StorageLayout::PerJob)
        folder.below = Joined(folder.below, JobFolder(job));
    folder.below = Joined(folder.below, path);
    return folder;
}

}  // namespace dlws::model

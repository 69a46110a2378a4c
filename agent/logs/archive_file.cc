// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/archive_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

namespace dlws::agent {

FileError ArchiveFile::Error(std::string_view doing) const {
    const int code = errno;
    return {code,
            fmt::format("cannot {} {}: {}", doing, path_, std::generic_category().message(code))};
}

FileResult<void> ArchiveFile::Open(int root, const UserIds& user, const std::string& path) {
    path_ = path;
    auto file = OpenUserFile(root, user, path, {.create = true, .make_folders = true});
    if (!file) return std::unexpected(file.error());
    file_ = std::move(*file);
    return {};
}

FileResult<std::uint64_t> ArchiveFile::Size() const {
    struct stat status{};
    if (::fstat(file_.get(), &status) != 0) return std::unexpected(Error("look at"));
    if (status.st_nlink == 0)
        return std::unexpected(FileError{ENOENT, fmt::format("{} was deleted", path_)});
    return std::uint64_t(status.st_size);
}

FileResult<ArchiveFile::Appended> ArchiveFile::Append(std::uint64_t at,
                                                      std::string_view bytes) const {
    const auto size = Size();
    if (!size) return std::unexpected(size.error());
    if (*size < at) return Appended{Appended::kShorter, *size};
    const auto there = std::size_t(std::min<std::uint64_t>(*size - at, bytes.size()));
    std::vector<char> buffer(std::min<std::size_t>(there, 64 << 10));
    for (std::size_t same = 0; same < there;) {
        const ssize_t n = ::pread(file_.get(), buffer.data(), std::min(buffer.size(), there - same),
                                  off_t(at + same));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return std::unexpected(Error("read"));
        if (n == 0) return Appended{Appended::kShorter, at + same};  // just now
        const std::string_view ours = bytes.substr(same, std::size_t(n));
        const auto differs =
            std::ranges::mismatch(ours, std::string_view(buffer.data(), ours.size()));
        same += std::size_t(differs.in1 - ours.begin());
        if (differs.in1 != ours.end()) {
            // Whole lines: a part that is equal may be so by chance.
            const std::size_t feed = bytes.substr(0, same).rfind('\n');
            return Appended{Appended::kForeign, *size,
                            feed == std::string_view::npos ? 0 : feed + 1};
        }
    }
    if (const auto written = AppendAnyway(bytes.substr(there)); !written)
        return std::unexpected(written.error());
    return Appended{Appended::kDone, std::max(*size, at + bytes.size())};
}

FileResult<void> ArchiveFile::AppendAnyway(std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t n = ::write(file_.get(), bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return std::unexpected(Error("write to"));
        bytes.remove_prefix(std::size_t(n));
    }
    return {};
}

FileResult<bool> ArchiveFile::EndsInLine() const {
    const auto size = Size();
    if (!size) return std::unexpected(size.error());
    if (*size == 0) return false;
    char last = 0;
    if (::pread(file_.get(), &last, 1, off_t(*size - 1)) < 0) return std::unexpected(Error("read"));
    return last != '\n';
}

FileResult<void> ArchiveFile::Sync() const {
    if (::fdatasync(file_.get()) != 0) return std::unexpected(Error("sync"));
    return {};
}

}  // namespace dlws::agent

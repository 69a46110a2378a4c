// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/archive_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/files/beneath.h"
#include "agent/files/folder_list.h"
#include "model/log_archive.h"
#include "model/log_reader.h"

namespace dlws::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr model::LogMicros kTimesGoBack = 2'000'000;
constexpr std::size_t kBlock = 256 << 10;

std::unexpected<FileError> Fail(int code, std::string_view doing, std::string_view path) {
    return std::unexpected(
        FileError{code, fmt::format("cannot {} {}: {}", doing, path, ErrnoText(code))});
}

struct OpenedRoot {
    Fd root;
    UserIds user;
};

FileResult<OpenedRoot> OpenAndLookUp(const JobFolderPath& folder) {
    auto root = OpenRoot(folder.root);
    if (!root) return std::unexpected(root.error());
    const Fd home = OpenBeneath(root->get(), folder.user, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    struct stat status{};
    if (!home || ::fstat(home.get(), &status) != 0) return Fail(errno, "open", folder.user);
    OpenedRoot opened;
    opened.root = std::move(*root);
    opened.user.uid = status.st_uid;
    opened.user.gid = status.st_gid;
    return opened;
}

std::string LogsOf(const JobFolderPath& folder) {
    return fmt::format("{}/{}/logs", folder.user, folder.job);
}

model::ReadAt ReaderOf(int fd) {
    return [fd](std::uint64_t offset,
                std::span<char> into) -> std::expected<std::size_t, std::string> {
        ssize_t n = 0;
        do
            n = ::pread(fd, into.data(), into.size(), off_t(offset));
        while (n < 0 && errno == EINTR);
        if (n < 0) return std::unexpected(ErrnoText(errno));
        return std::size_t(n);
    };
}

/// Error when the time is over; what is read in one piece is read.
model::ReadAt Until(Clock::time_point deadline, model::ReadAt read) {
    return
        [deadline, read = std::move(read)](
            std::uint64_t offset, std::span<char> into) -> std::expected<std::size_t, std::string> {
            if (Clock::now() >= deadline)
                return std::unexpected("it takes too long to find a time in it");
            return read(offset, into);
        };
}

/// Where the last `lines` lines before `end` begin, or as many as there are in kMaxTailBytes and
/// until the deadline. One that has no line feed yet is one, too.
std::expected<std::uint64_t, std::string> SeekToTail(const model::ReadAt& read, std::uint64_t end,
                                                     std::uint64_t lines,
                                                     Clock::time_point deadline) {
    const std::uint64_t first = end - std::min(end, kMaxTailBytes);
    std::string block;          // and behind it as much as a line's time takes
    std::uint64_t found = end;  // start of the earliest line that counts
    std::uint64_t counted = 0;
    std::optional<model::LogMicros> time;  // of that line
    // Of a line that begins at block[i]; false: it does not belong to the tail.
    const auto count = [&](std::uint64_t at, std::size_t i) {
        const auto here = model::ParseLogTime(std::string_view(block).substr(i));
        if (counted >= lines && (!here || !time || *here < *time)) return false;
        ++counted;
        if (here) time = here;
        found = at + i;
        return true;
    };
    for (std::uint64_t at = end; at > first;) {
        if (at < end && Clock::now() >= deadline) return found;
        const std::size_t size = std::min<std::uint64_t>(kBlock, at - first);
        at -= size;
        block.resize(std::min(block.size(), model::kLogTimeSize));
        block.insert(0, size, '\0');
        for (std::size_t had = 0; had < size;) {
            const auto got = read(at + had, std::span(block).subspan(had, size - had));
            if (!got) return std::unexpected(got.error());
            if (*got == 0) return std::unexpected("the file became shorter");
            had += *got;
        }
        for (std::size_t i = size; i > 0; --i) {
            // The line feed at the very end begins no line.
            if (block[i - 1] != '\n' || at + i == end) continue;
            if (!count(at, i)) return found;
        }
    }
    if (first == 0 && end > 0) count(0, 0);
    return found;
}

std::expected<std::uint64_t, std::string> StartOf(const PageRequest& request,
                                                  const model::ReadAt& read, std::uint64_t end) {
    const Clock::time_point deadline = Clock::now() + request.patience;
    if (request.time)
        return model::SeekToTime(Until(deadline, read), end, *request.time - kTimesGoBack);
    if (request.tail) return SeekToTail(read, end, *request.tail, deadline);
    return request.offset.value_or(0);
}

}  // namespace

FileResult<ArchiveList> ListArchives(const JobFolderPath& folder) {
    const auto opened = OpenAndLookUp(folder);
    ArchiveList list;
    if (!opened && opened.error().IsAbsent()) return list;
    if (!opened) return std::unexpected(opened.error());
    const std::string path = LogsOf(folder);
    AsUser as_user;
    if (const auto became = as_user.Become(opened->user, path); !became)
        return std::unexpected(became.error());
    const Fd logs = OpenBeneath(opened->root.get(), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!logs && errno == ENOENT) return list;
    if (!logs) return Fail(errno, "open", path);
    auto names = ListFolder(logs.get(), kMaxArchiveNames + 1);
    if (!names) return Fail(names.error(), "list", path);
    list.cut = names->size() > kMaxArchiveNames;
    if (list.cut) names->pop_back();
    for (std::string& name : *names) {
        struct stat status{};
        if (!model::ParseArchiveFileName(name) ||
            ::fstatat(logs.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(status.st_mode))
            continue;
        list.files.push_back({std::move(name), std::uint64_t(status.st_size)});
    }
    std::ranges::sort(list.files, {}, &ArchiveEntry::name);
    return list;
}

FileResult<ArchivePage> ReadArchivePage(const JobFolderPath& folder, const PageRequest& request) {
    const auto opened = OpenAndLookUp(folder);
    if (!opened) return std::unexpected(opened.error());
    const std::string path = LogsOf(folder) + "/" + request.file;
    const auto file = OpenUserFile(opened->root.get(), opened->user, path, {.append = false});
    if (!file) return std::unexpected(file.error());
    struct stat status{};
    if (::fstat(file->get(), &status) != 0) return Fail(errno, "look at", path);
    ArchivePage page{.size = std::uint64_t(status.st_size)};
    const std::uint64_t end = std::min(page.size, request.end.value_or(page.size));
    const model::ReadAt read = ReaderOf(file->get());
    const auto start = StartOf(request, read, end);
    if (!start) return std::unexpected(FileError{EIO, path + ": " + start.error()});
    page.offset = *start;
    const std::uint64_t left = end - std::min(end, page.offset);
    page.bytes.resize(std::min({left, std::uint64_t(request.bytes), std::uint64_t(kMaxPageBytes)}));
    std::size_t had = 0;
    while (had < page.bytes.size()) {
        const auto got = read(page.offset + had, std::span(page.bytes).subspan(had));
        if (!got) return std::unexpected(FileError{EIO, path + ": " + got.error()});
        if (*got == 0) break;
        had += *got;
    }
    page.bytes.resize(had);
    return page;
}

}  // namespace dlws::agent

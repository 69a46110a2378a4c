// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/files/user_files.h"
#include "model/log_record.h"

/// @file
/// The archived logs of one job (model/log_archive.h), read as the job's user:
///
///     const JobFolderPath folder{"/mnt/shared/jobfiles", "alice", "2026-11/digits-1a2b3c4d"};
///     auto page = ReadArchivePage(folder, {.file = "worker-0.0.log", .time = yesterday});
///
/// Who the user is, says the owner of the folder `<root>/<user>`: the agent made it, in a folder
/// that is root's. So this needs neither DLUsers nor a right to read them, and whoever says the
/// wrong user finds nothing: the rest of the path has the job's own UID.
///
/// No link in any part is followed, and nothing is opened as root. Every call blocks as long as the
/// storage does (read_pool.h). Thread-safe.

namespace dlws::agent {

struct JobFolderPath {
    std::string root;  ///< of all job folders, absolute
    std::string user;  ///< name of the user's folder in it
    std::string job;   ///< below that: model::JobFolder()
};

struct ArchiveEntry {
    std::string name;  ///< as model::ArchiveFileName() makes it
    std::uint64_t bytes = 0;

    bool operator==(const ArchiveEntry&) const = default;
};

struct ArchiveList {
    std::vector<ArchiveEntry> files;  ///< by name
    bool cut = false;                 ///< the folder has more names than were looked at
};
/// Of a job's folder the first kMaxArchiveNames names, as the storage gives them; none when the job
/// has no folder. Anything that is no archive is left out.
FileResult<ArchiveList> ListArchives(const JobFolderPath& folder);
inline constexpr std::size_t kMaxArchiveNames = 5'000;

/// One of `offset`, `time` and `tail` says where the page begins; without any, at the start.
struct PageRequest {
    std::string file;
    std::optional<std::uint64_t> offset;
    /// At a line before which all are older, even where some times go back by up to two seconds.
    std::optional<model::LogMicros> time;
    /// So many lines before `end`, and some more while those before have the same time.
    std::optional<std::uint64_t> tail;
    std::optional<std::uint64_t> end;  ///< of what there is; none: the file's end
    std::size_t bytes = 256 << 10;     ///< at most
    /// So long is looked for where the page begins: a tail is then the lines that were counted, a
    /// time is not found.
    std::chrono::milliseconds patience{2'000};
};
inline constexpr std::size_t kMaxPageBytes = 1 << 20;
/// A tail is looked for in so many bytes; longer ones begin with the first line in them.
inline constexpr std::uint64_t kMaxTailBytes = 16 << 20;

struct ArchivePage {
    std::uint64_t offset = 0;  ///< of the first byte; the start of a line unless it was asked for
    std::uint64_t size = 0;    ///< of the file
    std::string bytes;         ///< cut anywhere
};
FileResult<ArchivePage> ReadArchivePage(const JobFolderPath& folder, const PageRequest& request);

}  // namespace dlws::agent

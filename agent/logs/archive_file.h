// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "agent/files/user_files.h"

namespace dlws::agent {

/// The file in a user's folder that an archive goes to. The user may write to it, shorten it and
/// delete it at any time, so nothing is taken for granted: it looks before each write.
/// Confined to one thread. Each call may take as long as the storage does.
class ArchiveFile {
  public:
    /// Opens or makes it. `root` outlives it.
    FileResult<void> Open(int root, const UserIds& user, const std::string& path);
    void Close() { file_.Reset(); }
    bool IsOpen() const { return bool(file_); }

    /// Bytes now; ENOENT when the user has deleted it.
    FileResult<std::uint64_t> Size() const;

    struct Appended {
        enum Kind {
            kDone,     ///< all bytes are in the file
            kShorter,  ///< the file ends before `at`; nothing was written
            kForeign,  ///< others' bytes are where these belong; nothing was written
        };
        Kind kind = kDone;
        std::uint64_t size = 0;  ///< of the file now
        std::size_t found = 0;   ///< kForeign: as many of the bytes are there, whole lines only
    };
    /// Sees to it that `bytes` follow the file's first `at` bytes. Those that are there already (an
    /// earlier process was killed before it could remember) are compared and not written again.
    /// After an error some bytes may have been written: call it again with the same.
    FileResult<Appended> Append(std::uint64_t at, std::string_view bytes) const;
    /// At the end, wherever that is.
    FileResult<void> AppendAnyway(std::string_view bytes) const;
    /// Does the file end in the middle of a line?
    FileResult<bool> EndsInLine() const;
    FileResult<void> Sync() const;

  private:
    FileError Error(std::string_view doing) const;

    Fd file_;
    std::string path_;
};

}  // namespace dlws::agent

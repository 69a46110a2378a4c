// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/files/fd.h"
#include "agent/files/user_files.h"

/// @file
/// What the agent keeps on its node: a folder on the file system of the containers' logs, with
///
///     links/UID.SEQUENCE.RESTART.INODE   hard links to log files
///     facts/UID.json                     whose logs they are and where they go
///     gone/UID                           the kubelet has removed the pod's folder
///     state/UID.json                     how far they are archived
///
/// The linker writes the first three, the follower the last, and each learns from the other only
/// through these files: whatever is killed, the next one finds the same. Files are replaced whole.
/// Errors are sentences. Thread-safe: it holds nothing but open folders.

namespace dlws::agent {

struct PodFacts {
    std::string uid;  ///< of the pod
    UserIds user;
    std::string storage;  ///< name of the storage with the user's folder
    std::string folder;   ///< of the job, relative to the storage's root
    std::string file;     ///< in `folder`/logs: model::ArchiveFileName()

    bool operator==(const PodFacts&) const = default;
};

struct LogLink {
    std::uint64_t sequence = 0;  ///< in the pod, from 1: older files have smaller ones
    int restart = 0;             ///< of the container
    std::uint64_t inode = 0;

    bool operator==(const LogLink&) const = default;
};

/// By UID; of each pod in the order of their sequence.
using LinksByPod = std::map<std::string, std::vector<LogLink>>;

/// Letters, digits and dashes: what may become a part of a file's name.
bool IsPodUid(std::string_view text);

class NodeFolder {
  public:
    /// Makes it, with mode 0700, and what is in it.
    static std::expected<NodeFolder, std::string> Open(const std::string& path);

    int links() const { return links_.get(); }
    std::string LinkName(std::string_view uid, const LogLink& link) const;
    /// An error is not the same as none: who took it for that would archive everything again.
    std::expected<LinksByPod, std::string> Links() const;
    void RemoveLink(std::string_view uid, const LogLink& link) const;

    std::expected<void, std::string> WriteFacts(const PodFacts& facts) const;
    std::optional<PodFacts> ReadFacts(std::string_view uid) const;
    bool HasFacts(std::string_view uid) const;
    std::expected<std::set<std::string>, std::string> PodsWithFacts() const;

    std::expected<void, std::string> MarkGone(std::string_view uid) const;
    void UnmarkGone(std::string_view uid) const;
    bool IsGone(std::string_view uid) const;
    std::expected<std::set<std::string>, std::string> GonePods() const;
    /// Another text when a link, facts or a mark came or went, save for two changes within a tick
    /// of the system's clock.
    std::string Version() const;
    /// Seconds since it was marked; 0 if it is not.
    std::int64_t GoneFor(std::string_view uid) const;

    /// Survives a loss of power when `durable`.
    std::expected<void, std::string> SaveState(std::string_view uid, std::string_view text,
                                               bool durable) const;
    /// Nothing: there is none.
    std::expected<std::optional<std::string>, std::string> LoadState(std::string_view uid) const;

    /// Facts, state and mark. Links must be gone already.
    void Forget(std::string_view uid) const;

  private:
    Fd links_, facts_, gone_, state_;
};

}  // namespace dlws::agent

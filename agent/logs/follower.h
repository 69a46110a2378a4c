// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "agent/logs/node_folder.h"
#include "kube/random.h"

/// @file
/// Copies what the linker has linked into the archives of the users, each line once:
///
///     auto root = OpenRoot("/mnt/shared");
///     Follower follower(node, root->get(), {.storage = "work"}, random);
///     std::jthread thread([&](std::stop_token stop) { follower.Run(stop); });
///     … follower.Stats() …                                  // for metrics, from any thread
///
/// One follower, with a thread of its own, for each storage: one that hangs holds up no other.
///
/// Exactly once. Bytes are appended, then synced, then the position is saved (at most each second).
/// After a kill -9 the archive may be longer than the position says; the same bytes are made again
/// from the source, compared with what is there, and not written twice. The link, which keeps the
/// source, goes only after the position behind it is on the disk. The exceptions, each with a line
/// in the archive that says so: the user deleted, shortened or wrote to the file; a limit was met.
///
/// When power fails: the node's position is never ahead of what the storage said is safe. A storage
/// that loses what it had confirmed looks as if the user had shortened the file: a line says so,
/// and up to the last file of logs is missing. A local disk that reports an error late (EIO) may
/// hide from us that bytes in its cache never reached it.
///
/// When the storage refuses (full, quota, read-only, stale, gone), the position stays, the links
/// stay, and it tries again after 0.8 to 30 s.

namespace dlws::agent {

struct FollowerSettings {
    std::string storage;  ///< of PodFacts; the other pods are another follower's

    /// Read, turned into lines and appended at once. Larger ones gain nothing and cost memory.
    std::size_t chunk = 256 << 10;
    /// Of one pod before the others have their turn.
    std::size_t round_bytes = 1 << 20;
    /// Pause when there was nothing to do: what a reader of the archive waits for a new line.
    std::chrono::milliseconds poll{100};
    /// What a kill makes us read again; on a network file system also when others see the bytes.
    std::chrono::milliseconds sync_interval{1000};
    std::uint64_t sync_bytes = 16 << 20;
    /// A file whose successor is there counts as complete when nothing was added for so long: the
    /// runtime opens the new file before it lets go of the old one.
    std::chrono::milliseconds settle{1000};
    /// A file of the storage is not held open longer without need.
    std::chrono::seconds idle_close{10};
    /// Logs on the node that wait for the storage: a day of 250 KB/s; a node's disk has more. When
    /// there are more, whole files are dropped, the oldest first.
    std::uint64_t backlog_limit = std::uint64_t(20) << 30;
    /// What a line in an endless loop may take of its user's space. The rest is dropped.
    std::uint64_t archive_limit = std::uint64_t(10) << 30;
    /// A pod that is gone and whose last words cannot be written is forgotten after this.
    std::chrono::seconds give_up{3600};
};

/// changed: by the user; node: our own folder.
inline constexpr std::array kLogErrorKinds{"full",    "quota",   "read-only", "stale", "io",
                                           "refused", "changed", "node",      "other"};

struct FollowerStats {
    std::uint64_t bytes_read = 0;     ///< of log files, those read again too
    std::uint64_t bytes_written = 0;  ///< to archives, those found there already too
    std::uint64_t lines = 0;
    std::uint64_t backlog_bytes = 0;  ///< not archived yet; at most a second old
    std::uint64_t dropped_bytes = 0;  ///< of log files, never to be archived
    std::uint64_t pods = 0;
    std::uint64_t failing_pods = 0;  ///< whose last try failed
    /// Failed tries by kind: those of kLogErrorKinds.
    std::map<std::string, std::uint64_t> errors;
    std::string last_error;  ///< a sentence; stays after it is over
};

class PodLog;
struct LogBuffers;

class Follower {
  public:
    /// `node`, `root` (a folder of the storage's host path) and `random` outlive it.
    Follower(const NodeFolder& node, int root, FollowerSettings settings, kube::Random& random);
    ~Follower();

    /// A turn for each pod. True: there may be more to do at once.
    bool Round();
    /// Rounds until told to stop; then everything is synced.
    void Run(std::stop_token stop);
    /// Thread-safe; the rest is confined to one thread.
    FollowerStats Stats() const;

  private:
    bool Refresh();
    void KeepBacklog();

    const NodeFolder& node_;
    int root_;
    FollowerSettings settings_;
    kube::Random& random_;
    std::map<std::string, std::unique_ptr<PodLog>> pods_;
    std::unique_ptr<LogBuffers> buffers_;
    std::string version_;
    std::chrono::steady_clock::time_point refreshed_{}, housekept_{};
    FollowerStats stats_;
    mutable std::mutex mutex_;
    FollowerStats published_;
};

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/logs/node_folder.h"

/// @file
/// Gives every log file of our pods a second name as soon as it is there, so that nothing is lost
/// when the kubelet rotates it away or deletes the pod:
///
///     Linker linker(node, {}, [&](const std::string& uid) { return cache.Facts(uid); });
///     while (!stop) {
///         if (auto done = linker.Scan(); !done) kube::LogWarning(…, done.error());
///         linker.Wait();
///     }
///
/// What the kubelet does (pkg/kubelet/logs, kuberuntime): the files of a container are
/// `<namespace>_<pod>_<uid>/<container>/<restart>.log`; a full one is renamed to
/// `<restart>.log.<yyyymmdd-hhmmss>` and the runtime opens a new one; all rotated files but the
/// last become `.gz` files of their own; the pod's folder goes with the pod.
///
/// A scan is the truth, inotify only says when to scan at once. A pod nobody knows yet is linked
/// too: its facts may come after its folder is gone. What becomes .gz before the first scan (the
/// agent did not run) is not read.
///
/// Order: files get growing sequence numbers when they are first seen. Those seen together are
/// ordered by restart, then rotated ones by the time in their names, then the current one; and they
/// are a whole list, because a list is believed only when the next one is the same. A file that is
/// missing in it was made later. Inode numbers and file times say less: numbers are reused, and the
/// time of a file is that of its last record.
///
/// Confined to one thread, which should do nothing else: it must not wait for a user's storage.

namespace dlws::agent {

class Linker {
  public:
    enum class Ours { kUnknown, kNo, kYes };
    struct Answer {
        Ours ours = Ours::kUnknown;
        PodFacts facts;  ///< for kYes; its uid need not be set
    };
    /// Called in Scan() for pods without facts, each time until it is not kUnknown. Must not wait.
    using Lookup = std::function<Answer(const std::string& uid)>;

    struct Settings {
        std::string pods_folder = "/var/log/pods";
        std::string container = "main";
        /// A lost event costs no more.
        std::chrono::milliseconds scan_interval{1000};
        /// Links of a pod that is gone and nobody knows. The API server may be away for a while.
        std::chrono::seconds unknown_limit{3600};
    };

    /// `node` outlives it and lies on the file system of `pods_folder`.
    Linker(const NodeFolder& node, Settings settings, Lookup lookup);

    /// Error: a sentence; what could be done was, and the next scan tries again.
    std::expected<void, std::string> Scan();
    /// Until something changed in a folder of interest, `scan_interval` has passed, or Wake().
    void Wait();
    /// From any thread: ends Wait(), for example because a Lookup would now know more.
    void Wake();

    std::uint64_t FilesLinked() const { return files_linked_; }

  private:
    void VisitPod(int pods, const std::string& folder, const std::string& uid,
                  const LinksByPod& links);
    void LinkFiles(int container, const std::string& uid, const std::vector<LogLink>& links);
    void AfterFolders(const std::set<std::string>& seen, const LinksByPod& links);
    Ours Ask(const std::string& uid);
    void Watch(int folder);
    void Complain(std::string what);

    const NodeFolder& node_;
    Settings settings_;
    Lookup lookup_;
    Fd inotify_, wake_;
    std::set<std::string> not_ours_;                      // UIDs with a folder
    std::map<std::string, std::uint64_t> next_sequence_;  // by UID
    std::uint64_t files_linked_ = 0;
    std::string complaint_;  // of this scan, the first
};

}  // namespace dlws::agent

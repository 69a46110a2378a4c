// SPDX-License-Identifier: Apache-2.0
// One pod's logs on their way into its archive. Internal to the follower, see there.
#pragma once

#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/logs/archive_file.h"
#include "agent/logs/follower.h"
#include "agent/logs/follower_state.h"
#include "kube/backoff.h"

namespace dlws::agent {

/// Shared by the pods of a follower.
struct LogBuffers {
    std::string in, out;
};

class PodLog {
  public:
    using Clock = std::chrono::steady_clock;

    /// All references outlive it.
    PodLog(const NodeFolder& node, int root, const FollowerSettings& settings, PodFacts facts,
           kube::Random& random, LogBuffers& buffers, FollowerStats& stats);

    /// `gone` was asked before `links`, so no link is missing when it is true.
    void See(bool gone, std::vector<LogLink> links);
    /// At most about `round_bytes`. True: there may be more.
    bool Step(Clock::time_point now);
    /// Removes links that are done with.
    void Tidy();
    /// Syncs what was appended, and saves the position.
    void Flush();

    bool Finished() const { return finished_; }
    bool Failing() const { return backoff_.Steps() > 0; }
    std::uint64_t Backlog() const;
    /// When the first file that waits was last written to, if it is complete.
    std::optional<std::time_t> Droppable() const;
    /// Leaves that file out; returns its bytes.
    std::uint64_t Drop();

  private:
    const LogLink* Current() const;
    bool Complete(const LogLink& link) const { return gone_ || link != links_.back(); }
    FileResult<void> Load();
    FileResult<bool> Advance(Clock::time_point now);
    FileResult<std::size_t> ReadSome(const LogLink& link, Clock::time_point now);
    void SkipToEnd();
    FileResult<bool> EndFile(const LogLink& link, std::string_view rest, Clock::time_point now);
    FileResult<bool> OpenSource(const LogLink& link);
    FileResult<void> Resume();
    /// Moves a position on, and appends to the text what that adds to the archive.
    using Move = std::function<void(LogPosition&, std::string&)>;
    FileResult<void> Write(const Move& move);
    FileResult<void> Append(std::string_view bytes, const LogPosition& next);
    FileResult<void> WriteAfterOthers(std::string_view bytes, const LogPosition& next);
    FileResult<void> Note(const std::string& text);
    FileResult<void> Sync();
    FileResult<void> Save(bool durable);
    FileResult<void> Finish();
    void Failed(const FileError& error, Clock::time_point now);

    const NodeFolder& node_;
    int root_;
    const FollowerSettings& settings_;
    PodFacts facts_;
    LogBuffers& buffers_;
    FollowerStats& stats_;
    kube::Backoff backoff_;
    Clock::time_point next_try_{}, last_sync_{}, last_write_{};
    std::string complaint_;

    bool gone_ = false;
    std::vector<LogLink> links_;
    Fd source_;  // of position_.sequence
    ArchiveFile archive_;
    bool loaded_ = false;              // the state file was looked for
    bool resumed_ = false;             // the archive was looked at since the start or a failure
    bool saved_ = false;               // there is a state file
    LogPosition position_, synced_;    // now, and as saved
    std::uint64_t safe_sequence_ = 0;  // of a saved position that survives a loss of power
    std::optional<Clock::time_point> end_seen_;
    std::uint64_t end_size_ = 0;
    bool finished_ = false;
};

}  // namespace dlws::agent

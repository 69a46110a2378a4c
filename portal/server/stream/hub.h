// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "portal/server/jobs/job_table.h"
#include "portal/server/stream/subscription.h"

namespace dlws::portal {

/// Where a stream is: all changes of jobs up to this resourceVersion are told. As text `r48211`, or
/// `r48211-1f2e…` with a hash of what the stream is about and may see: another one cannot go on
/// from there.
struct StreamId {
    std::uint64_t version = 0;
    std::optional<std::uint64_t> about;
    bool operator==(const StreamId&) const = default;
};
std::string ToString(const StreamId& id);
std::optional<StreamId> ParseStreamId(std::string_view text);

/// Hands each change of the jobs to all that listen, and lets a stream go on where another one,
/// maybe of another replica, ended: no state of a stream outlives its connection. Confined to the
/// informer's executor.
class Hub {
  public:
    static constexpr std::size_t kMostDeleted = 4096;

    explicit Hub(JobTable& jobs);
    /// Call once, after JobTable::Follow.
    void Follow(kube::Informer& informer);
    /// Those of PodCacheSettings().
    void FollowPods(kube::Informer& informer);

    /// A stream that begins now, or a list that is made now, is told up to here.
    std::uint64_t Version() const { return told_; }
    /// Everything up to here has been seen (and maybe nothing changed since Version()).
    std::uint64_t Seen() const { return seen_; }

    /// Until it is destroyed by who holds it. `wake` is called when it waits.
    void Add(const std::shared_ptr<Listener>& listener, std::function<void()> wake);
    /// Tells it what changed since then, or that nobody knows. `since` must have been seen.
    void Resume(Subscription& subscription, std::uint64_t since) const;
    std::size_t Listeners() const { return listeners_.size(); }

    // What the informer tells.
    void Changed(const RowPtr& before, const RowPtr& after);
    void Progress(std::uint64_t version);
    void PodChanged(const kube::Change& change);

  private:
    struct Deleted {
        std::uint64_t version = 0;  ///< at or before; 0: that of the next progress
        RowPtr row;                 ///< namespace, name, uid and what MayEverFit() looks at
    };
    struct Hearing {
        std::weak_ptr<Listener> listener;
        std::function<void()> wake;
    };
    void ForEach(const std::function<void(Listener&)>& tell);

    const JobTable& jobs_;
    std::vector<Hearing> listeners_;
    std::deque<Deleted> deleted_;  ///< the oldest first
    std::uint64_t told_ = 0, seen_ = 0;
    std::uint64_t floor_ = 0;  ///< deletions up to here are not known any more
    bool changed_ = false;     ///< since the last progress
    bool forgot_ = false;      ///< a deletion whose version was not known yet
};

}  // namespace dlws::portal

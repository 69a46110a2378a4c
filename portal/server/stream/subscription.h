// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "portal/server/access/visible.h"
#include "portal/server/jobs/job_table.h"
#include "portal/server/jobs/query.h"

namespace dlws::portal {

/// Hears of all changes of jobs (hub.h).
class Listener {
  public:
    virtual ~Listener() = default;
    /// `before` null: appeared; `after` null: gone.
    virtual void Changed(const RowPtr& before, const RowPtr& after) = 0;
    /// The same of a pod of a job.
    virtual void PodChanged(const kube::Change&) {}
    /// What is known has become another history: nothing that was told counts any more.
    virtual void Reset(std::string why) = 0;
    /// There is something to tell.
    virtual bool Waits() const = 0;
};

/// What one stream has still to tell of one topic `jobs`: of each job the newest state only. So one
/// who reads fast gets every change at once; for one who reads slowly no memory grows, and over
/// kMostWaiting jobs it has to list anew. Pure.
class Subscription final : public Listener {
  public:
    static constexpr std::size_t kMostWaiting = 1000;

    Subscription(std::string topic, Filter filter, std::string me, Visible visible);

    void Changed(const RowPtr& before, const RowPtr& after) override;
    /// Waits for nothing else until it is taken.
    void Reset(std::string why) override;
    /// Before anything is told: what the caller may see.
    void StartWith(Visible visible) { visible_ = std::move(visible); }
    /// Goes on after a break: the job's state now, if it may have been another one before.
    void Tell(const RowPtr& row);
    /// The same of a job that is gone.
    void TellGone(const RowPtr& row);
    /// What the caller may see has changed: what came into sight is told, what went out of it is
    /// gone.
    void SetVisible(Visible visible, const JobTable& jobs);
    const Visible& visible() const { return visible_; }
    const Filter& filter() const { return filter_; }
    const std::string& topic() const { return topic_; }

    bool Waits() const override { return !waiting_.empty() || !reset_.empty(); }
    std::size_t Waiting() const { return waiting_.size(); }
    /// All that waits, as events; the oldest first.
    std::vector<std::string> Take();

  private:
    struct Item {
        RowPtr row;
        bool gone = false;
    };
    bool Sees(const Row& row) const;
    void Put(Item item);

    const std::string topic_;  ///< as JSON
    const Filter filter_;
    const std::string me_;
    Visible visible_;
    std::vector<Item> waiting_;
    std::unordered_map<std::string, std::size_t> by_uid_;
    std::string reset_;
};

}  // namespace dlws::portal

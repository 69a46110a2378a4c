// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kube/informer.h"
#include "model/dljob.h"

namespace dlws::portal {

/// A job that asks for special permissions, or was decided over.
using AskingJob = std::shared_ptr<const model::DLJob>;

/// Those of all namespaces, kept by the informer of DLJobs. Confined to its executor.
class QuestionTable {
  public:
    /// Call once, before the informer runs; we must outlive it.
    void Follow(kube::Informer& informer);
    void Apply(const kube::Change& change);

    /// The longest waiting first, then by uid. Those of `states` in namespaces for which `visible`
    /// says yes.
    template <typename Visible>
    std::vector<AskingJob> Select(const std::vector<model::ApprovalStatus::State>& states,
                                  Visible visible) const {
        std::vector<AskingJob> found;
        for (const auto& [place, job] : jobs_)
            if (std::ranges::find(states, job->status.approval->state) != states.end() &&
                visible(job->meta.ns))
                found.push_back(job);
        return found;
    }

  private:
    struct Place {
        model::Time since;
        std::string uid;
        auto operator<=>(const Place&) const = default;
    };
    std::map<Place, AskingJob> jobs_;
    std::map<std::string, model::Time> since_;  // by uid
};

/// Since when the job has been in the state that `status.approval` tells; of one that was never
/// told: when it was made (or the epoch).
model::Time AskedSince(const model::DLJob& job);

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "model/dljob.h"
#include "model/pod.h"
#include "model/status.h"

/// @file
/// The pods of a job in order: which of them are the current attempt's, which are in the way.

namespace dlws::job {

/// A place in the gang: a role (index into spec.roles) and the pod's number in it.
struct Slot {
    std::size_t role = 0;
    int index = 0;
    auto operator<=>(const Slot&) const = default;
};

/// Sorts a job's pods once; refers to what it was made from.
class Gang {
  public:
    Gang(const model::DLJobSpec& spec, const model::JobStatus& status,
         const std::vector<model::PodView>& pods);

    /// The current attempt's pod of that slot, or nullptr.
    const model::PodView* At(Slot slot) const;
    const std::map<Slot, const model::PodView*>& Pods() const { return slots_; }
    /// Every other pod of the job: of an older attempt, or of a slot that is no longer wanted.
    const std::vector<const model::PodView*>& Leftovers() const { return leftovers_; }

    int Wanted() const { return wanted_; }
    /// Of the wanted: running, or done well.
    int Running() const { return running_; }
    int Ready() const { return ready_; }
    /// Status per role.
    std::vector<model::RoleStatus> Roles() const { return roles_; }

    /// The pod of that place must be there, because it was once created.
    bool WasCreated(Slot slot) const;
    bool WasLaunched() const;
    /// The attempt of that place's pod.
    int AttemptOf(std::string_view role, int index) const;
    /// True when every role that this one waits for has come so far.
    bool MayStart(const model::Role& role) const;
    /// True when the job's success policy is met. `ending_it`: we end what runs; then a pod that is
    /// being deleted counts for nothing, since a program that saves its work at SIGTERM and exits
    /// with 0 has not done it.
    bool Succeeded(bool ending_it = false) const;

  private:
    void Count();
    int Launched(std::size_t role) const;
    bool RoleIs(std::string_view role, model::StartAfter::When when) const;

    const model::DLJobSpec& spec_;
    const model::JobStatus& status_;
    std::map<Slot, const model::PodView*> slots_;
    std::vector<const model::PodView*> leftovers_;
    std::vector<model::RoleStatus> roles_;
    int wanted_ = 0, running_ = 0, ready_ = 0;
};

}  // namespace dlws::job

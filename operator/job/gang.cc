// SPDX-License-Identifier: Apache-2.0
#include "operator/job/gang.h"

#include <algorithm>

#include "operator/job/failure.h"
#include "operator/job/policy.h"

namespace dlws::job {

using model::PodPhase;
using model::PodView;

Gang::Gang(const model::DLJobSpec& spec, const model::JobStatus& status,
           const std::vector<PodView>& pods)
    : spec_(spec), status_(status) {
    auto slot_of = [&](const PodView& pod) -> const PodView** {
        if (pod.attempt != AttemptOf(pod.role, pod.index)) return nullptr;
        for (std::size_t r = 0; r < spec.roles.size(); ++r)
            if (spec.roles[r].name == pod.role && pod.index >= 0 &&
                pod.index < spec.roles[r].replicas)
                return &slots_[{r, pod.index}];
        return nullptr;
    };
    for (const PodView& pod : pods) {
        const PodView** slot = slot_of(pod);
        if (slot && !*slot)
            *slot = &pod;
        else
            leftovers_.push_back(&pod);
    }
    Count();
}

void Gang::Count() {
    for (std::size_t r = 0; r < spec_.roles.size(); ++r) {
        const model::Role& role = spec_.roles[r];
        model::RoleStatus count{.name = role.name, .replicas = role.replicas};
        for (int i = 0; i < role.replicas; ++i) {
            const PodView* pod = At({r, i});
            if (!pod) continue;
            switch (pod->phase) {
                case PodPhase::Succeeded:
                    ++count.succeeded;
                    break;
                case PodPhase::Failed:
                    ++count.failed;
                    if (EndedWell(*pod, role)) ++running_;
                    break;
                case PodPhase::Running:
                    ++count.running;
                    count.ready += pod->ready;
                    break;
                default:
                    ++count.pending;
            }
        }
        ready_ += count.ready + count.succeeded;
        running_ += count.running + count.succeeded;
        wanted_ += role.replicas;
        roles_.push_back(std::move(count));
    }
}

const PodView* Gang::At(Slot slot) const {
    auto it = slots_.find(slot);
    return it == slots_.end() ? nullptr : it->second;
}

bool Gang::WasLaunched() const {
    return IsLaunched(status_);
}

int Gang::AttemptOf(std::string_view role, int index) const {
    for (const model::ReplacedPod& r : status_.replaced)
        if (r.index == index && r.role == role) return r.attempt;
    return GangAttempt(status_);
}

bool Gang::WasCreated(Slot slot) const {
    if (slot.index >= Launched(slot.role)) return false;
    for (const model::ReplacedPod& r : status_.replaced)
        if (r.index == slot.index && r.role == spec_.roles[slot.role].name) return r.created;
    return true;
}

// Of an elastic role only as many pods as were created in this attempt.

int Gang::Launched(std::size_t role) const {
    if (!WasLaunched()) return 0;
    const model::Role& r = spec_.roles[role];
    if (spec_.elastic && spec_.elastic->role == r.name && status_.elastic)
        return std::min(r.replicas, status_.elastic->launched);
    return r.replicas;
}

bool Gang::RoleIs(std::string_view name, model::StartAfter::When when) const {
    for (std::size_t r = 0; r < spec_.roles.size(); ++r) {
        if (spec_.roles[r].name != name) continue;
        for (int i = 0; i < spec_.roles[r].replicas; ++i) {
            const PodView* pod = At({r, i});
            if (!pod) return false;
            const bool ended = EndedWell(*pod, spec_.roles[r]);
            const bool ready = pod->phase == PodPhase::Running && pod->ready && !pod->deleting;
            if (!ended && !(ready && when == model::StartAfter::Ready)) return false;
        }
        return true;
    }
    return false;
}

bool Gang::MayStart(const model::Role& role) const {
    return std::ranges::all_of(role.startAfter,
                               [&](const auto& a) { return RoleIs(a.role, a.when); });
}

bool Gang::Succeeded(bool ending_it) const {
    const model::Success& success = spec_.success;
    bool first = true, all = WasLaunched();
    for (std::size_t r = 0; r < spec_.roles.size(); ++r) {
        const model::Role& role = spec_.roles[r];
        if (!success.role.empty() && success.role != role.name) continue;
        for (int i = 0; i < role.replicas; ++i) {
            const PodView* pod = At({r, i});
            if (pod && ending_it && pod->deleting) pod = nullptr;
            const bool done = pod && pod->phase == PodPhase::Succeeded;
            if (success.policy == model::Success::RankZero && first) return done;
            if (success.policy == model::Success::Any && done) return true;
            if (!pod || !EndedWell(*pod, role)) all = false;
            first = false;
        }
    }
    return success.policy == model::Success::All && all && !first;
}

}  // namespace dlws::job

// SPDX-License-Identifier: Apache-2.0
#include "operator/job/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "model/reason.h"
#include "operator/job/failure.h"

namespace dlws::job {

using model::Phase;
using model::PodView;
namespace reason = model::reason;

void Launcher::Advance() {
    const bool shrank = was_.elastic && next_.elastic->launched < was_.elastic->launched;
    if (shrank) PublishNext();  // record first: a pod that is gone then was not deleted by somebody
    Delete(world_.pods, [&](const PodView& p) {  // an old attempt's, a stray, or scaled away
        return IsLeftover(p) && (!p.Terminal() || ScaledAway(p));
    });
    decision_.confirm_job = std::ranges::any_of(
        gang_.Leftovers(), [&](auto* p) { return ScaledAway(*p) && !p->deleting; });
    auto ending = std::ranges::count_if(gang_.Leftovers(),
                                        [&](auto* p) { return !p->Terminal() && !ScaledAway(*p); });
    if (ending > 0) {
        const PodView* stuck = FirstNotAnswering();
        Wait(gang_.Pods().empty() ? Phase::Queued : Phase::Restarting, reason::kTerminatingPods,
             stuck ? fmt::format("Restarting: {}", Stuck(*stuck))
                   : fmt::format("{} of an earlier attempt must end before new ones start.",
                                 Plural(int(ending), "pod")));
        return PublishNext();
    }
    if (MustReplace()) {
        const model::Time due = was_.attempts.back().finishTime + RestartDelay(was_);
        LookAgain(due);
        return world_.now < due ? Observe() : Launch();
    }
    gang_.WasLaunched() && !MustGrow() ? Observe() : Launch();
}

bool Launcher::IsLeftover(const PodView& pod) const {
    return std::ranges::find(gang_.Leftovers(), &pod) != gang_.Leftovers().end();
}

// Of the gang that runs, but of a place that is no longer wanted.
bool Launcher::ScaledAway(const PodView& pod) const {
    if (pod.attempt < GangAttempt(was_)) return false;
    return std::ranges::none_of(spec_.roles, [&](const model::Role& role) {
        return role.name == pod.role && pod.index < role.replicas;
    });
}

bool Launcher::IsWanted(const model::ReplacedPod& replaced) const {
    return std::ranges::any_of(spec_.roles, [&](const model::Role& role) {
        return role.name == replaced.role && replaced.index < role.replicas;
    });
}

// A pod that is to be made anew alone has not been yet.
bool Launcher::MustReplace() const {
    return std::ranges::any_of(was_.replaced,
                               [&](const auto& r) { return !r.created && IsWanted(r); });
}

// Of the pods that others are to replace.
std::vector<std::string> Launcher::FencesToClose() const {
    std::vector<std::string> fences;
    for (const model::ReplacedPod& r : was_.replaced)
        if (!r.created && IsWanted(r))
            fences.push_back(model::PodName(world_.job.meta.name, r.role, r.index, r.replaces));
    std::ranges::sort(fences);
    return fences;
}

bool Launcher::MustGrow() const {
    return spec_.elastic && was_.elastic && was_.elastic->launched < spec_.elastic->replicas;
}

void Launcher::Launch() {
    if (!Open()) return;
    if (world_.problem) {  // tell what went wrong last time, then try again
        WaitAs(gang_.Pods().empty() ? Phase::Queued : Phase::Starting, *world_.problem);
        PublishNext();
    }
    // The cache may still show a pod that we deleted when the job shrank: its place would be taken
    // for filled.
    if (gang_.WasLaunched() && MustGrow() && !Listed()) return;
    if (MustReplace() && !Fenced(FencesToClose())) {
        if (!world_.fence_problem) return;
        WaitAs(Phase::Restarting, *world_.fence_problem);
        return PublishNext();
    }
    const bool complete = CreateMissing();
    BeActive();
    next_.pending.reset();
    if (complete) {
        if (!gang_.WasLaunched()) next_.launchTime = world_.now;
        next_.launchedAttempt = GangAttempt(was_);
        for (auto& r : next_.replaced)
            r.created = r.created || IsWanted(r);
        if (next_.elastic) next_.elastic->launched = spec_.elastic->replicas;
    }
    if (complete || Waiting()) Observe();
}

// True when the whole gang is there afterwards.
bool Launcher::CreateMissing() {
    std::map<int, CreatePods> creates;  // by attempt: a pod that is replaced alone has its own
    bool complete = true;
    for (std::size_t r = 0; r < spec_.roles.size(); ++r) {
        if (!gang_.MayStart(spec_.roles[r])) {
            complete = false;
            continue;
        }
        for (int i = 0; i < spec_.roles[r].replicas; ++i) {
            if (const PodView* pod = gang_.At({r, i})) {
                // One that somebody deletes keeps its name busy until it is made again.
                if (pod->deleting) complete = false;
                // One that reaches its node is gone through once more until it is recorded as
                // created: whoever made it may have died before comparing what was stored.
                if (!decision_.rendered->reachesHost || gang_.WasCreated({r, i}) || pod->deleting ||
                    pod->Terminal())
                    continue;
            } else {
                ++next_.roles[r].pending;
            }
            const int attempt = gang_.AttemptOf(spec_.roles[r].name, i);
            CreatePods& create = creates[attempt];
            create.attempt = {attempt, GangAttempt(was_)};
            create.slots.push_back({r, i});
        }
    }
    if (creates.empty()) return complete;
    if (decision_.rendered->files) decision_.writes.push_back(CreateFiles{});
    if (decision_.rendered->sshKeys) decision_.writes.push_back(CreateSshKeys{});
    if (decision_.rendered->service && !world_.service_exists)
        decision_.writes.push_back(CreateService{});
    CreateFences fences{{GangFence()}};
    if (spec_.retry.scope == model::RetryScope::Pod)
        for (const auto& [attempt, create] : creates)
            for (const Slot& slot : create.slots)
                fences.names.push_back(NameOfPod(spec_.roles[slot.role], slot.index));
    decision_.writes.push_back(std::move(fences));
    for (auto& [attempt, create] : creates)
        decision_.writes.push_back(std::move(create));
    return complete;
}

// A role that waits for another one, if any does.
const model::Role* Launcher::Waiting() const {
    for (const model::Role& role : spec_.roles)
        if (!gang_.MayStart(role)) return &role;
    return nullptr;
}

void Launcher::Observe() {
    if (gang_.Running() == gang_.Wanted()) {
        next_.phase = Phase::Running;
        next_.message = gang_.Wanted() == 1 ? "The job's pod runs."
                                            : fmt::format("All {} pods run.", gang_.Wanted());
        if (!next_.startTime) next_.startTime = world_.now;
        SetRunning(true, reason::kAllPodsReady, next_.message);
    } else {
        SayWhatIsMissing();
    }
    if (ServiceMissing()) RestoreService();
    PublishNext();
}

void Launcher::SayWhatIsMissing() {
    std::optional<model::Pending> problem;
    for (const auto& [slot, pod] : gang_.Pods()) {
        auto p = PodProblem(*pod);
        // What somebody must change or do weighs more than what time will mend.
        if (p && (!problem || p->cls > problem->cls)) problem = std::move(p);
    }
    const model::Role* waiting = Waiting();
    if (problem) {
        WaitAs(Phase::Starting, {problem->cls, problem->reason, problem->message});
    } else if (waiting && !gang_.WasLaunched()) {
        std::string names;
        for (const auto& a : waiting->startAfter)
            names += (names.empty() ? "" : ", ") + a.role;
        Wait(Phase::Starting, reason::kWaitsForRole,
             fmt::format("{} of {} run; role {} starts after {}.", gang_.Running(),
                         Plural(gang_.Wanted(), "pod"), waiting->name, names));
    } else {
        Wait(Phase::Starting, reason::kPodsStarting,
             fmt::format("{} of {} run; the others are starting.", gang_.Running(),
                         Plural(gang_.Wanted(), "pod")));
    }
}

// The Service of a running gang was deleted: peers would no longer find each other.
bool Launcher::ServiceMissing() const {
    return gang_.WasLaunched() && gang_.Wanted() > 1 && !world_.service_exists &&
           world_.cluster != nullptr;
}
void Launcher::RestoreService() {
    if (!decision_.rendered) {
        // It holds names alone, so it does not matter what the cluster allows by now.
        model::DLJob job = world_.job;
        job.spec.permissions = {};
        auto rendered = model::Render(job, *world_.cluster);
        if (!rendered) return;
        decision_.rendered = std::make_shared<const model::Rendered>(std::move(*rendered));
    }
    if (!decision_.rendered->service) return;
    decision_.writes.push_back(CreateService{});
}

}  // namespace dlws::job

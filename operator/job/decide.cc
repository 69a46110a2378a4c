// SPDX-License-Identifier: Apache-2.0
#include "operator/job/decide.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "model/names.h"
#include "model/reason.h"
#include "operator/job/failure.h"

namespace dlws::job {
namespace {

using model::JobStatus;
using model::Phase;
using model::PodPhase;
using model::PodView;
namespace reason = model::reason;

std::string Plural(int n, std::string_view what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

// One look at one job. `next_` starts as the published status and becomes the one to publish.
class Decider {
  public:
    explicit Decider(const World& world)
        : world_(world), spec_(world.job.spec), was_(world.job.status), next_(was_) {}

    Decision Run() {
        if (world_.job.meta.Deleting()) return {};  // the garbage collector removes what we own
        if (model::IsTrue(was_.conditions, model::kConditionFinished)) {
            DeleteLive();  // a create that landed late
            return std::move(decision_);
        }
        next_.observedGeneration = world_.job.meta.generation;
        next_.gpus = model::TotalGpus(spec_);
        next_.pending.reset();
        SortPods();
        CountRoles();

        if (was_.failure) {
            Close(Phase::Failed);
        } else if (AllSucceeded()) {
            Finish(Phase::Succeeded, "Every pod ended with exit code 0.");
        } else if (spec_.stop) {
            Close(Phase::Stopped);
        } else if (Suspending()) {
            spec_.suspend ? Suspend() : Resume();
        } else if (auto failure = FirstFailure()) {
            next_.failure = std::move(failure);
            decision_.confirm_missing.clear();
            Close(Phase::Failed);
        } else if (spec_.suspend) {
            decision_.confirm_missing.clear();
            Suspend();
        } else if (decision_.confirm_missing.empty()) {
            Advance();
        }
        return std::move(decision_);
    }

  private:
    using Slot = CreatePods::Slot;

    // ---- what there is ----

    // Pods of the current attempt by slot; everything else is a leftover.
    void SortPods() {
        for (const PodView& pod : world_.pods) {
            if (pod.attempt == was_.attempt) {
                for (std::size_t r = 0; r < spec_.roles.size(); ++r) {
                    if (spec_.roles[r].name != pod.role) continue;
                    if (pod.index < 0 || pod.index >= spec_.roles[r].replicas) break;
                    slots_[{r, pod.index}] = &pod;
                    break;
                }
            }
        }
        for (const PodView& pod : world_.pods)
            if (!IsInSlot(pod)) leftovers_.push_back(&pod);
    }

    bool IsInSlot(const PodView& pod) const {
        for (std::size_t r = 0; r < spec_.roles.size(); ++r) {
            if (spec_.roles[r].name != pod.role) continue;
            auto it = slots_.find({r, pod.index});
            return it != slots_.end() && it->second == &pod;
        }
        return false;
    }

    void CountRoles() {
        next_.roles.clear();
        int ready = 0, wanted = 0;
        for (std::size_t r = 0; r < spec_.roles.size(); ++r) {
            model::RoleStatus role{.name = spec_.roles[r].name,
                                   .replicas = spec_.roles[r].replicas};
            for (int i = 0; i < role.replicas; ++i) {
                auto it = slots_.find({r, i});
                if (it == slots_.end()) continue;
                switch (it->second->phase) {
                    case PodPhase::Succeeded:
                        ++role.succeeded;
                        break;
                    case PodPhase::Failed:
                        ++role.failed;
                        break;
                    case PodPhase::Running:
                        ++role.running;
                        role.ready += it->second->ready;
                        break;
                    default:
                        ++role.pending;
                }
            }
            ready += role.ready + role.succeeded;
            running_ += role.running + role.succeeded;
            wanted += role.replicas;
            next_.roles.push_back(std::move(role));
        }
        wanted_ = wanted;
        next_.ready = fmt::format("{}/{}", ready, wanted);
    }

    bool Launched() const { return was_.launchedAttempt == was_.attempt; }

    bool AllSucceeded() const {
        return Launched() && int(slots_.size()) == wanted_ &&
               std::ranges::all_of(
                   slots_, [](const auto& s) { return s.second->phase == PodPhase::Succeeded; });
    }

    std::optional<model::Failure> FirstFailure() {
        std::optional<FailedPod> first;
        int rank = 0;
        for (std::size_t r = 0; r < spec_.roles.size(); ++r) {
            for (int i = 0; i < spec_.roles[r].replicas; ++i, ++rank) {
                std::optional<model::Failure> failure;
                model::Time at = world_.now;
                if (auto it = slots_.find({r, i}); it != slots_.end()) {
                    // Until the gang is complete, a pod somebody deletes is simply made again.
                    if (!Launched() && it->second->deleting && !it->second->Terminal()) continue;
                    failure = ClassifyPod(*it->second);
                    at = it->second->main.finishedAt.value_or(world_.now);
                } else if (Launched()) {
                    const std::string& role = spec_.roles[r].name;
                    std::string name = model::PodName(world_.job.meta.name, role, i, was_.attempt);
                    if (name == world_.confirmed_missing)
                        failure = MissingPod(name, role, i);
                    else if (decision_.confirm_missing.empty())
                        decision_.confirm_missing = std::move(name);
                }
                if (!failure) continue;
                FailedPod candidate{std::move(*failure), at, rank};
                if (!first || Before(candidate, *first)) first = std::move(candidate);
            }
        }
        if (!first) return std::nullopt;
        return std::move(first->failure);
    }

    int Live() const {
        return int(std::ranges::count_if(world_.pods, [](auto& p) { return !p.Terminal(); }));
    }

    // ---- ends ----

    // The end is decided: say so, then end the pods that still run, then be Finished.
    void Close(Phase outcome) {
        std::string what = outcome == Phase::Failed ? next_.failure->message
                                                    : "Stopped because spec.stop was set.";
        if (int live = Live()) {
            next_.phase = Phase::Stopping;
            next_.message = fmt::format("{} Waiting for {} to end.", what, Plural(live, "pod"));
            SetRunning(false, reason::kStopping, "The job is ending.");
            SetFinished(false, reason::kStopping, "The job's pods are ending.");
            PublishNext();  // record first
            DeleteLive();
            return;
        }
        Finish(outcome, std::move(what));
    }

    void Finish(Phase outcome, std::string message) {
        next_.phase = outcome;
        next_.message = std::move(message);
        next_.finishTime = world_.now;
        const model::Reason& why = outcome == Phase::Succeeded ? reason::kSucceeded
                                   : outcome == Phase::Failed  ? reason::kFailed
                                                               : reason::kStopped;
        SetRunning(false, why, next_.message);
        SetFinished(true, why, next_.message);
        PublishNext();
    }

    // ---- suspend and resume ----

    bool Suspending() const {
        const auto* c = model::FindCondition(was_.conditions, model::kConditionSuspended);
        return c && (c->status == "True" || c->reason == reason::kSuspending.name);
    }

    void Suspend() {
        int left = int(world_.pods.size());
        if (left > 0) {
            next_.phase = Phase::Stopping;
            next_.message = fmt::format("Suspending: waiting for {} to end.", Plural(left, "pod"));
            SetSuspended(false, reason::kSuspending, "The job's pods are ending.");
        } else {
            next_.phase = Phase::Suspended;
            next_.message = "Suspended: set spec.suspend to false to go on.";
            SetSuspended(true, reason::kSuspendRequested, next_.message);
        }
        SetRunning(false, reason::kSuspendRequested, "The job is suspended.");
        SetFinished(false, reason::kNotFinished, "The job is suspended.");
        PublishNext();  // record first
        Delete(world_.pods, [](const PodView&) { return true; });
    }

    // A new attempt, recorded before anything of it is created. An attempt nothing was made of is
    // used now.
    void Resume() {
        if (Launched() || !slots_.empty()) ++next_.attempt;
        next_.phase = Phase::Queued;
        next_.message = "Resumed: the job's pods are about to be created.";
        CountNothing();
        SetSuspended(false, reason::kNotSuspended, "spec.suspend is false.");
        SetRunning(false, reason::kNotAllPodsReady, next_.message);
        PublishNext();
    }

    void CountNothing() {
        for (auto& role : next_.roles)
            role = {.name = role.name, .replicas = role.replicas};
        next_.ready = fmt::format("0/{}", wanted_);
    }

    // ---- run ----

    void Advance() {
        Delete(world_.pods, [&](const PodView& p) {
            return !IsInSlot(p) && !p.Terminal();  // an old attempt's, or a stray
        });
        auto ending = std::ranges::count_if(leftovers_, [](auto* p) { return !p->Terminal(); });
        if (ending > 0) {
            Wait(Phase::Queued, reason::kTerminatingPods,
                 fmt::format("{} of an earlier attempt must end before new ones start.",
                             Plural(int(ending), "pod")));
            return PublishNext();
        }
        Launched() ? Observe() : Launch();
    }

    void Launch() {
        if (!world_.cluster) {
            Wait(Phase::Queued, reason::kClusterNotConfigured,
                 world_.cluster_problem.empty()
                     ? "There is no DLCluster named \"cluster\"; an administrator must create it."
                     : fmt::format("DLCluster \"cluster\" cannot be read: {}",
                                   world_.cluster_problem));
            return PublishNext();
        }
        auto rendered = model::Render(world_.job, *world_.cluster);
        if (!rendered) {
            WaitAs(Phase::Queued,
                   {rendered.error().cls, rendered.error().reason, rendered.error().message});
            return PublishNext();
        }
        if (world_.problem) {  // tell what went wrong last time, then try again
            WaitAs(slots_.empty() ? Phase::Queued : Phase::Starting, *world_.problem);
            PublishNext();
        }
        decision_.rendered = std::make_shared<const model::Rendered>(std::move(*rendered));
        if (decision_.rendered->files) decision_.writes.push_back(CreateFiles{});
        if (decision_.rendered->service && !world_.service_exists)
            decision_.writes.push_back(CreateService{});
        CreatePods create{.attempt = was_.attempt};
        for (std::size_t r = 0; r < spec_.roles.size(); ++r)
            for (int i = 0; i < spec_.roles[r].replicas; ++i)
                if (!slots_.contains({r, i})) {
                    create.slots.push_back({r, i});
                    ++next_.roles[r].pending;
                }
        if (!create.slots.empty()) decision_.writes.push_back(std::move(create));
        // A pod somebody deletes right now keeps its name busy: the gang is complete once it is
        // made again.
        if (std::ranges::any_of(slots_, [](auto& s) { return s.second->deleting; })) return;
        next_.launchedAttempt = was_.attempt;
        next_.pending.reset();
        Observe();
    }

    void Observe() {
        if (running_ == wanted_) {
            next_.phase = Phase::Running;
            next_.message =
                wanted_ == 1 ? "The job's pod runs." : fmt::format("All {} pods run.", wanted_);
            if (!next_.startTime) next_.startTime = world_.now;
            SetRunning(true, reason::kAllPodsReady, next_.message);
        } else {
            std::optional<model::Pending> problem;
            for (const auto& [slot, pod] : slots_) {
                auto p = PodProblem(*pod);
                // What somebody must change or do weighs more than what time will mend.
                if (p && (!problem || p->cls > problem->cls)) problem = std::move(p);
            }
            if (problem) {
                WaitAs(Phase::Starting, {problem->cls, problem->reason, problem->message});
            } else {
                Wait(Phase::Starting, reason::kPodsStarting,
                     fmt::format("{} of {} run; the others are starting.", running_,
                                 Plural(wanted_, "pod")));
            }
        }
        if (ServiceMissing()) RestoreService();
        PublishNext();
    }

    // The Service of a running gang was deleted: peers would no longer find each other.
    bool ServiceMissing() const {
        return Launched() && wanted_ > 1 && !world_.service_exists && world_.cluster != nullptr;
    }
    void RestoreService() {
        auto rendered = model::Render(world_.job, *world_.cluster);
        if (!rendered || !rendered->service) return;
        decision_.rendered = std::make_shared<const model::Rendered>(std::move(*rendered));
        decision_.writes.push_back(CreateService{});
    }

    // ---- writing it down ----

    void Wait(Phase phase, const model::Reason& why, std::string message) {
        WaitAs(phase, {why.cls, std::string(why.name), std::move(message)});
    }

    void WaitAs(Phase phase, WriteProblem why) {
        next_.phase = phase;
        next_.message = why.message;
        bool same = was_.pending && was_.pending->reason == why.reason;
        next_.pending = model::Pending{.cls = why.cls,
                                       .reason = std::move(why.reason),
                                       .message = std::move(why.message),
                                       .since = same ? was_.pending->since : world_.now};
        SetRunning(false, reason::kNotAllPodsReady, next_.message);
        SetFinished(false, reason::kNotFinished, "The job has not ended.");
    }

    void SetRunning(bool on, const model::Reason& why, std::string message) {
        Set(model::kConditionRunning, on, why, std::move(message));
    }
    void SetFinished(bool on, const model::Reason& why, std::string message) {
        Set(model::kConditionFinished, on, why, std::move(message));
    }
    void SetSuspended(bool on, const model::Reason& why, std::string message) {
        Set(model::kConditionSuspended, on, why, std::move(message));
    }
    void Set(std::string_view type, bool on, const model::Reason& why, std::string message) {
        model::SetCondition(next_.conditions,
                            {.type = std::string(type),
                             .status = on ? "True" : "False",
                             .reason = std::string(why.name),
                             .message = std::move(message),
                             .observedGeneration = world_.job.meta.generation},
                            world_.now);
    }

    void PublishNext() {
        if (next_ == was_) return;
        Publish publish{.status = next_};
        if (next_.phase != was_.phase) {
            publish.events.push_back({.warning = next_.phase == Phase::Failed || next_.failure,
                                      .reason = std::string(model::ToString(next_.phase)),
                                      .note = next_.message});
        } else if (next_.pending && next_.pending->cls != model::ReasonClass::Wait &&
                   (!was_.pending || was_.pending->reason != next_.pending->reason)) {
            publish.events.push_back(
                {.warning = true, .reason = next_.pending->reason, .note = next_.message});
        }
        publish.urgent = !OnlyCountsMoved();
        decision_.writes.push_back(std::move(publish));
    }

    bool OnlyCountsMoved() const {
        auto blank = [](JobStatus s) {
            s.message.clear();
            s.ready.clear();
            s.roles.clear();
            if (s.pending) s.pending->message.clear();
            for (auto& c : s.conditions)
                c.message.clear();
            return s;
        };
        return blank(next_) == blank(was_);
    }

    template <typename Filter>
    void Delete(const std::vector<PodView>& pods, Filter which) {
        DeletePods targets;
        for (const PodView& pod : pods)
            if (!pod.deleting && which(pod)) targets.pods.push_back({pod.name, pod.uid});
        if (!targets.pods.empty()) decision_.writes.push_back(std::move(targets));
    }
    void DeleteLive() {
        Delete(world_.pods, [](const PodView& p) { return !p.Terminal(); });
    }

    const World& world_;
    const model::DLJobSpec& spec_;
    const JobStatus& was_;
    JobStatus next_;
    std::map<std::pair<std::size_t, int>, const PodView*> slots_;
    std::vector<const PodView*> leftovers_;
    int running_ = 0, wanted_ = 0;
    Decision decision_;
};

}  // namespace

Decision Decide(const World& world) {
    return Decider(world).Run();
}

}  // namespace dlws::job

// SPDX-License-Identifier: Apache-2.0
#include "operator/job/decide.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/names.h"
#include "model/reason.h"
#include "operator/job/failure.h"
#include "operator/job/launch.h"
#include "operator/job/policy.h"

namespace dlws::job {
namespace {

using model::JobStatus;
using model::Phase;
using model::PodView;
namespace reason = model::reason;

// One look at one job. `next_` starts as the published status and becomes the one to publish.
class Decider : private Launcher {
  public:
    explicit Decider(const World& world) : Launcher(world) {}

    Decision Run() {
        if (!spec_.managedBy.empty() && spec_.managedBy != model::kOurselves) return {};
        if (world_.job.meta.Deleting()) {
            // The garbage collector removes what we own, once the job is gone; somebody's finalizer
            // must not keep pods that reach their nodes until then.
            if (spec_.permissions.Any()) DeleteLive();
            return std::move(decision_);
        }
        if (model::IsTrue(was_.conditions, model::kConditionFinished)) {
            AfterFinish();
            return std::move(decision_);
        }
        next_.observedGeneration = world_.job.meta.generation;
        next_.gpus = model::TotalGpus(spec_);
        next_.pending.reset();
        next_.roles = gang_.Roles();
        next_.ready = fmt::format("{}/{}", gang_.Ready(), gang_.Wanted());
        CountElastic();
        ForgetNodes();
        NoteNothingAsked();
        NoteStorage();
        Choose();
        return std::move(decision_);
    }

  private:
    // The job's end in order of what outweighs what, then its pauses, then its run.
    void Choose() {
        if (was_.failure) return Close(Phase::Failed);
        if (Succeeding()) return Close(Phase::Succeeded);
        if (gang_.Succeeded(EndingItsPods())) {
            // A place of an elastic job that shrank and grew has had a pod of that name before.
            if (MayGoOn() && !Listed()) return;
            return Close(Phase::Succeeded);
        }
        if (spec_.stop) return Close(Phase::Stopped);
        if (DeadlineIsOver()) return Close(Phase::Failed);
        if (auto refused = ApprovalRefused(spec_.suspend || Suspending())) {
            // Not on the word of caches that may be behind.
            if (!ApprovalsRead() || !Listed()) return;
            next_.failure = model::Failure{.reason = std::string(ReasonOf(refused->state).name),
                                           .message = refused->message,
                                           .cause = model::Cause::Change};
            SayRefused(std::move(*refused));
            return Close(Phase::Failed);
        }
        if (world_.problem && world_.problem->reason == reason::kPodAltered.name) {
            next_.failure = model::Failure{.reason = world_.problem->reason,
                                           .message = world_.problem->message,
                                           .cause = model::Cause::Change};
            return Close(Phase::Failed);
        }
        // To end pods takes no approval, and must not wait for one to be read.
        if (!spec_.suspend && !NoteLostApproval()) return;
        if (Suspending()) return spec_.suspend ? Suspend() : Resume();
        if (AttemptFailed(was_)) return spec_.suspend ? Suspend() : Restart();
        auto failed = FirstFailure();
        if (unjudged_ && (!failed || *unjudged_ <= failed->at)) {
            decision_ = {};
            return LookAgain(world_.now + std::chrono::seconds(1));
        }
        if (failed) {
            decision_ = {};
            return Fail(std::move(*failed));
        }
        if (spec_.suspend) {
            decision_ = {};
            return Suspend();
        }
        Advance();
    }

    // ---- what there is ----

    std::optional<FailedPod> FirstFailure() {
        std::optional<FailedPod> first;
        int rank = 0;
        for (std::size_t r = 0; r < spec_.roles.size(); ++r) {
            const model::Role& role = spec_.roles[r];
            for (int i = 0; i < role.replicas; ++i, ++rank) {
                const bool created = gang_.WasCreated({r, i});
                std::optional<Verdict> verdict;
                model::Time at = world_.now;
                if (const PodView* pod = gang_.At({r, i})) {
                    // Until the gang is complete, a pod somebody deletes is simply made again.
                    if (!created && pod->deleting && !pod->Terminal()) continue;
                    verdict = ClassifyPod(*pod, role);
                    if (verdict &&
                        !JudgeByStorage(*verdict, *pod, world_.storage_checks, world_.now)) {
                        const model::Time ended = *pod->main.finishedAt;
                        unjudged_ = std::min(unjudged_.value_or(ended), ended);
                        continue;
                    }
                    if (const auto stale = world_.stale_pods.find(pod->name);
                        !verdict && !pod->Terminal() && stale != world_.stale_pods.end())
                        verdict = Verdict{StalePod(*pod, stale->second)};
                    if (!verdict && was_.pending)
                        verdict =
                            WaitedTooLong(*pod, *was_.pending, world_.now, decision_.look_again);
                    at = pod->main.finishedAt.value_or(world_.now);
                } else if (created) {
                    verdict = Verdict{MissingPod(NameOfPod(role, i), role.name, i)};
                }
                if (!verdict) continue;
                FailedPod candidate{std::move(*verdict), at, rank, {r, i}};
                if (!first || Before(candidate, *first)) first = std::move(candidate);
            }
        }
        return first;
    }

    void NoteStorage() {
        const bool known = model::IsTrue(was_.conditions, model::kConditionStorageLost);
        if (world_.storage_trouble.empty()) {
            if (known)
                Set(model::kConditionStorageLost, false, reason::kStorageHealthy,
                    std::string(reason::kStorageHealthy.text));
            return;
        }
        Set(model::kConditionStorageLost, true, reason::kStorageNotHealthy, world_.storage_trouble);
        if (!known)
            events_.push_back({.warning = true,
                               .reason = std::string(reason::kStorageNotHealthy.name),
                               .note = world_.storage_trouble});
    }

    void CountElastic() {
        if (!spec_.elastic) return;
        if (!next_.elastic)
            next_.elastic = model::ElasticStatus{
                .selector = fmt::format("{}={},{}={}", model::kJobLabel, world_.job.meta.name,
                                        model::kRoleLabel, spec_.elastic->role)};
        next_.elastic->replicas = 0;
        // A place that is no longer wanted was never created, should it be wanted again.
        next_.elastic->launched = std::min(next_.elastic->launched, spec_.elastic->replicas);
        for (const auto& [slot, pod] : gang_.Pods())
            next_.elastic->replicas += spec_.roles[slot.role].name == spec_.elastic->role;
    }

    void ForgetNodes() {
        job::ForgetNodes(next_, world_.now);
        for (const auto& n : next_.avoidedNodes)
            LookAgain(n.until);
    }

    // ---- failure and the next attempt ----

    // Record first: the attempt is over, and whether another follows.
    void Fail(FailedPod failed) {
        if (!Listed()) return;  // not on the word of a cache that may be behind
        Verdict& verdict = failed.verdict;
        model::Failure& failure = verdict.failure;
        const bool again = !verdict.final && MayRetry(spec_.retry, was_.restarts, failure.cause);
        // A gang that was never complete starts anew as a whole.
        const bool alone = spec_.retry.scope == model::RetryScope::Pod && gang_.WasLaunched();
        if (failure.cause == model::Cause::Infrastructure && !failure.node.empty() &&
            (failure.reason == reason::kNodeLost.name ||
             failure.reason == reason::kNodeRefused.name))
            AvoidNode(next_, failure.node, world_.now);
        if (!verdict.final && !again) failure.message += UsedUp(spec_.retry, failure.cause);
        RecordAttempt(next_, failure, world_.now);
        if (!again) {
            next_.failure = std::move(failure);
            return Close(Phase::Failed);
        }
        ++(failure.cause == model::Cause::User ? next_.restarts.user
                                               : next_.restarts.infrastructure);
        alone ? ReplaceAlone(failed.slot) : EndAttempt();
    }

    // The others go on.
    void ReplaceAlone(Slot slot) {
        const std::string& role = spec_.roles[slot.role].name;
        const int failed = gang_.AttemptOf(role, slot.index);
        ++next_.attempt;
        std::erase_if(next_.replaced,
                      [&](const auto& r) { return r.role == role && r.index == slot.index; });
        next_.replaced.push_back(
            {.role = role, .index = slot.index, .attempt = next_.attempt, .replaces = failed});
        next_.phase = Phase::Restarting;
        next_.message =
            fmt::format("{} That pod alone is made anew.", next_.attempts.back().failure.message);
        SetRunning(false, reason::kRestarting, next_.message);
        SetFinished(false, reason::kNotFinished, "The job has not ended.");
        PublishNext();
    }

    // Nothing of the failed attempt may run when the next one starts, also not where nobody
    // answers.
    void Restart() {
        if (Live() > 0) return EndAttempt();
        const model::Time due = was_.attempts.back().finishTime + RestartDelay(was_);
        if (world_.now < due) {
            LookAgain(due);
            SayRestarting(fmt::format("the next attempt starts at {}.", model::FormatTime(due)));
            return PublishNext();
        }
        if (Fenced({GangFence()})) return StartNext();
        if (!world_.fence_problem) return;
        SayRestarting(world_.fence_problem->message);
        PublishNext();
    }

    void EndAttempt() {
        const PodView* stuck = FirstNotAnswering();
        if (stuck) {
            SayRestarting(Stuck(*stuck));
        } else {
            SayRestarting(fmt::format("waiting for {} to end.", Plural(Live(), "pod")));
        }
        PublishNext();  // record first
        DeleteLive();
    }

    void SayRestarting(std::string_view what) {
        next_.phase = Phase::Restarting;
        next_.message = fmt::format("Attempt {} failed: {} Restarting: {}", was_.attempt,
                                    next_.attempts.back().failure.message, what);
        SetRunning(false, reason::kRestarting, next_.message);
        SetFinished(false, reason::kNotFinished, "The job has not ended.");
    }

    // Recorded before anything of it is created.
    void StartNext() {
        ++next_.attempt;
        next_.replaced.clear();
        if (next_.elastic) next_.elastic->launched = 0;
        next_.phase = Phase::Queued;
        next_.message = fmt::format("Attempt {}: the pods are about to be created.", next_.attempt);
        for (auto& role : next_.roles)
            role = {.name = role.name, .replicas = role.replicas};
        next_.ready = fmt::format("0/{}", gang_.Wanted());
        SetRunning(false, reason::kNotAllPodsReady, next_.message);
        PublishNext();
        // Pods of the last attempt are kept for their logs, older ones not.
        const int gang = GangAttempt(was_);
        Delete(world_.pods, [&](const PodView& p) { return p.attempt < gang; });
    }

    // ---- ends ----

    // The end is decided: say so, then end the pods that still run, then be Finished.
    void Close(Phase outcome) {
        std::string what = outcome == Phase::Failed      ? next_.failure->message
                           : outcome == Phase::Succeeded ? SuccessMessage(spec_.success)
                                                         : "Stopped because spec.stop was set.";
        int live = spec_.cleanupPods == model::CleanupPods::None ? 0 : Live();
        const PodView* stuck = live > 0 ? FirstNotAnswering() : nullptr;
        if (stuck && live == int(std::ranges::count_if(world_.pods,
                                                       [&](auto& p) { return NotAnswering(p); }))) {
            // Nothing new starts here, so nobody is helped by waiting for a node that may be gone.
            what += fmt::format(" Node {} has not said that pod {} has ended.", stuck->node,
                                stuck->name);
            live = 0;
        }
        // Once its fence is closed a gang is over for good. That it ends must not depend on what
        // somebody scales or deletes at this moment, so it is recorded first.
        const bool recorded = was_.failure || Succeeding() || outcome == Phase::Stopped;
        const bool ends = recorded || !MayGoOn();
        if (live == 0 && ends) {
            // Whoever deletes a pod of an ended job makes its name free: one that is created late
            // must not run then. But a job's end waits for nobody who took the fence's name.
            const bool go_on = spec_.cleanupPods == model::CleanupPods::None && Live() > 0;
            if (!go_on && !Fenced({GangFence()}) && !world_.fence_problem) return;
            return Finish(outcome, std::move(what));
        }
        next_.phase = Phase::Stopping;
        next_.message =
            live == 0 ? what : fmt::format("{} Waiting for {} to end.", what, Plural(live, "pod"));
        SetRunning(false, reason::kStopping, "The job is ending.");
        SetFinished(false, outcome == Phase::Succeeded ? reason::kSucceeding : reason::kStopping,
                    "The job's pods are ending.");
        PublishNext();  // record first
        DeleteLive();
    }

    // A failure or a change of scale need not end the attempt: its fence stays the same.
    bool MayGoOn() const { return spec_.elastic || spec_.retry.scope == model::RetryScope::Pod; }

    // We have said that we end what runs.
    bool EndingItsPods() const {
        const auto* c = model::FindCondition(was_.conditions, model::kConditionFinished);
        const bool stopping = spec_.stop && c && c->reason == reason::kStopping.name;
        return stopping || Suspending() || AttemptFailed(was_);
    }

    bool Succeeding() const {
        const auto* c = model::FindCondition(was_.conditions, model::kConditionFinished);
        return c && c->reason == reason::kSucceeding.name;
    }

    void Finish(Phase outcome, std::string message) {
        next_.phase = outcome;
        next_.message = std::move(message);
        next_.finishTime = world_.now;
        BeInactive();
        const model::Reason& why = outcome == Phase::Succeeded ? reason::kSucceeded
                                   : outcome == Phase::Failed  ? reason::kFailed
                                                               : reason::kStopped;
        SetRunning(false, why, next_.message);
        SetFinished(true, why, next_.message);
        PublishNext();
    }

    void AfterFinish() {
        using model::CleanupPods;
        if (spec_.ttlSecondsAfterFinished && was_.finishTime) {
            const model::Time due =
                *was_.finishTime + std::chrono::seconds(*spec_.ttlSecondsAfterFinished);
            if (world_.now >= due) {
                decision_.writes.push_back(DeleteJob{});
                return;
            }
            LookAgain(due);
        }
        if (spec_.cleanupPods == CleanupPods::All)
            Delete(world_.pods, [](const PodView&) { return true; });
        else if (spec_.cleanupPods == CleanupPods::Running || spec_.stop)
            DeleteLive();  // a create that landed late
    }

    // ---- deadline ----

    bool DeadlineIsOver() {
        if (!spec_.activeDeadlineSeconds || !was_.activeSince) return false;
        const std::chrono::seconds limit(*spec_.activeDeadlineSeconds);
        const auto warn = limit - limit / 10;
        const auto active = ActiveTime(was_, world_.now);
        if (active >= limit) {
            next_.failure =
                model::Failure{.reason = std::string(reason::kDeadlineExceeded.name),
                               .message = fmt::format("The job held its pods for {} s, which is "
                                                      "activeDeadlineSeconds.",
                                                      limit.count())};
            return true;
        }
        LookAgain(world_.now + (limit - active));
        if (active < warn) {
            LookAgain(world_.now + (warn - active));
        } else if (!model::IsTrue(was_.conditions, model::kConditionDeadlineNear)) {
            std::string note =
                fmt::format("The job is ended in {} s, because of activeDeadlineSeconds.",
                            (limit - active).count());
            Set(model::kConditionDeadlineNear, true, reason::kDeadlineNear, note);
            events_.push_back({.warning = true,
                               .reason = std::string(reason::kDeadlineNear.name),
                               .note = std::move(note)});
        }
        return false;
    }

    // ---- suspend and resume ----

    bool Suspending() const {
        const auto* c = model::FindCondition(was_.conditions, model::kConditionSuspended);
        return c && (c->status == "True" || c->reason == reason::kSuspending.name);
    }

    void Suspend() {
        int left = int(world_.pods.size());
        if (left == 0 && was_.phase != Phase::Suspended && !world_.pods_listed) {
            decision_.list_pods = true;  // a cache that is behind shows none, too
            return;
        }
        BeInactive();
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

    // A new attempt, unless nothing was made of this one.
    void Resume() {
        SetSuspended(false, reason::kNotSuspended, "spec.suspend is false.");
        if (gang_.WasLaunched() || AttemptFailed(was_)) {
            if (Live() > 0) return EndSuspended();
            if (Fenced({GangFence()})) return StartNext();
            if (!world_.fence_problem) return;
            WaitAs(Phase::Queued, *world_.fence_problem);
            SetSuspended(false, reason::kSuspending, "The job's pods are ending.");
            return PublishNext();
        }
        next_.phase = Phase::Queued;
        next_.message = "Resumed: the job's pods are about to be created.";
        SetRunning(false, reason::kNotAllPodsReady, next_.message);
        PublishNext();
    }

    void EndSuspended() {
        Wait(Phase::Queued, reason::kTerminatingPods,
             fmt::format("{} from before the suspension must end first.", Plural(Live(), "pod")));
        SetSuspended(false, reason::kSuspending, "The job's pods are ending.");
        PublishNext();
        DeleteLive();
    }

    std::optional<model::Time> unjudged_;  // the first end of which nobody can say whose fault
};

}  // namespace

Decision Decide(const World& world) {
    return Decider(world).Run();
}

}  // namespace dlws::job

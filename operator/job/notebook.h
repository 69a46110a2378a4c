// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/names.h"
#include "model/owned.h"
#include "model/reason.h"
#include "operator/job/decide.h"
#include "operator/job/policy.h"

/// @file
/// Internal to decide.cc: what one look at a job writes down. The next status with its conditions,
/// the events, the deletions, and when to look again.

namespace dlws::job {

inline std::string Plural(int n, std::string_view what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

class Notebook {
  protected:
    using JobStatus = model::JobStatus;
    using Phase = model::Phase;
    using PodView = model::PodView;

    explicit Notebook(const World& world)
        : world_(world),
          spec_(world.job.spec),
          was_(world.job.status),
          next_(was_),
          gang_(spec_, was_, world.pods) {}

    int Live() const {
        return int(std::ranges::count_if(world_.pods, [](auto& p) { return !p.Terminal(); }));
    }

    // A pod that should have ended some time ago: its node does not answer.
    bool NotAnswering(const PodView& pod) const {
        return !pod.Terminal() && pod.deletionTimestamp &&
               world_.now >= *pod.deletionTimestamp + kNotAnswering;
    }
    const PodView* FirstNotAnswering() const {
        for (const PodView& pod : world_.pods) {
            if (pod.Terminal() || !pod.deletionTimestamp) continue;
            if (NotAnswering(pod)) return &pod;
            LookAgain(*pod.deletionTimestamp + kNotAnswering);
        }
        return nullptr;
    }

    static std::string Stuck(const PodView& pod) {
        return fmt::format(
            "pod {} has not ended and node {} does not answer. The next attempt starts when the "
            "node is back, is deleted from the cluster, or has the taint "
            "node.kubernetes.io/out-of-service.",
            pod.name, pod.node);
    }

    // Of the attempt that it is or would be of; and so is its own fence named.
    std::string NameOfPod(const model::Role& role, int index) const {
        return model::PodName(world_.job.meta.name, role.name, index,
                              gang_.AttemptOf(role.name, index));
    }
    std::string GangFence() const {
        return model::GangFenceName(world_.job.meta.name, GangAttempt(was_));
    }

    // ---- what only the API server can say ----

    bool Listed() const {
        if (!world_.pods_listed) decision_.list_pods = true;
        return world_.pods_listed;
    }

    // True when none of the pods that wait for one of these fences can begin to run any more.
    bool Fenced(std::vector<std::string> fences) const {
        const bool closed = std::ranges::all_of(fences, [&](const std::string& fence) {
            return std::ranges::binary_search(world_.closed_fences, fence);
        });
        if (!closed) decision_.close_fences = std::move(fences);
        return closed;
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
        SetRunning(false, model::reason::kNotAllPodsReady, next_.message);
        SetFinished(false, model::reason::kNotFinished, "The job has not ended.");
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
        // The scheduler only says that a label does not match.
        if (next_.pending && next_.pending->reason == model::reason::kUnschedulable.name &&
            !world_.storage_trouble.empty() && next_.message == next_.pending->message)
            next_.message = next_.pending->message += " " + world_.storage_trouble;
        if (next_ == was_) return;
        Publish publish{.status = next_, .events = std::move(events_)};
        events_.clear();
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

    void BeActive() {
        if (!next_.activeSince) next_.activeSince = world_.now;
    }
    void BeInactive() {
        next_.activeSeconds = ActiveTime(next_, world_.now).count();
        next_.activeSince.reset();
    }

    void LookAgain(model::Time at) const {
        if (at <= world_.now) return;
        auto& when = decision_.look_again;
        if (!when || at < *when) when = at;
    }

    template <typename Filter>
    void Delete(const std::vector<PodView>& pods, Filter which) {
        DeletePods targets;
        const bool force = spec_.retry.onNodeLost == model::OnNodeLost::ForceDelete;
        for (const PodView& pod : pods) {
            if (!which(pod)) continue;
            if (!pod.deleting)
                targets.pods.push_back({pod.name, pod.uid, pod.resourceVersion});
            else if (force && NotAnswering(pod))
                targets.pods.push_back({pod.name, pod.uid, "", true});
        }
        if (!targets.pods.empty()) decision_.writes.push_back(std::move(targets));
    }
    void DeleteLive() {
        Delete(world_.pods, [](const PodView& p) { return !p.Terminal(); });
    }

    const World& world_;
    const model::DLJobSpec& spec_;
    const JobStatus& was_;
    JobStatus next_;
    Gang gang_;
    std::vector<EventNote> events_;
    mutable Decision decision_;
};

}  // namespace dlws::job

// SPDX-License-Identifier: Apache-2.0
#include "operator/job/sim/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "operator/job/testing.h"

namespace dlws::job::sim {

namespace {

constexpr int kMaxTicks = 600;
const model::Time kBegin = Cluster().now;

Cluster Begin(const Workload& workload) {
    Cluster cluster;
    if (workload.configured)
        cluster.settings = workload.settings ? workload.settings : testing::Cluster();
    cluster.Submit(workload.job);
    return cluster;
}

bool Covers(const Stale& stale, int tick) {
    return stale.at >= 0 && tick >= stale.at && tick < stale.at + stale.ticks;
}

}  // namespace

Run::Run(const Workload& workload, Plan plan, bool record)
    : cluster(Begin(workload)), workload_(workload), plan_(std::move(plan)), first_(cluster) {
    wire.faults = plan_.faults;
    wire.record = record;
    cluster.two_leaders =
        plan_.second.at >= 0 ||
        std::ranges::any_of(plan_.faults, [](const Fault& f) { return f.fate == Fate::Late; });
}

void Run::ToTheEnd() {
    bool goes_on = true;
    while (goes_on && cluster.broken.empty()) {
        goes_on = Tick();
        if (ticks_ > kMaxTicks && cluster.broken.empty())
            cluster.broken = "it does not come to an end: " +
                             (cluster.job ? cluster.job->status.message : "no job");
    }
    for (const auto& [name, pod] : cluster.pods) {
        const bool goes_on =
            cluster.settings && cluster.settings->onRevoke == model::OnRevoke::Continue;
        if (cluster.guarded.contains(pod.uid) && !pod.Terminal() && !goes_on && cluster.job &&
            cluster.job->meta.uid == pod.ownerUid && !cluster.IsApproved() &&
            cluster.broken.empty())
            cluster.broken = name + " runs and its approval is gone";
    }
    // Nothing is written any more, whatever wakes the operator.
    const int writes = cluster.writes;
    for (int i = 0; i < 3 && cluster.broken.empty(); ++i) {
        first_.Deliver(cluster);
        first_.Run(cluster, wire);
        cluster.now += std::chrono::seconds(3);
        first_.Run(cluster, wire);
    }
    if (cluster.writes != writes && cluster.broken.empty())
        cluster.broken = "it writes although nothing happens";
    if (!cluster.broken.empty()) cluster.broken = plan_.name + ": " + cluster.broken;
}

bool Run::Tick() {
    history_.push_back(cluster.Look());
    BeginFaults();
    bool any = Deeds();
    any |= Operators();
    if (LateRequests()) {  // a pod of theirs may run before the operator sees it
        any = true;
        cluster.StepPods(workload_.containers);
    }
    any |= cluster.StepPods(workload_.containers);
    any |= cluster.CollectGarbage();
    cluster.WatchStrays();
    if (tell) Tell();
    ++ticks_;
    if (any) {
        idle_ = 0;
        return true;
    }
    return PassTime();
}

void Run::Tell() const {
    fmt::print("{:3} {:4} s, {} requests: ", ticks_, (cluster.now - kBegin).count(), wire.calls);
    if (cluster.job)
        fmt::print("attempt {} {}: {}", cluster.job->status.attempt,
                   model::ToString(cluster.Phase()), cluster.job->status.message);
    for (const auto& [name, pod] : cluster.pods)
        fmt::print("; {} {}{}", name, model::ToString(pod.phase), pod.deleting ? " deleting" : "");
    fmt::print("\n");
}

void Run::BeginFaults() {
    auto seen = [&](const Stale& stale, bool which) {
        return which ? history_[std::size_t(std::min(stale.seen, ticks_))] : cluster.Look();
    };
    first_.jobs_frozen = first_.pods_frozen = first_.approvals_frozen = false;
    if (first_.Crashed()) {
        if (!cluster.late.empty() && late_since_ < 0) late_since_ = ticks_;
        first_.Start(cluster.Look());
    }
    if (ticks_ == plan_.restarted.at)
        first_.Start(seen(plan_.restarted, plan_.restarted.jobs),
                     seen(plan_.restarted, plan_.restarted.pods),
                     seen(plan_.restarted, plan_.restarted.jobs || plan_.restarted.approvals));
    for (const Stale* stale : {&plan_.frozen, &plan_.restarted}) {
        if (!Covers(*stale, ticks_)) continue;
        first_.jobs_frozen = stale->jobs;
        first_.pods_frozen = stale->pods;
        first_.approvals_frozen = stale->approvals;
    }
    if (ticks_ == plan_.second.at) {
        second_ = first_;
        second_->Forsake(plan_.second.jobs, plan_.second.pods);
        first_.Start(cluster.Look());
    }
    if (second_ && !Covers(plan_.second, ticks_)) second_.reset();  // it notices, and ends
    if (ticks_ == plan_.wake_at) first_.Wake();
}

bool Run::Deeds() {
    if (next_deed_ >= workload_.deeds.size()) return false;
    const Deed& deed = workload_.deeds[next_deed_];
    if (!deed.when(cluster)) return false;
    deed.act(cluster);
    ++next_deed_;
    return true;
}

bool Run::LateRequests() {
    if (cluster.late.empty() || late_since_ < 0 || ticks_ < late_since_ + plan_.late_ticks)
        return false;
    std::vector<LateRequest> arrived = std::move(cluster.late);
    cluster.late.clear();
    for (const LateRequest& request : arrived)
        request.arrive(cluster);
    return true;
}

bool Run::Operators() {
    bool any = false;
    if (second_) {
        second_->Deliver(cluster);
        second_->Wake();
        any |= second_->Step(cluster, wire);
    }
    first_.Deliver(cluster);
    any |= first_.Step(cluster, wire);
    return any || first_.Crashed();
}

// To the next moment at which somebody will do something by the clock.
bool Run::PassTime() {
    const bool waiting = next_deed_ < workload_.deeds.size();
    const bool to_come = !cluster.late.empty() || plan_.frozen.at + plan_.frozen.ticks >= ticks_ ||
                         plan_.restarted.at + plan_.restarted.ticks >= ticks_ ||
                         plan_.second.at + plan_.second.ticks >= ticks_;
    if (auto timer = first_.Timer(); timer && *timer > cluster.now) {
        cluster.now = to_come ? std::min(*timer, cluster.now + std::chrono::seconds(1)) : *timer;
        return true;
    }
    if (to_come) {
        cluster.now += std::chrono::seconds(1);
        return true;
    }
    cluster.now += std::chrono::seconds(10);
    return waiting && ++idle_ < 60;
}

std::string Run::Ending(bool counts) const {
    std::string text;
    if (cluster.job) {
        const model::JobStatus& s = cluster.job->status;
        text += fmt::format("phase {}; attempt {}; restarts {}+{};", model::ToString(s.phase),
                            s.attempt, s.restarts.user, s.restarts.infrastructure);
        for (const auto& a : s.attempts)
            text += fmt::format(" attempt {}: {} {};", a.attempt, a.failure.pod,
                                model::ToString(a.failure.cause));
        std::set<std::string> conditions;  // in whatever order they came
        for (const auto& c : s.conditions)
            conditions.insert(fmt::format(" {}={} {};", c.type, c.status, c.reason));
        for (const std::string& c : conditions)
            text += c;
        if (s.failure) text += fmt::format(" failure {} {};", s.failure->pod, s.failure->reason);
    } else {
        text += "no job;";
    }
    for (const auto& [name, pod] : cluster.pods)
        text += fmt::format(" pod {} {};", name, model::ToString(pod.phase));
    if (!counts) return text;
    for (const auto& [name, times] : cluster.created)
        text += fmt::format(" created {} {};", name, times);
    for (const auto& [name, times] : cluster.deleted)
        text += fmt::format(" deleted {} {};", name, times);
    return text;
}

}  // namespace dlws::job::sim

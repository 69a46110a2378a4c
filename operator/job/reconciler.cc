// SPDX-License-Identifier: Apache-2.0
#include "operator/job/reconciler.h"

#include <algorithm>

#include "model/names.h"
#include "model/reason.h"
#include "operator/job/permit.h"

namespace dlws::job {

using kube::Awaitable;

namespace {

constexpr std::chrono::seconds kSoon{1};

// A pod of an attempt that our copy of the job does not know of: the copy is old, or the label
// forged.
bool SeesTheFuture(const World& world) {
    return std::ranges::any_of(
        world.pods, [&](const auto& pod) { return pod.attempt > world.job.status.attempt; });
}

// A refusal that trying again will not change.
std::optional<WriteProblem> Lasting(const Executor::Failed& failed) {
    const auto& problem = failed.problem;
    if (!problem || problem->reason == model::reason::kApiServerBusy.name ||
        problem->reason == model::reason::kTerminatingPods.name)
        return std::nullopt;
    return problem;
}

// Puts what the API server listed in place of what the cache showed.
bool TakePods(Executor::Pods listed, World& world, Round& round) {
    if (!listed) {
        round.log = listed.error().log;
        round.retry = true;
        return false;
    }
    world.pods = std::move(*listed);
    world.pods_listed = true;
    return true;
}

bool LookAgain(std::string log, Round& round) {
    round.log = std::move(log);
    round.retry = true;
    return false;
}

// Each thing is asked for once a round.
bool AsksForPods(const Decision& d, const World& w) {
    return d.list_pods && !w.pods_listed;
}
bool AsksForApprovals(const Decision& d, const World& w) {
    return d.read_approvals && !w.approvals_read;
}
bool AsksForTemplate(const Decision& d, const World& w) {
    return d.keep_template && !w.kept;
}
bool Asks(const Decision& d, const World& w) {
    const bool fences = !d.close_fences.empty() && w.closed_fences.empty() && !w.fence_problem;
    return AsksForPods(d, w) || AsksForApprovals(d, w) || AsksForTemplate(d, w) || fences;
}

}  // namespace

bool Lags(const CacheVersions& seen, const Memory& memory) {
    return seen.jobs < memory.written.job || seen.pods < memory.written.pods ||
           seen.services < memory.written.services;
}

Reconciler::Reconciler(kube::Api& api, kube::EventRecorder& events, Settings settings)
    : api_(api), settings_(settings), executor_(api, events, settings.parallel_writes) {}

Awaitable<Round> Reconciler::Run(World world, Memory memory,
                                 std::chrono::steady_clock::time_point now) {
    Round round{.memory = std::move(memory)};
    world.problem = round.memory.problem;
    Decision decision = Decide(world);
    while (Asks(decision, world)) {
        if (!co_await Answer(decision, world, round)) co_return round;
        decision = Decide(world);
    }
    if (decision.look_again) round.again = *decision.look_again - world.now;
    if (PutOff(decision, round, now) || decision.writes.empty()) co_return round;

    if (decision.confirm_job || !round.memory.verified || SeesTheFuture(world)) {
        round.memory.verified = co_await IsCurrent(world);
        if (!round.memory.verified) {
            round.again = kSoon;
            co_return round;
        }
    }
    auto outcome = co_await executor_.Perform(world, decision, round.memory.written);
    if (outcome) {
        round.memory.problem.reset();
        co_return round;
    }
    round.memory.problem = outcome.error().problem;
    round.retry = true;
    if (!outcome.error().conflict) round.log = outcome.error().log;
    co_return round;
}

// Reads, or settles, the first thing that the decision asks for. False: the round is over.
Awaitable<bool> Reconciler::Answer(const Decision& decision, World& world, Round& round) {
    if (AsksForPods(decision, world))
        co_return TakePods(co_await executor_.ListPods(world), world, round);
    if (AsksForApprovals(decision, world)) {
        auto read = co_await ReadApprovals(api_, world);
        if (!read) co_return LookAgain("reading approvals: " + read.error().message, round);
        world.approvals = std::move(*read);
        world.approvals_read = true;
        co_return true;
    }
    if (AsksForTemplate(decision, world)) {
        auto kept = co_await KeepTemplate(api_, world, decision.rendered.get());
        if (!kept) co_return LookAgain("the kept template: " + kept.error().message, round);
        world.kept = std::move(*kept);
        co_return true;
    }
    // What is closed stays so: not on the word of a cache that is behind.
    if (!co_await IsCurrent(world)) {
        round.again = kSoon;
        co_return false;
    }
    const std::vector<std::string> fences = decision.close_fences;
    auto listed = co_await executor_.CloseFences(world, fences);
    world.fence_problem = listed ? std::nullopt : Lasting(listed.error());
    if (world.fence_problem) listed = co_await executor_.ListPods(world);
    if (!TakePods(std::move(listed), world, round)) co_return false;
    if (!world.fence_problem) world.closed_fences = fences;
    round.retry = world.fence_problem.has_value();
    co_return true;
}

// A cache can be behind when a process starts, or starts to lead: an API server may have shown it
// an old state. Without this, the pods of a job that has long ended would be created once more.
Awaitable<bool> Reconciler::IsCurrent(const World& world) {
    const model::Metadata& meta = world.job.meta;
    kube::ObjectKey key{meta.ns, meta.name};
    auto found = co_await api_.Get(kDLJobs, std::move(key));
    if (!found || found.value()->meta.uid != meta.uid) co_return false;
    co_return std::to_string(found.value()->meta.resource_version) == meta.resourceVersion;
}

Awaitable<std::string> Reconciler::Sweep(kube::ObjectKey job, std::string job_uid,
                                         std::vector<kube::ObjectPtr> orphans) {
    std::erase_if(orphans, [&](const kube::ObjectPtr& pod) {
        return pod->meta.deleting ||
               pod->meta.labels.at(std::string(model::kJobUidLabel)) == job_uid;
    });
    if (orphans.empty()) co_return "";
    // Our cache may be behind: a pod is an orphan only if the API server says so too.
    auto found = co_await api_.Get(kDLJobs, job);
    if (!found && !found.error().IsNotFound()) co_return found.error().message;
    for (const kube::ObjectPtr& pod : orphans) {
        const std::string& owner = pod->meta.labels.at(std::string(model::kJobUidLabel));
        const bool there =
            found && found.value()->meta.uid == owner && !found.value()->meta.deleting;
        if (there) continue;
        kube::DeleteOptions options;
        options.uid = pod->meta.uid;
        options.resource_version = std::to_string(pod->meta.resource_version);
        kube::ObjectKey key = pod->meta.Key();
        auto done = co_await api_.Delete(kube::kPods, std::move(key), std::move(options));
        if (!done && !done.error().IsNotFound() && !done.error().IsConflict())
            co_return done.error().message;
    }
    co_return "";
}

// A status that differs only in counts waits for a moment: eight pods that come up within a second
// are one write, not eight, and a pod that is no longer ready because it is about to have succeeded
// costs none at all. True: nothing is to be done now.
bool Reconciler::PutOff(const Decision& decision, Round& round,
                        std::chrono::steady_clock::time_point now) const {
    auto& due = round.memory.counts_due;
    const auto* publish =
        decision.writes.size() == 1 ? std::get_if<Publish>(&decision.writes.front()) : nullptr;
    if (publish && !publish->urgent) {
        if (!due) due = now + settings_.count_delay;
        if (now < *due) {
            std::chrono::nanoseconds left = *due - now;
            round.again = round.again ? std::min(*round.again, left) : left;
            return true;
        }
    }
    due.reset();
    return false;
}

}  // namespace dlws::job

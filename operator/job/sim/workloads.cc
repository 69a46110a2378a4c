// SPDX-License-Identifier: Apache-2.0
#include "operator/job/sim/workloads.h"

#include <algorithm>

#include "model/names.h"
#include "model/reason.h"
#include "operator/job/testing.h"

namespace dlws::job::sim {

using model::Phase;
using model::PodView;

namespace {

std::function<bool(const Cluster&)> PhaseIs(Phase phase) {
    return [phase](const Cluster& c) { return c.Phase() == phase; };
}

std::optional<int> RunsForEver(const Cluster&, const PodView&) {
    return std::nullopt;
}
// Ends well once the whole job has been seen to run.
std::optional<int> EndsWell(const Cluster& c, const PodView&) {
    return c.Phase() == Phase::Running ? std::optional(0) : std::nullopt;
}
std::optional<int> EndsAtOnce(const Cluster&, const PodView&) {
    return 0;
}
// Pod 1 of the first `attempts` attempts ends with `code`, everybody else ends well.
Script FailsAtFirst(int code, int attempts = 1) {
    return [=](const Cluster& c, const PodView& pod) -> std::optional<int> {
        if (c.Phase() != Phase::Running) return std::nullopt;
        if (pod.attempt >= attempts) return 0;
        return pod.index == 1 ? std::optional(code) : std::nullopt;
    };
}
// The first attempt runs until somebody ends it, later ones end well.
std::optional<int> SecondEndsWell(const Cluster& c, const PodView& pod) {
    return pod.attempt > 0 ? EndsWell(c, pod) : std::nullopt;
}

std::function<void(Cluster&)> Spec(std::function<void(model::DLJobSpec&)> change) {
    return [=](Cluster& c) { c.Edit(change); };
}

Workload Make(std::string name, model::DLJob job, Script containers, std::vector<Deed> deeds = {},
              Phase end = Phase::Succeeded) {
    return {std::move(name), std::move(job), std::move(containers), std::move(deeds), end};
}

model::DLJob Elastic(int replicas, int least, int most) {
    model::DLJob job = SmallJob(replicas);
    job.spec.elastic = model::Elastic{"worker", replicas, least, most};
    return job;
}

model::DLJob LauncherAndWorkers() {
    model::DLJob job = SmallJob(2);
    job.spec.framework = model::Framework::MPI;
    job.spec.roles.insert(job.spec.roles.begin(), model::Role{.name = "launcher"});
    job.spec.roles[0].startAfter = {{"worker", model::StartAfter::Ready}};
    job.spec.success.role = "launcher";
    return job;
}

// Jobs whose permissions somebody must approve.
void AddApprovals(std::vector<Workload>& all) {
    using std::chrono::seconds;
    const auto awaits = PhaseIs(Phase::AwaitingApproval);
    const auto runs = PhaseIs(Phase::Running);
    const auto approve = [](std::string by) { return [by](Cluster& c) { c.Approve(by); }; };
    const auto add = [&](std::string name, Script containers, std::vector<Deed> deeds,
                         Phase end = Phase::Succeeded) -> Workload& {
        all.push_back(
            Make(std::move(name), AskingJob(2), std::move(containers), std::move(deeds), end));
        all.back().settings = CautiousCluster();
        return all.back();
    };
    add("approved", EndsWell, {{awaits, approve("carol")}});
    // Her own word does not count, nor that of somebody who may not; the third one's does.
    add("approved-by-herself-first", EndsWell,
        {{awaits, approve("alice")},
         {awaits, [](Cluster& c) { c.now += seconds(30); }},
         {awaits, approve("carol")}});
    add("denied", RunsForEver, {{awaits, [](Cluster& c) { c.Approve("carol", false); }}},
        Phase::Failed);
    add("revoked", RunsForEver,
        {{awaits, approve("carol")}, {runs, [](Cluster& c) { c.Revoke(); }}}, Phase::Failed);
    add("expired", RunsForEver,
        {{awaits, [](Cluster& c) { c.Approve("carol", true, c.now + seconds(100)); }}},
        Phase::Failed);
    add("revoked-and-goes-on", RunsForEver,
        {{awaits, approve("carol")},
         {runs, [](Cluster& c) { c.Revoke(); }},
         {[](const Cluster& c) {
              return c.job->status.approval->state == model::ApprovalStatus::Revoked;
          },
          Spec([](auto& s) { s.stop = true; })}},
        Phase::Stopped)
        .settings = CautiousCluster(model::OnRevoke::Continue);
    // Revoked while it is suspended: asked for anew.
    add("revoked-while-suspended", SecondEndsWell,
        {{awaits, approve("carol")},
         {runs, Spec([](auto& s) { s.suspend = true; })},
         {PhaseIs(Phase::Suspended),
          [](Cluster& c) {
              c.Revoke();
              c.Edit([](auto& s) { s.suspend = false; });
          }},
         {awaits, approve("dave")}});
    // A later edit of the cluster's settings neither voids an approval nor changes what runs.
    Workload& restarts = add(
        "approved-and-restarts", FailsAtFirst(3),
        {{awaits, approve("carol")}, {runs, [](Cluster& c) { c.Settings(testing::Cluster()); }}});
    restarts.job.spec.retry.limit = 1;
}

std::vector<Workload> MakeWorkloads() {
    std::vector<Workload> all;
    all.push_back(Make("single", SmallJob(1), EndsAtOnce));

    model::DLJob gang = SmallJob(3);
    gang.spec.files = {{"train.py", "print(1)"}};
    all.push_back(Make("gang", gang, EndsWell));

    model::DLJob restart = SmallJob(3);
    restart.spec.retry.limit = 1;
    all.push_back(Make("restart", restart, FailsAtFirst(3)));

    model::DLJob used_up = SmallJob(2);
    used_up.spec.retry.limit = 1;
    all.push_back(Make("retries-used-up", used_up, FailsAtFirst(3, 2), {}, Phase::Failed));

    all.push_back(Make("suspend-resume", SmallJob(2), SecondEndsWell,
                       {{PhaseIs(Phase::Running), Spec([](auto& s) { s.suspend = true; })},
                        {PhaseIs(Phase::Suspended), Spec([](auto& s) { s.suspend = false; })}}));
    model::DLJob paused = SmallJob(2);
    paused.spec.suspend = true;
    all.push_back(Make("created-suspended", paused, EndsWell,
                       {{PhaseIs(Phase::Suspended), Spec([](auto& s) { s.suspend = false; })}}));

    all.push_back(Make("stop", SmallJob(2), RunsForEver,
                       {{PhaseIs(Phase::Running), Spec([](auto& s) { s.stop = true; })}},
                       Phase::Stopped));
    model::DLJob stop_restart = SmallJob(2);
    stop_restart.spec.retry.limit = 5;
    all.push_back(Make("stop-in-restart", stop_restart, FailsAtFirst(3),
                       {{PhaseIs(Phase::Restarting), Spec([](auto& s) { s.stop = true; })}},
                       Phase::Stopped));

    model::DLJob deadline = SmallJob(2);
    deadline.spec.activeDeadlineSeconds = 1000;
    all.push_back(Make("deadline", deadline, RunsForEver, {}, Phase::Failed));
    all.back().seconds = 2000;

    all.push_back(Make("scale", Elastic(2, 1, 4), RunsForEver,
                       {{PhaseIs(Phase::Running), Spec([](auto& s) { s.elastic->replicas = 3; })},
                        {[](const Cluster& c) {
                             return c.Phase() == Phase::Running && c.job->status.ready == "3/3";
                         },
                         Spec([](auto& s) { s.elastic->replicas = 1; })},
                        {[](const Cluster& c) {
                             return c.Phase() == Phase::Running && c.job->status.ready == "1/1" &&
                                    c.pods.size() == 1;
                         },
                         Spec([](auto& s) { s.stop = true; })}},
                       Phase::Stopped));

    // A pod that was scaled away comes back under its name: the old one must not be taken for it.
    const auto ready = [](std::string pods) {
        return [pods](const Cluster& c) {
            return c.Phase() == Phase::Running && c.job->status.ready == pods + "/" + pods &&
                   int(c.pods.size()) == std::stoi(pods);
        };
    };
    for (auto scope : {model::RetryScope::Gang, model::RetryScope::Pod}) {
        model::DLJob again = Elastic(2, 1, 4);
        again.spec.retry.scope = scope;
        all.push_back(
            Make(scope == model::RetryScope::Pod ? "scale-again-alone" : "scale-again", again,
                 RunsForEver,
                 {{PhaseIs(Phase::Running), Spec([](auto& s) { s.elastic->replicas = 1; })},
                  {ready("1"), Spec([](auto& s) { s.elastic->replicas = 2; })},
                  {ready("2"), Spec([](auto& s) { s.stop = true; })}},
                 Phase::Stopped));
    }

    all.push_back(Make("deadline-not-in-suspension", deadline, RunsForEver,
                       {{PhaseIs(Phase::Running), Spec([](auto& s) { s.suspend = true; })},
                        {PhaseIs(Phase::Suspended),
                         [](Cluster& c) {
                             c.now += std::chrono::seconds(5000);
                             c.Edit([](auto& s) { s.suspend = false; });
                         }},
                        {PhaseIs(Phase::Running), Spec([](auto& s) { s.stop = true; })}},
                       Phase::Stopped));
    all.back().seconds = 8000;

    model::DLJob ttl = SmallJob(1);
    ttl.spec.ttlSecondsAfterFinished = 60;
    all.push_back(Make("ttl", ttl, EndsAtOnce, {}, Phase::None));

    all.push_back(
        Make("node-lost", SmallJob(2), SecondEndsWell,
             {{PhaseIs(Phase::Running), [](Cluster& c) { c.nodes_down.insert("node-1"); }},
              {[](const Cluster& c) {
                   return c.Phase() == Phase::Restarting &&
                          c.job->status.message.find("out-of-service") != std::string::npos;
               },
               [](Cluster& c) { c.nodes_out_of_service.insert("node-1"); }}}));
    model::DLJob force = SmallJob(2);
    force.spec.retry.onNodeLost = model::OnNodeLost::ForceDelete;
    all.push_back(
        Make("node-lost-force", force, SecondEndsWell,
             {{PhaseIs(Phase::Running), [](Cluster& c) { c.nodes_down.insert("node-1"); }}}));

    all.push_back(
        Make("preempted", SmallJob(2), SecondEndsWell,
             {{PhaseIs(Phase::Running), [](Cluster& c) { c.Preempt("digits-worker-0-0"); }}}));
    all.push_back(
        Make("pod-deleted", SmallJob(2), SecondEndsWell,
             {{PhaseIs(Phase::Running), [](Cluster& c) { c.RemovePod("digits-worker-1-0"); }}}));

    model::DLJob rules = SmallJob(2);
    rules.spec.roles[0].exitCodes = {{model::ParseExitCodes("7").value(), model::ExitAction::Retry},
                                     {model::ParseExitCodes("8").value(), model::ExitAction::Fail}};
    all.push_back(Make("exit-code-retry", rules, FailsAtFirst(7)));
    model::DLJob fail_rule = rules;
    fail_rule.spec.retry.limit = 5;
    all.push_back(Make("exit-code-fail", fail_rule, FailsAtFirst(8), {}, Phase::Failed));

    model::DLJob alone = SmallJob(3);
    alone.spec.retry.limit = 2;
    alone.spec.retry.scope = model::RetryScope::Pod;
    all.push_back(Make("replaced-alone", alone, [](const Cluster& c, const PodView& pod) {
        // Pod 1 fails twice, the others wait for it.
        if (c.Phase() != Phase::Running) return std::optional<int>();
        if (c.job->status.attempt >= 2) return std::optional(0);
        return pod.index == 1 ? std::optional(3) : std::nullopt;
    }));

    model::DLJob deleted_alone = SmallJob(2);
    deleted_alone.spec.retry.scope = model::RetryScope::Pod;
    all.push_back(
        Make("deleted-alone", deleted_alone, SecondEndsWell,
             {{PhaseIs(Phase::Running), [](Cluster& c) { c.RemovePod("digits-worker-1-0"); }},
              {[](const Cluster& c) {
                   return c.Phase() == Phase::Running && c.job->status.attempt == 1;
               },
               Spec([](auto& s) { s.stop = true; })}},
             Phase::Stopped));

    // A pod that was replaced alone is deleted in its turn: it counts once more.
    model::DLJob twice = SmallJob(2);
    twice.spec.retry.limit = 1;
    twice.spec.retry.scope = model::RetryScope::Pod;
    all.push_back(Make(
        "replaced-then-deleted", twice,
        [](const Cluster& c, const PodView& pod) -> std::optional<int> {
            const bool fails = c.Phase() == Phase::Running && pod.attempt == 0;
            return fails && pod.index == 1 ? std::optional(3) : std::nullopt;
        },
        {{[](const Cluster& c) {
              return c.Phase() == Phase::Running && c.job->status.attempt == 1;
          },
          [](Cluster& c) { c.RemovePod("digits-worker-1-1"); }},
         {[](const Cluster& c) {
              return c.Phase() == Phase::Running && c.job->status.attempt == 2;
          },
          Spec([](auto& s) { s.stop = true; })}},
        Phase::Stopped));

    // The second attempt runs for long: what comes late finds it running.
    model::DLJob long_restart = SmallJob(3);
    long_restart.spec.retry.limit = 1;
    all.push_back(Make(
        "restart-then-long", long_restart,
        [](const Cluster& c, const PodView& pod) -> std::optional<int> {
            if (pod.attempt > 0 || pod.index != 1) return std::nullopt;
            return c.Phase() == Phase::Running ? std::optional(3) : std::nullopt;
        },
        {{[](const Cluster& c) {
              return c.Phase() == Phase::Running && c.job->status.attempt == 1 &&
                     c.now >= Cluster().now + std::chrono::seconds(100);
          },
          Spec([](auto& s) { s.stop = true; })}},
        Phase::Stopped));

    // Stopped when all pods have ended well already: it has succeeded.
    all.push_back(Make("stop-after-success", SmallJob(2), EndsWell,
                       {{[](const Cluster& c) {
                             return c.pods.size() == 2 &&
                                    std::ranges::all_of(c.pods, [](const auto& p) {
                                        return p.second.phase == model::PodPhase::Succeeded;
                                    });
                         },
                         Spec([](auto& s) { s.stop = true; })}}));

    // One pod has ended well for long when the other one fails.
    all.push_back(Make(
        "one-ends-well-one-fails", SmallJob(2),
        [](const Cluster& c, const PodView& pod) -> std::optional<int> {
            if (pod.index == 0) return EndsWell(c, pod);
            auto other = c.pods.find("digits-worker-0-0");
            const bool ended = other != c.pods.end() && other->second.Terminal();
            return ended ? std::optional(3) : std::nullopt;
        },
        {}, Phase::Failed));

    all.push_back(Make("launcher", LauncherAndWorkers(), [](const Cluster& c, const PodView& pod) {
        return pod.role == "launcher" ? EndsWell(c, pod) : std::nullopt;
    }));

    Workload unapproved = Make("waits-for-administrator", SmallJob(2), EndsWell,
                               {{[](const Cluster& c) {
                                     return c.job && c.job->status.pending &&
                                            c.job->status.pending->cls == model::ReasonClass::Ask;
                                 },
                                 [](Cluster& c) { c.Settings(testing::Cluster()); }}});
    unapproved.configured = false;
    all.push_back(std::move(unapproved));

    // Somebody else's pod has a name that the job needs, until its owner removes it.
    all.push_back(Make(
        "name-taken", SmallJob(2), EndsWell,
        {{[](const Cluster&) { return true; }, [](Cluster& c) { c.Squat("digits-worker-1-0"); }},
         {[](const Cluster& c) {
              return c.job->status.pending &&
                     c.job->status.pending->reason == model::reason::kNameTaken.name;
          },
          [](Cluster& c) { c.RemovePod("digits-worker-1-0"); }}}));

    all.push_back(
        Make("deleted-and-made-again", SmallJob(2), SecondEndsWell,
             {{PhaseIs(Phase::Running), [](Cluster& c) { c.DeleteJob(); }},
              {[](const Cluster&) { return true; }, [](Cluster& c) { c.Submit(SmallJob(2)); }},
              {PhaseIs(Phase::Running), Spec([](auto& s) { s.stop = true; })}},
             Phase::Stopped));
    AddApprovals(all);
    return all;
}

}  // namespace

std::shared_ptr<const model::DLCluster> CautiousCluster(model::OnRevoke on_revoke) {
    auto cluster = std::make_shared<model::DLCluster>(*testing::Cluster());
    cluster->permissions = {{.cls = model::PermissionClass::HostNetwork,
                             .policy = model::PermissionPolicy::RequireApproval}};
    cluster->onRevoke = on_revoke;
    return cluster;
}

model::DLJob AskingJob(int replicas) {
    model::DLJob job = SmallJob(replicas);
    job.spec.image = "digits@sha256:" + std::string(64, 'a');
    job.spec.permissions.hostNetwork = true;
    job.spec.submittedBy = model::User{"alice", "uid-of-alice"};
    return job;
}

std::optional<int> EndsWellOnce(const Cluster& c, const PodView& pod) {
    return EndsWell(c, pod);
}

model::DLJob SmallJob(int replicas) {
    return testing::Job(replicas);
}

const std::vector<Workload>& Workloads() {
    static const std::vector<Workload> all = MakeWorkloads();
    return all;
}

}  // namespace dlws::job::sim

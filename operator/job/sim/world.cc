// SPDX-License-Identifier: Apache-2.0
#include "operator/job/sim/world.h"

#include <fmt/format.h>

#include "operator/job/testing.h"

namespace dlws::job::sim {

namespace {

Cluster With(const model::DLJob& job) {
    Cluster cluster;
    cluster.settings = testing::Cluster();
    cluster.Submit(job);
    return cluster;
}

// One round of a process, whose `call`th request meets `fate`. Number of requests it made.
int Round(Cluster& cluster, Process& process, std::optional<std::pair<int, Fate>> misfortune = {}) {
    Wire wire;
    if (misfortune) wire.faults = {{misfortune->first, misfortune->second}};
    process.Deliver(cluster);
    process.Step(cluster, wire);
    return wire.calls;
}

void Operators(const State& now, std::vector<Action>& all) {
    State probe = now;
    probe.first.Deliver(probe.cluster);
    if (probe.first.Ready(probe.cluster)) {
        all.push_back({"round", [](State& s) { Round(s.cluster, s.first); }});
        const int calls = now.left.crashes || now.left.late ? Round(probe.cluster, probe.first) : 0;
        for (int n = 0; n < calls; ++n) {
            for (Fate fate : {Fate::CrashBefore, Fate::CrashAfter}) {
                if (!now.left.crashes) continue;
                all.push_back({fmt::format("crash {} {}", n, int(fate)), [=](State& s) {
                                   --s.left.crashes;
                                   Round(s.cluster, s.first, std::pair(n, fate));
                                   s.first.Start(s.cluster.Look());
                               }});
            }
            if (!now.left.late || !now.cluster.late.empty()) continue;
            all.push_back({fmt::format("late {}", n), [=](State& s) {
                               --s.left.late;
                               s.cluster.two_leaders = true;
                               Round(s.cluster, s.first, std::pair(n, Fate::Late));
                               s.first.Start(s.cluster.Look());
                           }});
        }
    }
    if (!now.cluster.late.empty())
        all.push_back({"late request arrives", [](State& s) {
                           auto arrived = std::move(s.cluster.late);
                           s.cluster.late.clear();
                           for (auto& request : arrived)
                               request.arrive(s.cluster);
                       }});
    if (now.second) {
        all.push_back({"round of the old leader", [](State& s) {
                           s.second->Wake();
                           Round(s.cluster, *s.second);
                       }});
        all.push_back({"the old leader ends", [](State& s) { s.second.reset(); }});
    } else if (now.left.leaders) {
        for (int which = 0; which < 4; ++which)
            all.push_back({fmt::format("another leads {}", which), [=](State& s) {
                               --s.left.leaders;
                               s.cluster.two_leaders = true;
                               s.second = s.first;
                               s.second->Forsake(which & 1, which & 2);
                               s.first.Start(s.cluster.Look());
                           }});
    }
}

void Caches(const State& now, std::vector<Action>& all) {
    if (now.first.jobs_frozen || now.first.pods_frozen) {
        all.push_back(
            {"caches go on", [](State& s) { s.first.jobs_frozen = s.first.pods_frozen = false; }});
    } else if (now.left.stale) {
        for (int which = 1; which < 4; ++which)
            all.push_back({fmt::format("caches stand still {}", which), [=](State& s) {
                               --s.left.stale;
                               s.first.Deliver(s.cluster);
                               s.first.Forsake(which & 1, which & 2);
                           }});
    }
}

// To be scheduled and to be started are one step: nobody of ours can tell.
bool Step(Cluster& cluster, const std::string& name) {
    const model::PodView& pod = cluster.pods.at(name);
    const bool fresh = pod.node.empty() && !pod.deleting;
    const bool any = cluster.StepPod(name, 0);
    return fresh ? cluster.StepPod(name, 0) || any : any;
}

void Nodes(const State& now, std::vector<Action>& all) {
    for (const auto& [name, pod] : now.cluster.pods) {
        State probe = now;
        const bool runs = pod.phase == model::PodPhase::Running && !pod.deleting;
        if (Step(probe.cluster, name))
            all.push_back({"step of " + name, [name](State& s) { Step(s.cluster, name); }});
        if (runs && now.left.failures)
            all.push_back({"failure of " + name, [name](State& s) {
                               --s.left.failures;
                               s.cluster.StepPod(name, 3);
                           }});
    }
    State probe = now;
    if (probe.cluster.CollectGarbage())
        all.push_back({"garbage", [](State& s) { s.cluster.CollectGarbage(); }});
}

void People(const State& now, std::vector<Action>& all) {
    if (!now.cluster.job) return;
    const model::DLJobSpec& spec = now.cluster.job->spec;
    if (spec.suspend)
        all.push_back(
            {"resume", [](State& s) { s.cluster.Edit([](auto& spec) { spec.suspend = false; }); }});
    if (!now.left.edits) return;
    if (!spec.suspend)
        all.push_back({"suspend", [](State& s) {
                           --s.left.edits;
                           s.cluster.Edit([](auto& spec) { spec.suspend = true; });
                       }});
    if (!spec.stop)
        all.push_back({"stop", [](State& s) {
                           --s.left.edits;
                           s.cluster.Edit([](auto& spec) { spec.stop = true; });
                       }});
    all.push_back({"deletion of the job", [](State& s) {
                       --s.left.edits;
                       s.cluster.DeleteJob();
                   }});
    for (const auto& [name, pod] : now.cluster.pods)
        if (!pod.deleting)
            all.push_back({"deletion of " + name, [name](State& s) {
                               --s.left.edits;
                               s.cluster.RemovePod(name);
                           }});
}

}  // namespace

State::State(const model::DLJob& job, Budget budget)
    : cluster(With(job)), first(cluster), left(budget) {}

std::vector<Action> State::Next() const {
    std::vector<Action> all;
    Operators(*this, all);
    Nodes(*this, all);
    // The clock matters only when nobody else can do anything. A process whose caches stand still
    // would look again and again for ever: they go on first.
    const bool frozen = first.jobs_frozen || first.pods_frozen;
    if (all.empty() && !frozen && first.Timer() && *first.Timer() > cluster.now)
        all.push_back({"time passes", [](State& s) { s.cluster.now = *s.first.Timer(); }});
    Caches(*this, all);
    People(*this, all);
    return all;
}

void State::Settle() {
    second.reset();
    first.jobs_frozen = first.pods_frozen = false;
    left = {};
    for (int i = 0; i < 2000; ++i) {
        std::vector<Action> all = Next();
        if (all.empty()) return;
        // Everybody in turn, so that nobody waits for ever.
        all[std::size_t(i) % all.size()].happen(*this);
    }
    if (cluster.broken.empty()) cluster.broken = "it does not come to an end";
}

std::string State::Fingerprint() const {
    return fmt::format("{}|{}|{}|{}{}{}{}{}{}", cluster.Fingerprint(), first.Fingerprint(cluster),
                       second ? second->Fingerprint(cluster) : "", left.crashes, left.late,
                       left.stale, left.failures, left.edits, left.leaders);
}

}  // namespace dlws::job::sim

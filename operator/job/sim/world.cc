// SPDX-License-Identifier: Apache-2.0
#include "operator/job/sim/world.h"

#include <fmt/format.h>

#include "operator/job/policy.h"
#include "operator/job/testing.h"

namespace dlws::job::sim {

namespace {

Cluster With(const model::DLJob& job) {
    Cluster cluster;
    cluster.settings = testing::Cluster();
    cluster.Submit(job);
    return cluster;
}

// One round of a process, with the faults and the record of a wire.
void Round(Cluster& cluster, Process& process, Wire& wire) {
    process.Deliver(cluster);
    process.Step(cluster, wire);
}

// What can be done to a state, as an action.
class Actions {
  public:
    explicit Actions(const State& now) : now_(now) {}

    void Add(std::string name, std::function<void(State&)> happen) {
        all_.push_back({std::move(name), [&now = now_, happen = std::move(happen)] {
                            State next = now;
                            happen(next);
                            return next;
                        }});
    }
    // One that has been tried already, and what came of it.
    void AddTried(std::string name, State after) {
        auto kept = std::make_shared<State>(std::move(after));
        all_.push_back({std::move(name), [kept] { return std::move(*kept); }});
    }
    bool Empty() const { return all_.empty(); }
    std::vector<Action> All() { return std::move(all_); }

  private:
    const State& now_;
    std::vector<Action> all_;
};

// Creations and deletions of pods are under way at once (Executor::InParallel): a crash may find
// any of them performed and the others not. From `begin` on the requests of one such batch, or one
// other request.
struct Batch {
    int begin = 0, end = 0;
    std::vector<int> writes;
};

std::vector<Batch> Batches(const std::vector<Call>& trace) {
    auto kind = [](const Call& call) -> std::string {
        if (call.verb == "delete") return "delete";
        return call.verb == "create" && call.what == "Pod" ? "create" : "";
    };
    std::vector<Batch> batches;
    std::string last;
    for (int n = 0; n < int(trace.size()); ++n) {
        const Call& call = trace[std::size_t(n)];
        if (batches.empty() || (call.write && (last.empty() || kind(call) != last)))
            batches.push_back({.begin = n});
        if (call.write) last = kind(call);
        if (call.write) batches.back().writes.push_back(n);
        batches.back().end = n + 1;
    }
    return batches;
}

// A crash in a batch, for each set of its writes that were performed.
void Crashes(const std::vector<Call>& trace, Actions& actions) {
    for (const Batch& batch : Batches(trace)) {
        const unsigned sets = 1u << batch.writes.size();
        // That all were performed and nothing else was is how the next batch begins.
        const bool last = batch.end == int(trace.size());
        for (unsigned performed = 0; performed < sets - (last ? 0 : 1); ++performed) {
            std::vector<Fault> faults{{batch.end, Fate::CrashBefore}};
            for (std::size_t i = 0; i < batch.writes.size(); ++i)
                if (!(performed >> i & 1)) faults.push_back({batch.writes[i], Fate::Lost});
            actions.Add(fmt::format("crash in request {} with {}", batch.begin, performed),
                        [faults](State& s) {
                            --s.left.crashes;
                            Wire wire;
                            wire.faults = faults;
                            Round(s.cluster, s.first, wire);
                            s.first.Start(s.cluster.Look());
                        });
        }
    }
}

void Operators(const State& now, Actions& actions) {
    State after = now;
    Wire wire;
    wire.record = true;
    after.first.Deliver(after.cluster);
    if (after.first.Step(after.cluster, wire)) {
        actions.AddTried("round", std::move(after));
        if (now.left.crashes) Crashes(wire.trace, actions);
        for (int n = 0; now.left.late && now.cluster.late.empty() && n < wire.calls; ++n)
            actions.Add(fmt::format("late {}", n), [n](State& s) {
                --s.left.late;
                s.cluster.two_leaders = true;
                Wire late;
                late.faults = {{n, Fate::Late}};
                Round(s.cluster, s.first, late);
                s.first.Start(s.cluster.Look());
            });
    }
    if (!now.cluster.late.empty())
        actions.Add("late request arrives", [](State& s) {
            auto arrived = std::move(s.cluster.late);
            s.cluster.late.clear();
            for (auto& request : arrived)
                request.arrive(s.cluster);
        });
    if (now.second) {
        actions.Add("round of the old leader", [](State& s) {
            Wire calm;
            s.second->Wake();
            Round(s.cluster, *s.second, calm);
        });
        actions.Add("the old leader ends", [](State& s) { s.second.reset(); });
    } else if (now.left.leaders) {
        for (int which = 0; which < 4; ++which)
            actions.Add(fmt::format("another leads {}", which), [=](State& s) {
                --s.left.leaders;
                s.cluster.two_leaders = true;
                s.first.Deliver(s.cluster);
                s.second = s.first;
                s.second->Forsake(which & 1, which & 2);
                s.first.Start(s.cluster.Look());
            });
    }
}

void Caches(const State& now, Actions& actions) {
    if (now.first.jobs_frozen || now.first.pods_frozen) {
        actions.Add("caches go on",
                    [](State& s) { s.first.jobs_frozen = s.first.pods_frozen = false; });
    } else if (now.left.stale) {
        for (int which = 1; which < 4; ++which)
            actions.Add(fmt::format("caches stand still {}", which), [=](State& s) {
                --s.left.stale;
                s.first.Deliver(s.cluster);
                s.first.Forsake(which & 1, which & 2);
            });
    }
}

// To be scheduled and to be started are one step, and so are to be told to end and to end: of what
// the operator decides nothing depends on what is between. Plans and real clusters take them apart.
bool Step(Cluster& cluster, const std::string& name) {
    const model::PodView& pod = cluster.pods.at(name);
    const bool fresh = pod.node.empty() && !pod.deleting;
    const bool told = pod.deleting && pod.phase == model::PodPhase::Running && pod.ready;
    const bool any = cluster.StepPod(name, 0);
    return fresh || told ? cluster.StepPod(name, 0) || any : any;
}

void Nodes(const State& now, Actions& actions) {
    for (const auto& [name, pod] : now.cluster.pods) {
        State after = now;
        const bool runs = pod.phase == model::PodPhase::Running && !pod.deleting;
        if (Step(after.cluster, name)) actions.AddTried("step of " + name, std::move(after));
        if (runs && now.left.failures)
            actions.Add("failure of " + name, [name](State& s) {
                --s.left.failures;
                s.cluster.StepPod(name, 3);
            });
    }
    State after = now;
    if (after.cluster.CollectGarbage()) actions.AddTried("garbage", std::move(after));
}

void People(const State& now, Actions& actions) {
    if (!now.cluster.job) return;
    const model::DLJobSpec& spec = now.cluster.job->spec;
    if (spec.suspend)
        actions.Add("resume",
                    [](State& s) { s.cluster.Edit([](auto& spec) { spec.suspend = false; }); });
    if (!now.left.edits) return;
    auto edit = [&](std::string name, std::function<void(Cluster&)> change) {
        actions.Add(std::move(name), [change = std::move(change)](State& s) {
            --s.left.edits;
            change(s.cluster);
        });
    };
    if (!spec.suspend)
        edit("suspend", [](Cluster& c) { c.Edit([](auto& spec) { spec.suspend = true; }); });
    if (!spec.stop) edit("stop", [](Cluster& c) { c.Edit([](auto& spec) { spec.stop = true; }); });
    edit("deletion of the job", [](Cluster& c) { c.DeleteJob(); });
    for (const auto& [name, pod] : now.cluster.pods)
        if (!pod.deleting) edit("deletion of " + name, [name](Cluster& c) { c.RemovePod(name); });
}

// Which of two failures came first is decided by the order of the pods where time does not tell. So
// pods are not interchangeable any more from the first on, if there may be another one.
bool OrderMatters(const Cluster& cluster, const Budget& left) {
    if (!cluster.job || AttemptFailed(cluster.job->status)) return false;
    const model::JobStatus& status = cluster.job->status;
    int well = 0, failed = 0;
    for (const auto& [name, pod] : cluster.pods) {
        if (pod.attempt != status.attempt) continue;
        const bool fails = pod.deleting || pod.phase == model::PodPhase::Failed;
        ++(fails ? failed : well);
    }
    if (IsLaunched(status)) failed = cluster.job->spec.roles[0].replicas - well;
    return failed > 1 || (failed == 1 && (left.failures > 0 || left.edits > 0));
}

}  // namespace

State::State(const model::DLJob& job, Budget budget)
    : cluster(With(job)), first(cluster), left(budget) {}

std::vector<Action> State::Next() const {
    Actions actions(*this);
    Operators(*this, actions);
    Nodes(*this, actions);
    // The clock matters only when nobody else can do anything. A process whose caches stand still
    // would look again and again for ever: they go on first.
    const bool frozen = first.jobs_frozen || first.pods_frozen;
    if (actions.Empty() && !frozen && first.Timer() && *first.Timer() > cluster.now)
        actions.Add("time passes", [](State& s) { s.cluster.now = *s.first.Timer(); });
    Caches(*this, actions);
    People(*this, actions);
    return actions.All();
}

void State::Settle() {
    second.reset();
    first.jobs_frozen = first.pods_frozen = false;
    left = {};
    for (std::size_t i = 0; i < 2000; ++i) {
        std::vector<Action> all = Next();
        if (all.empty()) return;
        // Everybody in turn, so that nobody waits for ever.
        *this = all[i % all.size()].Happen();
    }
    if (cluster.broken.empty()) cluster.broken = "it does not come to an end";
}

std::uint64_t State::Fingerprint() const {
    sim::Fingerprint all(cluster.now);
    cluster.AddTo(all);
    first.AddTo(all, cluster);
    if (second) second->AddTo(all, cluster);
    all.Add(fmt::format("{} {} {} {} {} {}", left.crashes, left.late, left.stale, left.failures,
                        left.edits, left.leaders));
    // The late request and the old leader have an order of their own.
    const bool alike = !OrderMatters(cluster, left) && cluster.late.empty() && !second &&
                       left.late == 0 && left.leaders == 0;
    return all.Hash(alike && cluster.job ? cluster.job->spec.roles[0].replicas : 1);
}

}  // namespace dlws::job::sim

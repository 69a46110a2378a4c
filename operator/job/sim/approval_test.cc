// SPDX-License-Identifier: Apache-2.0
// Approvals taken back, ended, denied or given anew at every point of a round, beside a fault of
// the operator's: no pod that reaches its node is created on an approval that was gone when it was
// looked at, and none lives on. DLWS_WALK=seed replays one schedule.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "operator/job/sim/plans.h"
#include "operator/job/sim/run.h"

namespace dlws::job::sim {
namespace {

struct Schedule {
    Workload workload;
    Plan plan;
    int at = 0;  ///< number of the request before which somebody acts
    std::function<void(Cluster&)> act;
    std::string what;
};

const std::vector<std::pair<std::string, std::function<void(Cluster&)>>>& Acts() {
    using std::chrono::seconds;
    static const std::vector<std::pair<std::string, std::function<void(Cluster&)>>> acts{
        {"revoke", [](Cluster& c) { c.Revoke(); }},
        {"expire", [](Cluster& c) { c.now += seconds(300); }},
        {"deny", [](Cluster& c) { c.Approve("dave", false); }},
        {"no-right-any-more", [](Cluster& c) { c.approvers.clear(); }},
        {"delete-job", [](Cluster& c) { c.DeleteJob(); }},
        {"make-anew",
         [](Cluster& c) {
             c.DeleteJob();
             c.Submit(AskingJob(2));
         }},
        {"stop", [](Cluster& c) { c.Edit([](auto& s) { s.stop = true; }); }},
        {"suspend", [](Cluster& c) { c.Edit([](auto& s) { s.suspend = true; }); }},
        {"revoke-and-approve-oneself",
         [](Cluster& c) {
             c.Revoke();
             c.Approve("alice");
         }},
        {"another-approves-by-the-same-name",
         [](Cluster& c) {
             if (c.approvals.size() == 0) return;
             const std::string name = c.approvals.begin()->first;
             c.Revoke();
             c.Approve("dave", true, {}, name);
         }},
        {"another-approves",
         [](Cluster& c) {
             c.Revoke();
             c.Approve("dave");
         }},
    };
    return acts;
}

Workload Asking(std::mt19937& random) {
    const int pods = 1 + int(random() % 3);
    Workload w{.name = "asking", .job = AskingJob(pods), .containers = EndsWellOnce};
    w.settings =
        CautiousCluster(random() % 4 == 0 ? model::OnRevoke::Continue : model::OnRevoke::Stop);
    if (random() % 3 == 0) {
        w.job.spec.retry.limit = 1;
        w.containers = [](const Cluster& c, const model::PodView& pod) -> std::optional<int> {
            if (c.Phase() != model::Phase::Running) return std::nullopt;
            return pod.attempt == 0 && pod.index == 0 ? 3 : 0;
        };
        if (random() % 2 == 0) w.job.spec.retry.scope = model::RetryScope::Pod;
    }
    if (random() % 3 == 0) w.containers = nullptr;  // for ever
    if (!w.containers)
        w.containers = [](const Cluster&, const model::PodView&) { return std::optional<int>(); };
    const bool ends = random() % 2 == 0;
    w.deeds = {
        {[](const Cluster& c) { return c.Phase() == model::Phase::AwaitingApproval; },
         [ends](Cluster& c) {
             c.Approve("carol", true,
                       ends ? std::optional(c.now + std::chrono::seconds(200)) : std::nullopt);
         }},
        // Who may not approve any more, may not for ever.
        {[](const Cluster& c) {
             return c.job && c.job->status.message.find("has not the right") != std::string::npos;
         },
         [](Cluster& c) { c.Edit([](auto& s) { s.stop = true; }); }}};
    return w;
}

// A pod that its dead maker asked for comes while people change their minds.
void AnswerDuringALateCreate(Schedule& s, const std::vector<Call>& trace, std::mt19937& random) {
    std::vector<int> creates;
    for (std::size_t n = 0; n < trace.size(); ++n)
        if (trace[n].verb == "create" && trace[n].what == "Pod") creates.push_back(int(n));
    if (creates.empty()) return;
    const int n = creates[random() % creates.size()];
    s.plan = {.faults = {{n, Fate::Late}}, .late_ticks = 1 + int(random() % 16)};
    s.plan.name = fmt::format("{}:create-Pod:late-by-{}", n, s.plan.late_ticks);
    s.at = n + 1 + int(random() % 12);
}

Schedule Draw(unsigned seed) {
    std::mt19937 random(seed);
    Schedule s{.workload = Asking(random)};
    sim::Run calm(s.workload, {.name = "calm"}, true);
    calm.ToTheEnd();
    EXPECT_EQ(calm.cluster.broken, "") << seed;
    const int calls = int(calm.wire.trace.size());
    s.at = int(random() % unsigned(calls + 2));
    std::tie(s.what, s.act) = Acts()[random() % Acts().size()];
    if (random() % 2 == 0) {
        const std::vector<Plan> plans = PlansFor(calm.wire.trace, calm.ticks());
        s.plan = plans[random() % plans.size()];
    }
    if (random() % 4 == 0) {  // the watch of approvals is late, or begins with old ones
        Stale& late = random() % 2 == 0 ? s.plan.frozen : s.plan.restarted;
        late = {.at = int(random() % unsigned(calm.ticks() + 1)),
                .ticks = 1 + int(random() % 8),
                .jobs = false,
                .pods = false,
                .approvals = true};
        late.seen = int(random() % unsigned(late.at + 1));
    }
    if (random() % 8 == 0) AnswerDuringALateCreate(s, calm.wire.trace, random);
    s.plan.name = fmt::format("seed {} {} at {} {}", seed, s.what, s.at, s.plan.name);
    return s;
}

TEST(Approvals, NoneIsUsedAfterItIsGone) {
    const char* only = std::getenv("DLWS_WALK");
    const unsigned count = std::getenv("DLWS_SIM_FULL") ? 10'000 : 500;
    int schedules = 0, created = 0, violations = 0;
    for (unsigned seed = 1; seed <= count; ++seed) {
        if (only && seed != unsigned(std::strtoul(only, nullptr, 10))) continue;
        const Schedule s = Draw(seed);
        sim::Run run(s.workload, s.plan);
        run.tell = only != nullptr;
        run.wire.meddle = [&](Cluster& c, int n) {
            if (n == s.at) s.act(c);
        };
        run.ToTheEnd();
        ++schedules;
        created += int(run.cluster.guarded.size());
        if (run.cluster.broken.empty()) continue;
        if (++violations <= 5) ADD_FAILURE() << run.cluster.broken;
    }
    if (!only) {
        EXPECT_GT(created, schedules / 2);
    }
    fmt::print(
        "figure approval_schedules {} schedules{}\nfigure approval_violations {} violations "
        "goal <= 0\n",
        schedules, count > 1000 ? " goal >= 10000" : "", violations);
}

}  // namespace
}  // namespace dlws::job::sim

// SPDX-License-Identifier: Apache-2.0
// Every workload under every plan of faults (plans.h), on the production Reconciler, Executor and
// Decide. DLWS_PLAN=workload/plan replays one; without DLWS_SIM_FULL a sample that DLWS_SEED
// chooses.
#include "operator/job/sim/plans.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace dlws::job::sim {
namespace {

bool Full() {
    return std::getenv("DLWS_SIM_FULL") != nullptr;
}
unsigned Seed() {
    const char* seed = std::getenv("DLWS_SEED");
    return seed ? unsigned(std::strtoul(seed, nullptr, 10)) : 1;
}
// Of the plans, one in so many.
constexpr unsigned kSample = 20;

int all_plans = 0, all_violations = 0;

// After the last workload: what all of them came to.
class Figures : public ::testing::Environment {
    void TearDown() override {
        if (all_plans == 0) return;
        const bool all = Full() && !std::getenv("DLWS_PLAN");
        fmt::print("figure sim_plans {} plans{}\nfigure sim_violations {} violations goal <= 0\n",
                   all_plans, all ? " goal >= 20000" : "", all_violations);
    }
};
const auto* const figures = ::testing::AddGlobalTestEnvironment(new Figures);

class Plans : public ::testing::TestWithParam<std::size_t> {
  protected:
    const Workload& workload() const { return Workloads()[GetParam()]; }
};

// As many writes as a job may cost: its objects, each pod created and at most deleted, and a few
// statuses an attempt.
int MostWrites(const Workload& w, const sim::Run& run) {
    int pods = 0, attempts = 1;
    for (const auto& [name, times] : run.cluster.created)
        pods += times;
    if (run.cluster.job) attempts += run.cluster.job->status.attempt;
    // Each pod that may be replaced alone has a fence of its own, which is closed then.
    const int a_pod = w.job.spec.retry.scope == model::RetryScope::Pod ? 4 : 2;
    return 2 + a_pod * pods + 8 * attempts + 4 * int(w.deeds.size());
}

TEST_P(Plans, EndAsWithoutFaults) {
    sim::Run calm(workload(), {.name = "no faults"}, true);
    calm.ToTheEnd();
    ASSERT_EQ(calm.cluster.broken, "");
    ASSERT_EQ(calm.cluster.Phase(), workload().end) << calm.Ending();
    ASSERT_LE(calm.cluster.writes, MostWrites(workload(), calm));
    ASSERT_LE((calm.cluster.now - Cluster().now).count(), workload().seconds);

    int plans = 0, violations = 0, n = 0;
    const char* only = std::getenv("DLWS_PLAN");
    for (const Plan& plan : PlansFor(calm.wire.trace, calm.ticks())) {
        const std::string name = workload().name + "/" + plan.name;
        if (only ? name != only : !Full() && unsigned(n++) % kSample != Seed() % kSample) continue;
        sim::Run run(workload(), plan);
        run.tell = only != nullptr;
        run.ToTheEnd();
        ++plans;
        const bool counts = !run.cluster.two_leaders;
        if (run.cluster.broken.empty() && run.Ending(counts) == calm.Ending(counts)) continue;
        if (++violations <= 5)
            ADD_FAILURE() << "DLWS_PLAN=" << name << "\n"
                          << run.cluster.broken << "\nends:   " << run.Ending(counts)
                          << "\nshould: " << calm.Ending(counts);
    }
    EXPECT_EQ(violations, 0);
    all_plans += plans;
    all_violations += violations;
    fmt::print("{}: {} requests in {} ticks, {} writes; {} plans, {} violations\n", workload().name,
               calm.wire.trace.size(), calm.ticks(), calm.cluster.writes, plans, violations);
}

INSTANTIATE_TEST_SUITE_P(Workloads, Plans, ::testing::Range(std::size_t(0), Workloads().size()),
                         [](const auto& info) {
                             std::string name = Workloads()[info.param].name;
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

}  // namespace
}  // namespace dlws::job::sim

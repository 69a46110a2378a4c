// SPDX-License-Identifier: Apache-2.0
// All ways a small job's life can go, breadth first, and random walks through larger ones. A
// failure prints the way that leads there; a walk also its seed (DLWS_WALK=N repeats that one
// alone).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <random>
#include <unordered_set>

#include "operator/job/sim/workloads.h"
#include "operator/job/sim/world.h"

namespace dlws::job::sim {
namespace {

bool Full() {
    return std::getenv("DLWS_SIM_FULL") != nullptr;
}

bool Ended(const State& s) {
    return !s.cluster.job ||
           model::IsTrue(s.cluster.job->status.conditions, model::kConditionFinished);
}

// What must hold where nothing can happen any more.
std::string WrongAtTheEnd(State s) {
    if (!Ended(s)) return "nothing can happen, and the job has not ended";
    if (s.cluster.job)
        for (const auto& [name, pod] : s.cluster.pods)
            if (!pod.Terminal()) return name + " is left";
    const int writes = s.cluster.writes;
    Wire wire;
    s.first.Deliver(s.cluster);
    s.first.Run(s.cluster, wire);
    s.cluster.now += std::chrono::seconds(3);
    s.first.Run(s.cluster, wire);
    return s.cluster.writes == writes ? "" : "it writes although nothing happens";
}

// Breadth first over all states; each is kept as its hash and the way to it.
class Exploration {
  public:
    explicit Exploration(State start, std::size_t most) : most_(most) {
        Visit(start, -1, "submit");
    }

    void Run() {
        while (!frontier_.empty() && wrong_.empty() && came_from_.size() < most_) {
            auto [at, state] = std::move(frontier_.front());
            frontier_.pop_front();
            std::vector<Action> all = state.Next();
            if (all.empty()) {
                ++ends_;
                if (std::string wrong = WrongAtTheEnd(state); !wrong.empty()) Wrong(at, wrong);
            }
            for (const Action& action : all) {
                State next = state;
                action.happen(next);
                ++transitions_;
                Visit(next, at, action.name);
                if (!wrong_.empty()) return;
            }
        }
    }

    std::size_t states() const { return came_from_.size(); }
    std::size_t transitions() const { return transitions_; }
    std::size_t ends() const { return ends_; }
    bool complete() const { return frontier_.empty(); }
    const std::string& wrong() const { return wrong_; }

  private:
    void Visit(const State& state, int from, const std::string& by) {
        if (!seen_.insert(std::hash<std::string>{}(state.Fingerprint())).second) return;
        came_from_.emplace_back(from, by);
        const int at = int(came_from_.size()) - 1;
        if (!state.cluster.broken.empty()) return Wrong(at, state.cluster.broken);
        frontier_.emplace_back(at, state);
    }
    void Wrong(int at, const std::string& what) {
        wrong_ = what;
        for (; at >= 0; at = came_from_[std::size_t(at)].first)
            wrong_ = came_from_[std::size_t(at)].second + "\n" + wrong_;
    }

    std::size_t most_;
    std::deque<std::pair<int, State>> frontier_;
    std::unordered_set<std::size_t> seen_;
    std::vector<std::pair<int, std::string>> came_from_;
    std::size_t transitions_ = 0, ends_ = 0;
    std::string wrong_;
};

model::DLJob Gang(int pods) {
    model::DLJob job = SmallJob(pods);
    job.spec.retry.limit = 1;
    return job;
}

void Explore(const std::string& name, const model::DLJob& job, Budget budget, bool whole = false) {
    // Of two pods there are more than three million states, which is more than fits: breadth first
    // means that all short ways are walked. The sample stops earlier still.
    Exploration exploration(State(job, budget), Full() ? 300'000 : 6'000);
    exploration.Run();
    EXPECT_EQ(exploration.wrong(), "");
    if (Full() && whole) {
        EXPECT_TRUE(exploration.complete());
    }
    std::fflush(stdout);
    fmt::print("{}: {} states, {} transitions, {} ends{}\n", name, exploration.states(),
               exploration.transitions(), exploration.ends(),
               exploration.complete() ? "" : ", not complete");
    fmt::print("figure sim_states_{} {} states\n", name, exploration.states());
}

// One crash, one stale read, and one edit or deletion of a user's, in any order.
constexpr Budget kOfEach{.crashes = 1, .stale = 1, .failures = 1, .edits = 1};

TEST(Explore, OnePod) {
    Explore("one_pod", Gang(1), kOfEach, true);
}
TEST(Explore, TwoPods) {
    Explore("two_pods", Gang(2), kOfEach);
}
TEST(Explore, ThreePods) {
    Explore("three_pods", Gang(3), kOfEach);
}
TEST(Explore, TwoPodsAndTwoLeaders) {
    Explore("two_leaders", Gang(2), {.failures = 1, .edits = 1, .leaders = 1});
}
TEST(Explore, TwoPodsAndALateRequest) {
    Explore("late_request", Gang(2), {.late = 1, .failures = 1, .edits = 1});
}

unsigned Seed() {
    const char* seed = std::getenv("DLWS_SEED");
    return seed ? unsigned(std::strtoul(seed, nullptr, 10)) : 1;
}

// A walk: `steps` things happen, then everything goes its way to the end.
std::string Walk(unsigned seed) {
    std::mt19937 random(seed);
    auto pick = [&](std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
    };
    const auto& workloads = Workloads();
    model::DLJob job = workloads[pick(workloads.size())].job;
    job.spec.retry.limit = int(pick(4));
    // A pod that is replaced alone has no fence (docs/decisions/0010-simulation.md, limits).
    const bool fenced = job.spec.retry.scope == model::RetryScope::Gang;
    State state(job, {.crashes = 3,
                      .late = fenced ? 2 : 0,
                      .stale = 4,
                      .failures = 4,
                      .edits = 4,
                      .leaders = fenced ? 2 : 0});
    std::string way = fmt::format("{} pods", model::TotalPods(job.spec));
    for (std::size_t steps = 10 + pick(150); steps > 0 && state.cluster.broken.empty(); --steps) {
        std::vector<Action> all = state.Next();
        if (all.empty()) break;
        const Action& action = all[pick(all.size())];
        way += "\n" + action.name;
        action.happen(state);
    }
    if (state.cluster.broken.empty()) state.Settle();
    std::string wrong = state.cluster.broken.empty() ? WrongAtTheEnd(state) : state.cluster.broken;
    return wrong.empty() ? "" : fmt::format("DLWS_WALK={}: {}\n{}", seed, wrong, way);
}

TEST(Walks, EndWell) {
    if (const char* only = std::getenv("DLWS_WALK")) {
        EXPECT_EQ(Walk(unsigned(std::strtoul(only, nullptr, 10))), "");
        return;
    }
    const int walks = Full() ? 20'000 : 1'000;
    for (int i = 0; i < walks; ++i)
        ASSERT_EQ(Walk(Seed() * 100'003u + unsigned(i)), "");
    fmt::print("figure sim_walks {} walks\n", walks);
}

// Seeds that were red once.
TEST(Walks, ThoseThatFailedOnce) {
    for (unsigned seed : {100'061u, 106'423u})
        EXPECT_EQ(Walk(seed), "");
}

}  // namespace
}  // namespace dlws::job::sim

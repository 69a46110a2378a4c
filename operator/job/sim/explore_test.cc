// SPDX-License-Identifier: Apache-2.0
// All ways a small job's life can go, breadth first, and random walks through larger ones. A
// failure prints the way that leads there; a walk also its seed (DLWS_WALK=N repeats that one
// alone).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdlib>
#include <deque>
#include <random>
#include <span>

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

// Breadth first over all states, so that the shortest way to a failure is found; when too many wait
// for their turn, the latest first, so that they become fewer. Of each state its fingerprint is
// kept and which action led to it from where, 17 bytes or so; whole states only while they wait.
class Exploration {
  public:
    explicit Exploration(State start, std::size_t most) : start_(std::move(start)), most_(most) {
        Visit(start_, 0, 0);
    }

    void Run() {
        while (!frontier_.empty() && wrong_.empty() && came_from_.size() < most_) {
            const auto [at, state] = Take();
            std::vector<Action> all = state.Next();
            if (all.empty()) {
                ++ends_;
                if (std::string wrong = WrongAtTheEnd(state); !wrong.empty()) Wrong(at, wrong);
            }
            for (std::size_t n = 0; n < all.size() && wrong_.empty(); ++n) {
                ++transitions_;
                Visit(all[n].Happen(), at, std::uint8_t(n));
            }
        }
    }

    std::size_t states() const { return came_from_.size(); }
    std::size_t transitions() const { return transitions_; }
    std::size_t ends() const { return ends_; }
    bool complete() const { return frontier_.empty(); }
    const std::string& wrong() const { return wrong_; }

  private:
    struct Origin {
        std::uint32_t state;
        std::uint8_t action;
    } __attribute__((packed));

    using Waiting = std::pair<std::uint32_t, State>;

    Waiting Take() {
        const bool many = frontier_.size() > kMostWaiting;
        Waiting next = std::move(many ? frontier_.back() : frontier_.front());
        many ? frontier_.pop_back() : frontier_.pop_front();
        return next;
    }

    void Visit(State state, std::uint32_t from, std::uint8_t action) {
        if (!seen_.insert(state.Fingerprint()).second) return;
        came_from_.push_back({from, action});
        if (came_from_.size() % 1'000'000 == 0) {
            fmt::print("{} states, {} to be looked at\n", came_from_.size(), frontier_.size());
            std::fflush(stdout);
        }
        const auto at = std::uint32_t(came_from_.size() - 1);
        if (!state.cluster.broken.empty()) return Wrong(at, state.cluster.broken);
        frontier_.emplace_back(at, std::move(state));
    }

    // Walks the way to the state `at` once more, to tell it.
    void Wrong(std::uint32_t at, const std::string& what) {
        std::vector<std::uint8_t> way;
        for (; at > 0; at = came_from_[at].state)
            way.push_back(came_from_[at].action);
        State state = start_;
        for (auto n = way.rbegin(); n != way.rend(); ++n) {
            Action action = std::move(state.Next()[*n]);
            wrong_ += action.name + "\n";
            state = action.Happen();
        }
        wrong_ += what;
    }

    static constexpr std::size_t kMostWaiting = 300'000;

    State start_;
    std::size_t most_;
    std::deque<Waiting> frontier_;
    boost::unordered_flat_set<std::uint64_t> seen_;
    std::vector<Origin> came_from_;
    std::size_t transitions_ = 0, ends_ = 0;
    std::string wrong_;
};

model::DLJob Gang(int pods) {
    model::DLJob job = SmallJob(pods);
    job.spec.retry.limit = 1;
    return job;
}

void Explore(const std::string& name, const model::DLJob& job, Budget budget) {
    // What fingerprint.h takes for granted: of times only a restart's matters, and pods of one role
    // are alike.
    ASSERT_TRUE(!job.spec.activeDeadlineSeconds && !job.spec.ttlSecondsAfterFinished);
    ASSERT_TRUE(job.spec.roles.size() == 1 && job.spec.roles[0].replicas < 10);
    ASSERT_TRUE(!job.spec.elastic && job.spec.retry.scope == model::RetryScope::Gang);
    Exploration exploration(State(job, budget), Full() ? 100'000'000 : 6'000);
    exploration.Run();
    EXPECT_EQ(exploration.wrong(), "");
    if (Full()) {
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
    Explore("one_pod", Gang(1), kOfEach);
}
TEST(Explore, TwoPods) {
    Explore("two_pods", Gang(2), kOfEach);
}
// Of three pods with all of these at once there are more than 25,000,000 states: each three of the
// four.
TEST(Explore, ThreePods) {
    Explore("three_pods", Gang(3), {.crashes = 1, .stale = 1, .edits = 1});
}
TEST(Explore, ThreePodsAndACrash) {
    Explore("three_pods_crash", Gang(3), {.crashes = 1, .failures = 1, .edits = 1});
}
TEST(Explore, ThreePodsAndAStaleRead) {
    Explore("three_pods_stale", Gang(3), {.stale = 1, .failures = 1, .edits = 1});
}
TEST(Explore, ThreePodsACrashAndAStaleRead) {
    Explore("three_pods_no_edit", Gang(3), {.crashes = 1, .stale = 1, .failures = 1});
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
    // Those that wait for somebody's approval are in approval_test.cc.
    const auto asks = [](const Workload& w) { return w.job.spec.permissions.Any(); };
    const auto workloads =
        std::span(Workloads())
            .first(Workloads().size() - std::size_t(std::ranges::count_if(Workloads(), asks)));
    model::DLJob job = workloads[pick(workloads.size())].job;
    job.spec.retry.limit = int(pick(4));
    State state(job,
                {.crashes = 3, .late = 2, .stale = 4, .failures = 4, .edits = 4, .leaders = 2});
    std::string way = fmt::format("{} pods", model::TotalPods(job.spec));
    for (std::size_t steps = 10 + pick(150); steps > 0 && state.cluster.broken.empty(); --steps) {
        std::vector<Action> all = state.Next();
        if (all.empty()) break;
        const Action& action = all[pick(all.size())];
        way += "\n" + action.name;
        state = action.Happen();
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
    for (unsigned seed : {100'061u, 106'423u, 119'886u})
        EXPECT_EQ(Walk(seed), "");
}

}  // namespace
}  // namespace dlws::job::sim

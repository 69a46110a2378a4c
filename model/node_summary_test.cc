// SPDX-License-Identifier: Apache-2.0
#include "model/node_summary.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "model/time.h"

namespace dlws::model {
namespace {

using ::testing::ElementsAre;

NodeFacts Gpus(const std::string& name, int gpus, const std::string& type = "A100") {
    return {.name = name, .gpuType = type, .gpus = gpus, .allocatable = gpus};
}

NodeFacts NotReady(NodeFacts facts) {
    facts.trouble = NodeTrouble{"NotReady", "m", Time{}};
    return facts;
}

NodeFacts Cordoned(NodeFacts facts) {
    facts.cordoned = true;
    return facts;
}

TEST(NodeSummary, EachGpuIsCountedOnce) {
    NodeSummary summary;
    summary.PutNode(Gpus("ok", 8));
    summary.PutNode(Cordoned(Gpus("cordoned", 8)));
    summary.PutNode(NotReady(Cordoned(Gpus("dead", 8))));
    NodeFacts broken = Gpus("broken", 8);
    broken.allocatable = 6;
    summary.PutNode(broken);
    summary.PutNode({.name = "plain"});
    for (const char* node : {"ok", "cordoned", "dead", "broken", "plain"})
        summary.PutPod(node, {"vision", "digits", node, 3, false});
    const NodeReport report = summary.Report();
    EXPECT_EQ(report.gpus, (GpuCounts{.total = 32,
                                      .allocatable = 8 + 6,
                                      .used = 12,
                                      .free = 5 + 3,
                                      .cordoned = 5,
                                      .unhealthy = 5 + 2}));
    EXPECT_EQ(
        report.nodes,
        (NodeCounts{.total = 5, .withGpus = 4, .cordoned = 1, .unhealthy = 1, .notReady = 1}));
    EXPECT_THAT(report.types.items, ElementsAre(GpuTypeStatus{"A100", 4, report.gpus, 5}));
    EXPECT_EQ(summary.Nodes().at("ok").used, 3);
    EXPECT_EQ(FreeOn(summary.Nodes().at("ok")), 5);
    EXPECT_EQ(FreeOn(summary.Nodes().at("broken")), 3);
    EXPECT_EQ(FreeOn(summary.Nodes().at("cordoned")), 0);
}

TEST(NodeSummary, TheWorstProblemsComeFirst) {
    NodeSummary summary;
    summary.PutNode(Cordoned(Gpus("a", 8)));
    summary.PutNode(NotReady(Gpus("small", 1)));
    summary.PutNode(NotReady(Gpus("large", 8)));
    NodeFacts broken = Gpus("broken", 8);
    broken.allocatable = 5;
    summary.PutNode(broken);
    NodeFacts sick = Gpus("sick", 8);
    sick.trouble = NodeTrouble{"KernelDeadlock", "", std::nullopt};
    summary.PutNode(sick);
    std::vector<std::string> text;
    for (const NodeProblem& p : summary.Report().problems.items)
        text.push_back(fmt::format("{} {} {}", p.node, p.reason, p.gpus));
    EXPECT_THAT(text, ElementsAre("large NotReady 8", "small NotReady 1", "sick KernelDeadlock 8",
                                  "broken GpusBroken 3", "a Cordoned 8"));
    summary.PutNode(Gpus("large", 8));
    summary.RemoveNode("small");
    EXPECT_EQ(summary.Report().problems.items[0].node, "sick");
}

TEST(NodeSummary, WhoHoldsThem) {
    NodeSummary summary;
    summary.PutPod("vision/a-0", {"vision", "a", "n", 2, false});
    summary.PutPod("vision/a-1", {"vision", "a", "n", 2, false});
    summary.PutPod("speech/b-0", {"speech", "b", "n", 3, false});
    summary.PutJob("vision", "a", "alice");
    summary.PutJob("speech", "b", "alice");
    EXPECT_THAT(summary.Report().jobs.items, ElementsAre(GpuHolder{"vision", "a", "alice", 4},
                                                         GpuHolder{"speech", "b", "alice", 3}));
    EXPECT_THAT(summary.Report().users.items, ElementsAre(GpuHolder{"", "", "alice", 7}));
    EXPECT_THAT(summary.Report().namespaces.items,
                ElementsAre(GpuHolder{"vision", "", "", 4}, GpuHolder{"speech", "", "", 3}));
    summary.PutPod("vision/a-1", {"vision", "a", "n", 2, true});
    summary.RemoveJob("speech", "b");
    EXPECT_THAT(summary.Report().jobs.items, ElementsAre(GpuHolder{"speech", "b", "alice", 3},
                                                         GpuHolder{"vision", "a", "alice", 2}))
        << "one has ended; the other's job is gone, its pod is not";
    summary.RemovePod("speech/b-0");
    summary.RemovePod("vision/a-0");
    EXPECT_EQ(summary.Report(), NodeReport());
}

TEST(NodeSummary, PodsThatAreNoJobsHoldGpusToo) {
    NodeSummary summary;
    summary.PutNode(Gpus("n", 8));
    const std::uint64_t before = summary.Version();
    summary.PutPod("notebook", {"vision", "", "n", 2, false});
    EXPECT_NE(summary.Version(), before);
    summary.PutPod("vision/a-0", {"vision", "a", "n", 3, false});
    summary.PutJob("vision", "a", "alice");
    EXPECT_EQ(summary.Report().gpus.free, 3);
    EXPECT_THAT(summary.HoldersOn("n"),
                ElementsAre(GpuHolder{"vision", "", "", 2}, GpuHolder{"vision", "a", "alice", 3}));
    EXPECT_THAT(summary.HoldersOn("m"), ElementsAre());
    EXPECT_EQ(summary.Holders().at({"vision", ""}), (Holding{.gpus = 2, .jobs = 0}));
    EXPECT_EQ(summary.Holders().at({"vision", "alice"}), (Holding{.gpus = 3, .jobs = 1}));
    const std::uint64_t same = summary.Version();
    summary.PutPod("notebook", {"vision", "", "n", 2, false});
    summary.PutNode(Gpus("n", 8));
    EXPECT_EQ(summary.Version(), same) << "nothing has changed";
}

TEST(NodeSummary, UsersWhoAreNotKnownYetAreNobody) {
    NodeSummary summary;
    summary.PutPod("p", {"vision", "a", "n", 2, false});
    EXPECT_THAT(summary.Report().users.items, ElementsAre(GpuHolder{"", "", "", 2}));
    summary.PutNode(Gpus("n", 8));
    EXPECT_EQ(summary.Report().gpus.used, 2) << "the pod came before its node";
}

/// All that is there, and what a walk over all of it says, as plainly as it can be written.
struct Recount {
    std::map<std::string, NodeFacts> nodes;
    std::map<std::string, PodFacts> pods;
    std::map<std::pair<std::string, std::string>, std::string> jobs;  ///< user
    std::set<std::pair<std::string, std::string>> gone;  ///< of them, those without a DLJob

    static bool Holds(const PodFacts& pod) {
        return !pod.terminal && !pod.node.empty() && pod.gpus > 0;
    }
    /// A job that is gone is remembered as long as a pod of it holds GPUs.
    void Forget() {
        std::set<std::pair<std::string, std::string>> held;
        for (const auto& [name, pod] : pods)
            if (Holds(pod)) held.insert({pod.ns, pod.job});
        for (const auto& job : held)
            if (jobs.try_emplace(job).second) gone.insert(job);
        std::erase_if(gone,
                      [&](const auto& job) { return !held.contains(job) && jobs.erase(job) > 0; });
    }

    struct Walked {
        std::map<std::string, GpuTypeStatus> types;
        std::map<std::string, NodeRow> rows;
        std::map<std::string, std::map<std::array<std::string, 3>, int>> on;  ///< holders by node
        std::map<std::pair<std::string, std::string>, Holding> holders;
        NodeReport report;
    };
    Walked Walk() const {
        Walked all;
        std::map<std::string, int> used;
        std::map<std::array<std::string, 3>, int> by_job, by_user, by_namespace;
        std::set<std::pair<std::string, std::string>> seen;
        for (const auto& [name, pod] : pods) {
            if (!Holds(pod)) continue;
            const std::string& user = jobs.at({pod.ns, pod.job});
            used[pod.node] += pod.gpus;
            all.on[pod.node][{pod.ns, pod.job, user}] += pod.gpus;
            by_job[{pod.ns, pod.job, user}] += pod.gpus;
            by_user[{"", "", user}] += pod.gpus;
            by_namespace[{pod.ns, "", ""}] += pod.gpus;
            Holding& holding = all.holders[{pod.ns, user}];
            holding.gpus += pod.gpus;
            holding.jobs += !pod.job.empty() && seen.insert({pod.ns, pod.job}).second;
        }
        for (const auto& [name, facts] : nodes) {
            ++all.report.nodes.total;
            all.report.nodes.withGpus += facts.gpus > 0;
            all.report.nodes.unhealthy += facts.trouble.has_value();
            all.report.nodes.notReady += facts.trouble && facts.trouble->reason == "NotReady";
            all.report.nodes.cordoned += facts.cordoned && !facts.trouble;
            all.report.problems.omitted +=
                facts.trouble || facts.cordoned || facts.allocatable < facts.gpus;
            all.rows.emplace(name, NodeRow{facts, used[name]});
            if (facts.gpus > 0) AddNode(facts, used[name], all.types[facts.gpuType]);
        }
        for (const auto& [name, type] : all.types) {
            for (int GpuCounts::* count :
                 {&GpuCounts::total, &GpuCounts::allocatable, &GpuCounts::used, &GpuCounts::free,
                  &GpuCounts::cordoned, &GpuCounts::unhealthy})
                all.report.gpus.*count += type.gpus.*count;
        }
        all.report.jobs = Most(by_job);
        all.report.users = Most(by_user);
        all.report.namespaces = Most(by_namespace);
        return all;
    }

  private:
    static void AddNode(const NodeFacts& facts, int held, GpuTypeStatus& type) {
        type.type = facts.gpuType;
        ++type.nodes;
        const bool ok = !facts.trouble && !facts.cordoned;
        const int used = std::min(held, facts.gpus);
        type.gpus.total += facts.gpus;
        type.gpus.allocatable += ok ? facts.allocatable : 0;
        type.gpus.used += used;
        int free = 0;
        for (int i = used; i < facts.gpus; ++i)
            if (facts.trouble)
                ++type.gpus.unhealthy;
            else if (facts.cordoned)
                ++type.gpus.cordoned;
            else
                ++(i < facts.allocatable ? free : type.gpus.unhealthy);
        type.gpus.free += free;
        type.largestFree = std::max(type.largestFree, free);
    }
    static Top<GpuHolder> Most(const std::map<std::array<std::string, 3>, int>& sums) {
        std::vector<GpuHolder> all;
        for (const auto& [key, used] : sums)
            all.push_back({key[0], key[1], key[2], used});
        std::ranges::sort(all, [](const GpuHolder& a, const GpuHolder& b) {
            return std::tie(b.used, a.ns, a.job, a.user) < std::tie(a.used, b.ns, b.job, b.user);
        });
        const std::size_t kept = std::min(all.size(), kMaxGpuHolders);
        const int omitted = int(all.size() - kept);
        all.resize(kept);
        return {std::move(all), omitted};
    }
};

void Compare(const NodeSummary& summary, const Recount& recount) {
    const Recount::Walked all = recount.Walk();
    NodeReport report = summary.Report();
    EXPECT_EQ(summary.Types(), all.types);
    EXPECT_EQ(summary.Nodes(), all.rows);
    EXPECT_EQ(summary.Holders(), all.holders);
    for (const auto& [node, row] : all.rows) {
        std::vector<GpuHolder> holders;
        if (const auto on = all.on.find(node); on != all.on.end())
            for (const auto& [key, used] : on->second)
                holders.push_back({key[0], key[1], key[2], used});
        EXPECT_EQ(summary.HoldersOn(node), holders);
    }
    // Order and bounds of these have tests of their own.
    report.problems = {{}, report.problems.omitted + int(report.problems.items.size())};
    report.types = {};
    EXPECT_EQ(report, all.report);
}

// Whatever happens in whatever order, after each of 100,000 changes all is what a walk over
// everything says. Worlds are small, so that changes meet each other.
TEST(NodeSummary, IsWhatAWalkSays) {
    constexpr unsigned kSeeds = 200;
    constexpr int kSteps = 500;
    for (unsigned seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        std::mt19937 random(seed);
        const auto pick = [&](int below) { return int(random() % unsigned(below)); };
        const int nodes = 2 + pick(20), jobs = 1 + pick(8), pods = 1 + pick(5);
        NodeSummary summary;
        Recount all;
        for (int step = 0; step < kSteps; ++step) {
            const std::string node = fmt::format("n{}", pick(nodes));
            const std::string ns = fmt::format("ns{}", pick(3));
            const int number = pick(jobs);
            const std::string job = number == 0 ? "" : fmt::format("j{}", number);
            const std::string pod = fmt::format("{}/{}-{}", ns, job, pick(pods));
            const int what = pick(9);
            if (what < 2) {
                NodeFacts facts = Gpus(node, 4 * pick(3), fmt::format("T{}", pick(4)));
                if (facts.gpus > 0) facts.allocatable -= pick(3);
                if (facts.gpus == 0) facts.gpuType.clear();
                facts.cordoned = pick(4) == 0;
                if (pick(4) == 0) facts = NotReady(facts);
                if (facts.trouble && pick(2) == 0) facts.trouble->reason = "KernelDeadlock";
                all.nodes[node] = facts;
                summary.PutNode(facts);
            } else if (what == 2) {
                all.nodes.erase(node);
                summary.RemoveNode(node);
            } else if (what < 6) {
                const PodFacts facts{ns, job, pick(5) == 0 ? "" : node, pick(9), pick(5) == 0};
                all.pods[pod] = facts;
                summary.PutPod(pod, facts);
            } else if (what == 6) {
                all.pods.erase(pod);
                summary.RemovePod(pod);
            } else if (what == 7) {
                const std::string user = fmt::format("u{}", pick(5));
                all.jobs[{ns, job}] = user;
                all.gone.erase({ns, job});
                summary.PutJob(ns, job, user);
            } else {
                if (all.jobs.contains({ns, job})) all.gone.insert({ns, job});
                summary.RemoveJob(ns, job);
            }
            all.Forget();
            Compare(summary, all);
            if (::testing::Test::HasFailure()) FAIL() << "step " << step << ", change " << what;
        }
        // All gone, nothing is left of it.
        for (const auto& [name, facts] : all.nodes)
            summary.RemoveNode(name);
        for (const auto& [name, facts] : all.pods)
            summary.RemovePod(name);
        for (const auto& [job, user] : all.jobs)
            summary.RemoveJob(job.first, job.second);
        EXPECT_EQ(summary.Report(), NodeReport());
    }
}

// 5,000 nodes, 50,000 pods that hold GPUs, each of everything in trouble and with a long name.
class Large : public ::testing::Test {
  protected:
    static constexpr int kNodes = 5'000, kPods = 50'000;

    static std::string Long(std::string_view what, int i) {
        return fmt::format("{}-{:05}-{:x<40}", what, i, "");
    }
    static PodFacts Pod(int i) {
        return {Long("namespace", i % 2'000), Long("job", i / 4), Long("node", i % kNodes), 1,
                false};
    }
    static std::string UserOf(int i) { return fmt::format("{:u<500}{}", "", i / 4 % 1'000); }
    static NodeFacts Node(int i) {
        NodeFacts facts = Gpus(Long("node", i), 8, Long("type", i % 200));
        facts.trouble = NodeTrouble{std::string(256, 'r'), std::string(256, 'm'), Time{}};
        return facts;
    }
    Large() {
        for (int i = 0; i < kNodes; ++i)
            summary_.PutNode(Node(i));
        for (int i = 0; i < kPods; ++i) {
            const PodFacts pod = Pod(i);
            summary_.PutPod(std::to_string(i), pod);
            summary_.PutJob(pod.ns, pod.job, UserOf(i));
        }
    }

    NodeSummary summary_;
};

TEST(NodeSummary, APodCostsLittle) {
    NodeSummary summary;
    const auto used = [] { return double(mallinfo2().uordblks); };
    const double before = used();
    for (int i = 0; i < 50'000; ++i)
        summary.PutPod(fmt::format("vision/training-run-{:04}-worker-{}-0", i / 8, i % 8),
                       {"vision", fmt::format("training-run-{:04}", i / 8),
                        fmt::format("gpu-node-{:04}", i / 8), 1, false});
    const double with_pods = used();
    fmt::print("figure node_summary_pod_bytes {:.0f} bytes\n", (with_pods - before) / 50'000);
    for (int i = 0; i < 5'000; ++i)
        summary.PutNode(Gpus(fmt::format("gpu-node-{:04}", i), 8, "NVIDIA-A100-SXM4-80GB"));
    fmt::print("figure node_summary_node_bytes {:.0f} bytes\n", (used() - with_pods) / 5'000);
}

TEST_F(Large, TheStatusStaysSmall) {
    ClusterStatus status;
    status.report = summary_.Report();
    EXPECT_EQ(status.report.types.items.size(), kMaxGpuTypes);
    EXPECT_EQ(status.report.types.omitted, 200 - int(kMaxGpuTypes));
    EXPECT_EQ(status.report.problems.omitted, kNodes - int(kMaxNodeProblems));
    EXPECT_EQ(status.report.users.omitted, 1'000 - int(kMaxGpuHolders));
    const std::string patch = ClusterStatusPatch(status, "u", "1");
    fmt::print("figure cluster_status_bytes {} bytes goal <= 65536\n", patch.size());
    EXPECT_LT(patch.size(), 65'536U);
    EXPECT_EQ(*ParseClusterStatus(patch), status);
}

TEST_F(Large, AChangeCostsLittle) {
    constexpr int kRounds = 20'000;
    const auto measure = [](int rounds, auto change) {
        const auto began = std::chrono::steady_clock::now();
        for (int i = 0; i < rounds; ++i)
            change(std::size_t(i));
        const std::chrono::duration<double, std::nano> took =
            std::chrono::steady_clock::now() - began;
        return took.count() / rounds;
    };
    std::vector<NodeFacts> nodes;
    std::vector<PodFacts> pods;
    for (int i = 0; i < kRounds; ++i) {
        nodes.push_back(Node(i % kNodes));
        nodes.back().cordoned = i / kNodes % 2 == 0;
        pods.push_back(Pod(i));
        pods.back().node = Long("node", (i + 7) % kNodes);
    }
    const double node = measure(kRounds, [&](std::size_t i) { summary_.PutNode(nodes[i]); });
    const double pod =
        measure(kRounds, [&](std::size_t i) { summary_.PutPod(std::to_string(i), pods[i]); });
    const double report =
        measure(20, [&](std::size_t) { EXPECT_EQ(summary_.Report().nodes.total, kNodes); });
    fmt::print("figure node_update_ns {:.0f} ns\nfigure node_pod_update_ns {:.0f} ns\n", node, pod);
    fmt::print("figure node_report_ms {:.1f} ms\n", report / 1e6);

    // What it would cost to walk over all of it, and that it would say the same.
    Recount all;
    for (int i = 0; i < kNodes; ++i)
        all.nodes[Long("node", i)] = summary_.Nodes().at(Long("node", i)).facts;
    for (int i = 0; i < kPods; ++i) {
        const PodFacts pod_now = i < kRounds ? pods[std::size_t(i)] : Pod(i);
        all.pods[std::to_string(i)] = pod_now;
        all.jobs[{pod_now.ns, pod_now.job}] = UserOf(i);
    }
    const double walk =
        measure(3, [&](std::size_t) { EXPECT_EQ(all.Walk().report.nodes.total, kNodes); });
    fmt::print("figure node_full_walk_ms {:.1f} ms\n", walk / 1e6);
    fmt::print("figure node_walk_over_change {:.0f} times goal >= 100\n",
               walk / std::max(node, pod));
    EXPECT_GT(walk, 100 * std::max(node, pod)) << "a change walks over everything";
    Compare(summary_, all);
}

}  // namespace
}  // namespace dlws::model

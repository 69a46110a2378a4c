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
                                      .allocatable = 30,
                                      .used = 12,
                                      .free = 5 + 3,
                                      .cordoned = 5,
                                      .unhealthy = 5 + 2}));
    EXPECT_EQ(report.nodes, (NodeCounts{.total = 5, .withGpus = 4, .cordoned = 1, .unhealthy = 1}));
    EXPECT_THAT(report.types.items, ElementsAre(GpuTypeStatus{"A100", 4, report.gpus}));
    EXPECT_EQ(summary.Nodes().at("ok").used, 3);
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

TEST(NodeSummary, UsersWhoAreNotKnownYetAreNobody) {
    NodeSummary summary;
    summary.PutPod("p", {"vision", "a", "n", 2, false});
    EXPECT_THAT(summary.Report().users.items, ElementsAre(GpuHolder{"", "", "", 2}));
    summary.PutNode(Gpus("n", 8));
    EXPECT_EQ(summary.Report().gpus.used, 2) << "the pod came before its node";
}

/// What a recount of everything says, as plainly as it can be written.
struct Recount {
    std::map<std::string, NodeFacts> nodes;
    std::map<std::string, PodFacts> pods;
    std::map<std::pair<std::string, std::string>, std::string> jobs;  ///< user
    std::set<std::pair<std::string, std::string>> gone;  ///< of them, those without a DLJob

    /// A job that is gone is remembered as long as a pod of it holds GPUs.
    void Forget() {
        for (const auto& [name, pod] : pods)
            if (Holds(pod)) jobs.try_emplace({pod.ns, pod.job});
        std::erase_if(gone, [&](const auto& job) {
            const bool holds = std::ranges::any_of(pods, [&](const auto& pod) {
                return Holds(pod.second) && std::pair(pod.second.ns, pod.second.job) == job;
            });
            if (!holds) jobs.erase(job);
            return !holds;
        });
    }

    bool Holds(const PodFacts& pod) const {
        return !pod.terminal && !pod.node.empty() && pod.gpus > 0;
    }
    int UsedOn(const std::string& node) const {
        int used = 0;
        for (const auto& [name, pod] : pods)
            if (Holds(pod) && pod.node == node) used += pod.gpus;
        return used;
    }
    std::map<std::string, GpuTypeStatus> Types() const {
        std::map<std::string, GpuTypeStatus> types;
        for (const auto& [name, facts] : nodes) {
            if (facts.gpus == 0) continue;
            GpuTypeStatus& type = types[facts.gpuType];
            type.type = facts.gpuType;
            ++type.nodes;
            const int used = std::min(UsedOn(name), facts.gpus);
            type.gpus.total += facts.gpus;
            type.gpus.allocatable += facts.allocatable;
            type.gpus.used += used;
            for (int i = used; i < facts.gpus; ++i)
                if (facts.trouble)
                    ++type.gpus.unhealthy;
                else if (facts.cordoned)
                    ++type.gpus.cordoned;
                else
                    ++(i < facts.allocatable ? type.gpus.free : type.gpus.unhealthy);
        }
        return types;
    }
    /// `of`: what a pod counts for. Without a bound.
    template <class Of>
    std::vector<GpuHolder> Held(Of of) const {
        std::map<std::array<std::string, 3>, int> sums;
        for (const auto& [name, pod] : pods) {
            const auto user = jobs.find({pod.ns, pod.job});
            const GpuHolder key = of(pod, user == jobs.end() ? "" : user->second);
            if (Holds(pod)) sums[{key.ns, key.job, key.user}] += pod.gpus;
        }
        std::vector<GpuHolder> all;
        for (const auto& [key, used] : sums)
            all.push_back({key[0], key[1], key[2], used});
        std::ranges::stable_sort(all, std::greater(), &GpuHolder::used);
        return all;
    }
};

/// What is in a report of a list of all.
template <class T>
Top<T> Cut(std::vector<T> all, std::size_t most) {
    const std::size_t kept = std::min(most, all.size());
    const int omitted = int(all.size() - kept);
    all.resize(kept);
    return {std::move(all), omitted};
}

void Compare(const NodeSummary& summary, const Recount& all) {
    const NodeReport report = summary.Report();
    EXPECT_EQ(summary.Types(), all.Types());
    ASSERT_EQ(summary.Nodes().size(), all.nodes.size());
    NodeCounts counts;
    std::size_t problems = 0;
    for (const auto& [name, facts] : all.nodes) {
        EXPECT_EQ(summary.Nodes().at(name), (NodeRow{facts, all.UsedOn(name)}));
        ++counts.total;
        counts.withGpus += facts.gpus > 0;
        counts.unhealthy += facts.trouble.has_value();
        counts.cordoned += facts.cordoned && !facts.trouble;
        problems += facts.trouble || facts.cordoned || facts.allocatable < facts.gpus;
    }
    EXPECT_EQ(report.nodes, counts);
    EXPECT_EQ(report.problems.items.size() + std::size_t(report.problems.omitted), problems);
    EXPECT_EQ(report.jobs, Cut(all.Held([](const auto& pod, const std::string& user) {
                  return GpuHolder{pod.ns, pod.job, user, 0};
              }),
                               kMaxGpuHolders));
    EXPECT_EQ(report.users, Cut(all.Held([](const auto&, const std::string& user) {
                  return GpuHolder{"", "", user, 0};
              }),
                                kMaxGpuHolders));
    EXPECT_EQ(report.namespaces, Cut(all.Held([](const auto& pod, const std::string&) {
                  return GpuHolder{pod.ns, "", "", 0};
              }),
                                     kMaxGpuHolders));
}

// Whatever happens in whatever order, the sums are those of a recount.
TEST(NodeSummary, IsWhatARecountSays) {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        std::mt19937 random(seed);
        const auto pick = [&](int below) { return int(random() % unsigned(below)); };
        NodeSummary summary;
        Recount all;
        for (int step = 0; step < 1000; ++step) {
            const std::string node = fmt::format("n{}", pick(40));
            const std::string ns = fmt::format("ns{}", pick(3));
            const std::string job = fmt::format("j{}", pick(12));
            const std::string pod = fmt::format("{}/{}-{}", ns, job, pick(3));
            switch (pick(9)) {
                case 0:
                case 1: {
                    NodeFacts facts = Gpus(node, 4 * pick(3), fmt::format("T{}", pick(4)));
                    if (facts.gpus > 0) facts.allocatable -= pick(3);
                    if (facts.gpus == 0) facts.gpuType.clear();
                    facts.cordoned = pick(4) == 0;
                    if (pick(4) == 0) facts = NotReady(facts);
                    all.nodes[node] = facts;
                    summary.PutNode(facts);
                    break;
                }
                case 2:
                    all.nodes.erase(node);
                    summary.RemoveNode(node);
                    break;
                case 3:
                case 4:
                case 5: {
                    const PodFacts facts{ns, job, pick(5) == 0 ? "" : node, pick(9), pick(5) == 0};
                    all.pods[pod] = facts;
                    summary.PutPod(pod, facts);
                    break;
                }
                case 6:
                    all.pods.erase(pod);
                    summary.RemovePod(pod);
                    break;
                case 7: {
                    const std::string user = fmt::format("u{}", pick(5));
                    all.jobs[{ns, job}] = user;
                    all.gone.erase({ns, job});
                    summary.PutJob(ns, job, user);
                    break;
                }
                case 8:
                    if (all.jobs.contains({ns, job})) all.gone.insert({ns, job});
                    summary.RemoveJob(ns, job);
                    break;
            }
            all.Forget();
            if (step % 50 == 0) Compare(summary, all);
            if (::testing::Test::HasFailure()) return;
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
            summary_.PutJob(pod.ns, pod.job, fmt::format("{:u<500}{}", "", i % 1'000));
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
}

}  // namespace
}  // namespace dlws::model

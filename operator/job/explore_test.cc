// SPDX-License-Identifier: Apache-2.0
// Decide against a small model of a cluster: stale caches, crashes between any two writes, two
// leaders, users who suspend, resume and stop, pods that fail, and somebody who deletes them. A
// failure names the seed that shows it again (DLWS_SEED).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "operator/job/testing.h"

namespace dlws::job {
namespace {

using namespace testing;
using model::Phase;
using model::PodPhase;

// What is true at one moment.
struct Truth {
    model::DLJob job = Job(3);
    std::map<std::string, model::PodView> pods;
    std::map<int, bool> fences;  // by attempt: is it open
    bool service = false;
    int version = 1;
};

// One operator process: two caches that lag independently, and what it remembers of its writes.
struct Process {
    int job_seen = 0, pods_seen = 0;  // indexes into the history
    int wrote_job = 0, wrote_pods = 0;
};

class Simulation {
  public:
    Simulation(unsigned seed, int processes) : random_(seed), processes_(processes) { Commit(); }

    // `budget` writes are performed, then the process crashes (its memory is lost, its caches are
    // read anew). No budget: the whole decision.
    void Round(Process& p, std::optional<int> budget = {}) {
        const Truth& seen_job = history_[p.job_seen];
        const Truth& seen_pods = history_[p.pods_seen];
        if (seen_job.version < p.wrote_job || seen_pods.version < p.wrote_pods) return;
        World world;
        world.job = seen_job.job;
        world.job.meta.resourceVersion = std::to_string(job_version_at_[p.job_seen]);
        world.cluster = Cluster();
        for (auto& [name, pod] : seen_pods.pods)
            world.pods.push_back(pod);
        world.service_exists = seen_pods.service;
        world.now = At(clock_);
        Decision decision = Decide(world);
        if (!decision.confirm_missing.empty() && !truth_.pods.contains(decision.confirm_missing)) {
            world.confirmed_missing = decision.confirm_missing;
            decision = Decide(world);
        }
        if (decision.close_attempt) {
            if (budget && (*budget)-- <= 0) return Crash(p);
            truth_.fences[*decision.close_attempt] = false;
            Commit();
            if (budget && (*budget)-- <= 0) return Crash(p);
            world.fenced_attempt = decision.close_attempt;
            world.pods.clear();
            for (auto& [name, pod] : truth_.pods)
                world.pods.push_back(pod);
            decision = Decide(world);
        }
        int version = job_version_at_[p.job_seen];
        for (const Write& write : decision.writes) {
            if (budget && (*budget)-- <= 0) return Crash(p);
            if (std::holds_alternative<CreateService>(write)) {
                truth_.service = true;
                Commit();
            } else if (auto* fence = std::get_if<CreateFence>(&write)) {
                truth_.fences.try_emplace(fence->attempt, true);  // a closed one stays closed
                Commit();
            } else if (auto* create = std::get_if<CreatePods>(&write)) {
                for (auto slot : create->slots) {
                    if (budget && (*budget)-- <= 0) return Crash(p);
                    CreatePod(slot.index, create->attempt);
                    p.wrote_pods = truth_.version;
                }
            } else if (auto* targets = std::get_if<DeletePods>(&write)) {
                for (auto& t : targets->pods)
                    DeletePod(t.name, t.uid);
            } else if (auto* publish = std::get_if<Publish>(&write)) {
                if (version != job_version_) return;  // conflict: look again later
                WriteStatus(publish->status);
                version = job_version_;
                p.wrote_job = truth_.version;
            }
        }
    }

    void Crash(Process& p) { p = {.job_seen = Newest(), .pods_seen = Newest()}; }

    void Step() {
        ++clock_;
        Process& p = processes_[Pick(int(processes_.size()))];
        switch (Pick(12)) {
            case 0:
            case 1:
                Round(p);
                break;
            case 2:
                Round(p, Pick(5));
                break;
            case 3:
            case 4:
                p.job_seen += Pick(Newest() - p.job_seen + 1);
                break;
            case 5:
            case 6:
                p.pods_seen += Pick(Newest() - p.pods_seen + 1);
                break;
            case 7:
            case 8:
            case 9:
                Kubelet(false);
                break;
            case 10:
                if (Pick(4) == 0) User();
                break;
            case 11:
                if (Pick(30) == 0) Crash(p);
                break;
        }
    }

    // Everybody behaves from here on; the first process alone leads.
    void Settle() {
        pods_fail_ = false;
        truth_.job.spec.suspend = false;
        Commit();
        for (int i = 0; i < 400; ++i) {
            clock_ += 30;
            processes_[0].job_seen = processes_[0].pods_seen = Newest();
            Round(processes_[0]);
            Kubelet(true);
        }
    }

    int Pick(int n) { return n <= 1 ? 0 : std::uniform_int_distribution<int>(0, n - 1)(random_); }
    int Newest() const { return int(history_.size()) - 1; }

    // Writes of the operator in one round with perfect knowledge.
    std::size_t WritesLeft() {
        World world;
        world.job = truth_.job;
        world.cluster = Cluster();
        for (auto& [name, pod] : truth_.pods)
            world.pods.push_back(pod);
        world.service_exists = truth_.service;
        world.now = At(clock_ + 1000);
        return Decide(world).writes.size();
    }

    Truth truth_;
    std::map<std::string, int> created_;  // by pod name
    bool pods_deleted_ = false;           // by anybody, so a name may come again
    bool single() const { return processes_.size() == 1; }
    bool somebody_deletes_ = false;
    bool pods_fail_ = false;
    std::string broken_;

  private:
    void Commit() {
        ++truth_.version;
        history_.push_back(truth_);
        job_version_at_.push_back(job_version_);
    }

    void WriteStatus(const model::JobStatus& status) {
        bool was = model::IsTrue(truth_.job.status.conditions, model::kConditionFinished);
        bool is = model::IsTrue(status.conditions, model::kConditionFinished);
        if (was && !is) broken_ = "Finished left True";
        if (was && status.phase != truth_.job.status.phase) broken_ = "the outcome changed";
        if (status.attempt < truth_.job.status.attempt) broken_ = "the attempt went back";
        if (is && !was)
            for (auto& [name, pod] : truth_.pods)
                if (single() && !pod.Terminal()) broken_ = "Finished while " + name + " runs";
        truth_.job.status = status;
        ++job_version_;
        Commit();
    }

    void CreatePod(int index, int attempt) {
        model::PodView pod = Pod("worker", index, attempt);
        if (truth_.pods.contains(pod.name)) return;  // AlreadyExists, ours: done
        pod.uid += fmt::format("-{}", truth_.version);
        if (single())
            for (auto& [name, other] : truth_.pods)
                if (other.attempt != attempt && !other.Terminal())
                    broken_ = fmt::format("{} created while {} runs", pod.name, name);
        if (++created_[pod.name] > 1 && !pods_deleted_) broken_ = pod.name + " created twice";
        if (model::IsTrue(truth_.job.status.conditions, model::kConditionFinished) && single())
            broken_ = pod.name + " created for a finished job";
        truth_.pods[pod.name] = pod;
        Commit();
    }

    void DeletePod(const std::string& name, const std::string& uid) {
        auto it = truth_.pods.find(name);
        if (it == truth_.pods.end() || it->second.uid != uid || it->second.deleting) return;
        pods_deleted_ = true;
        it->second.deleting = true;
        Commit();
    }

    // One pod takes one step of its life.
    void Kubelet(bool every) {
        std::vector<std::string> names;
        for (auto& [name, pod] : truth_.pods)
            names.push_back(name);
        if (names.empty()) return;
        if (!every) names = {names[Pick(int(names.size()))]};
        for (const std::string& name : names) {
            model::PodView& pod = truth_.pods[name];
            if (pod.deleting) {
                if (pod.Terminal() || Pick(2)) {
                    truth_.pods.erase(name);
                } else {
                    pod = PodThatFailed(pod.role, pod.index, pod.attempt, 143, At(clock_));
                    pod.deleting = true;
                }
            } else if (pod.phase == PodPhase::Pending) {
                auto fence = truth_.fences.find(pod.attempt);
                if (fence == truth_.fences.end() || !fence->second) continue;
                for (auto& [other_name, other] : truth_.pods)
                    if (other.attempt != pod.attempt && other.phase == PodPhase::Running)
                        broken_ = fmt::format("{} starts while {} runs", name, other_name);
                pod.phase = PodPhase::Running;
                pod.ready = true;
            } else if (pod.phase == PodPhase::Running) {
                std::string uid = pod.uid;
                if (pods_fail_ && Pick(10) == 0)
                    pod = PodThatFailed(pod.role, pod.index, pod.attempt, 3, At(clock_));
                else
                    pod.phase = PodPhase::Succeeded;
                pod.uid = uid;
            } else {
                continue;
            }
            Commit();
        }
    }

    void User() {
        switch (Pick(4)) {
            case 0:
            case 1:
                truth_.job.spec.suspend = !truth_.job.spec.suspend;
                break;
            case 2:
                if (Pick(3) == 0) truth_.job.spec.stop = true;
                break;
            case 3:
                if (somebody_deletes_ && !truth_.pods.empty()) {
                    auto it = std::next(truth_.pods.begin(), Pick(int(truth_.pods.size())));
                    DeletePod(it->first, it->second.uid);
                }
                return;
        }
        ++truth_.job.meta.generation;
        ++job_version_;
        Commit();
    }

    std::mt19937 random_;
    std::vector<Process> processes_;
    std::vector<Truth> history_;
    std::vector<int> job_version_at_;
    int job_version_ = 1;
    int clock_ = 0;
};

unsigned BaseSeed() {
    const char* seed = std::getenv("DLWS_SEED");
    return seed ? unsigned(std::strtoul(seed, nullptr, 10)) : 1;
}

int Walks() {
    return std::getenv("DLWS_FULL") ? 20'000 : 2'000;
}

void Explore(int processes, bool deletes, bool fails) {
    for (int walk = 0; walk < Walks(); ++walk) {
        unsigned seed = BaseSeed() * 100'003u + unsigned(walk);
        Simulation sim(seed, processes);
        sim.truth_.job.spec.retry.limit = int(seed % 3);
        sim.somebody_deletes_ = deletes;
        sim.pods_fail_ = fails;
        int steps = 20 + sim.Pick(150);
        for (int i = 0; i < steps && sim.broken_.empty(); ++i)
            sim.Step();
        ASSERT_EQ(sim.broken_, "") << "walk seed " << seed;
        sim.Settle();
        ASSERT_EQ(sim.broken_, "") << "walk seed " << seed;
        const auto& status = sim.truth_.job.status;
        ASSERT_TRUE(model::IsTrue(status.conditions, model::kConditionFinished))
            << "walk seed " << seed << ": " << status.message;
        for (auto& [name, pod] : sim.truth_.pods)
            ASSERT_TRUE(pod.Terminal()) << name;
        ASSERT_EQ(sim.WritesLeft(), 0u) << "walk seed " << seed;
        if (!fails && !deletes && !sim.truth_.job.spec.stop) {
            ASSERT_EQ(status.phase, Phase::Succeeded)
                << "walk seed " << seed << ": " << status.message;
        }
    }
}

TEST(Explore, OneProcessThatCrashes) {
    Explore(1, false, false);
}
TEST(Explore, FailingPods) {
    Explore(1, false, true);
}
TEST(Explore, SomebodyDeletesPods) {
    Explore(1, true, true);
}
TEST(Explore, TwoLeadersAndNothingElseWrong) {
    Explore(2, false, false);
}
TEST(Explore, TwoLeadersAtOnce) {
    Explore(2, true, true);
}

// Every crash point of the way from submit to success, one by one.
TEST(Explore, EveryCrashPointEndsTheSame) {
    for (int first = 0; first < 8; ++first) {
        for (int second = 0; second < 8; ++second) {
            Simulation sim(1, 1);
            Process p;
            sim.Crash(p);
            sim.Round(p, first);
            sim.Crash(p);
            sim.Round(p, second);
            sim.Settle();
            ASSERT_EQ(sim.broken_, "");
            EXPECT_EQ(sim.truth_.job.status.phase, Phase::Succeeded);
            for (auto& [name, times] : sim.created_)
                EXPECT_EQ(times, 1) << name;
            EXPECT_EQ(sim.created_.size(), 3u);
        }
    }
}

}  // namespace
}  // namespace dlws::job

// SPDX-License-Identifier: Apache-2.0
// Each life of a job is played once without a fault, then again and again with one fault at one
// of its requests, by a proxy between the operator and the real API server. The end must be the
// same, and so must every create and delete (docs/decisions/0013-fault-proxy.md).
//
//   DLWS_PLAN=gang:pods.create.2/crash-after   that plan alone; or all that begin so: gang:pods
//   DLWS_FULL=1                                all the campaign, not a sample of it
#include "test/faults/plans/plans.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <thread>

#include "test/faults/host.h"

namespace dlws::faults {
namespace {

constexpr std::size_t kFullPlans = 360;
constexpr std::size_t kSamplePlans = 40;
// They mostly wait: for leases, for answers that do not come, for quiet.
constexpr int kSideBySide = 24;

const char* const kLeaseRights = R"(
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRole
  metadata: {name: dlws-faults-leases}
  rules:
  - {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update, patch]}
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRoleBinding
  metadata: {name: dlws-faults-leases}
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: dlws-faults-leases}
  subjects:
  - {kind: ServiceAccount, name: dlworkspace-operator, namespace: dlws-system}
)";

class Plans : public HostOperators {
  protected:
    void SetUp() override {
        HostOperators::SetUp();
        const Json rights = e2e::FromYaml(kLeaseRights);
        for (const Json& object : rights.as_array()) {
            const std::string kind = e2e::Text(object, "kind");
            Reply made = api().Post(
                fmt::format("/apis/rbac.authorization.k8s.io/v1/{}s",
                            kind == "ClusterRole" ? "clusterrole" : "clusterrolebinding"),
                object);
            ASSERT_TRUE(made.ok() || made.code == 409) << made.text;
        }
        site_ = {.cluster = &cluster(),
                 .threads = &threads_,
                 .server = {server_host_, server_port_, ca_file_},
                 .token = OperatorToken(),
                 .folder = cluster().state() + "/log/plans"};
        std::filesystem::remove_all(site_.folder);
        std::filesystem::create_directories(site_.folder);
    }

    void TearDown() override {
        if (!HasFailure() || !std::getenv("DLWS_KEEP"))
            e2e::MustShell(
                "script/cluster kubectl delete --wait=false ns -l dlws-faults=plan && "
                "script/cluster kubectl delete clusterrole,clusterrolebinding dlws-faults-leases",
                std::chrono::seconds(120));
        HostOperators::TearDown();
    }

    // Calls `work` for 0 to count-1, many at once; says each 15 s how far it is.
    void SideBySide(std::size_t count, const std::function<void(std::size_t)>& work) {
        std::atomic<std::size_t> next = 0, done = 0;
        std::vector<std::thread> workers;
        for (int i = 0; i < kSideBySide && i < int(count); ++i)
            workers.emplace_back([&] {
                for (std::size_t each = next++; each < count; each = next++) {
                    work(each);
                    ++done;
                }
            });
        Stopwatch since;
        double said = 0;
        while (done < count) {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            if (since.seconds() - said < 15) continue;
            said = since.seconds();
            fmt::print("plans: {} of {} done, {} violations, {:.0f} s\n", done.load(), count,
                       violations_.load(), said);
            std::fflush(stdout);
        }
        for (auto& worker : workers)
            worker.join();
    }

    std::string Namespace(const std::string& of) {
        return fmt::format("plan-{}-{:x}", of, started_ & 0xffffff);
    }

    // The fault-free runs, each twice: what two of them do not agree on is no oracle.
    void PlayReferences(const std::vector<const Workload*>& workloads) {
        std::vector<Outcome> runs(workloads.size() * 2);
        SideBySide(runs.size(), [&](std::size_t i) {
            const Workload& workload = *workloads[i / 2];
            Stage stage(site_, Namespace(fmt::format("{}-{}", workload.name, i % 2)), std::nullopt);
            runs[i] = stage.Run(workload, nullptr);
        });
        for (std::size_t i = 0; i < runs.size(); ++i) {
            const std::string& name = workloads[i / 2]->name;
            for (const std::string& violation : runs[i].violations)
                ADD_FAILURE() << name << " without a fault: " << violation;
            if (i % 2 == 0) continue;
            EXPECT_EQ(runs[i].end, runs[i - 1].end) << name << ": two runs without a fault";
            EXPECT_EQ(runs[i].creates, runs[i - 1].creates) << name;
            EXPECT_EQ(runs[i].deletes, runs[i - 1].deletes) << name;
            references_[name] = std::move(runs[i]);
        }
    }

    void Play(const Plan& plan, std::size_t number) {
        Outcome outcome;
        {
            Stage stage(site_, Namespace(std::to_string(number)), plan.fault);
            outcome = stage.Run(*plan.workload, &references_.at(plan.workload->name));
        }
        if (!outcome.triggered) {
            ++untriggered_;
            std::lock_guard lock(print_);
            fmt::print("plan {}: its call did not come\n", plan.Name());
        }
        if (outcome.violations.empty()) return;
        ++violations_;
        std::string text = fmt::format(
            "plan {} (DLWS_PLAN={}), {:.0f} s, operator's log {}/{}-a.log", plan.Name(),
            plan.Name(), outcome.seconds, site_.folder, Namespace(std::to_string(number)));
        for (const std::string& violation : outcome.violations)
            text += "\n  " + violation;
        std::lock_guard lock(print_);
        failures_.push_back(text);
        fmt::print("{}\n", text);
        std::fflush(stdout);
    }

    ProxyThreads threads_;
    Site site_;
    std::map<std::string, Outcome> references_;
    std::atomic<int> violations_ = 0, untriggered_ = 0;
    std::mutex print_;
    std::vector<std::string> failures_;
    const std::int64_t started_ =
        std::chrono::system_clock::now().time_since_epoch() / std::chrono::milliseconds(1);
};

TEST_F(Plans, OneFaultAnywhereChangesNothing) {
    const char* named = std::getenv("DLWS_PLAN");
    const std::string only = named ? named : "";
    std::vector<const Workload*> workloads;
    for (const Workload& workload : Workloads())
        if (only.empty() || only.substr(0, only.find(':')) == workload.name)
            workloads.push_back(&workload);
    ASSERT_FALSE(workloads.empty()) << "DLWS_PLAN names no workload: " << only;
    Stopwatch since;
    PlayReferences(workloads);
    if (HasFailure()) return;

    std::vector<Plan> plans;
    for (const Workload* workload : workloads)
        for (Plan& plan : Enumerate(*workload, references_.at(workload->name).log))
            if (plan.Name().starts_with(only)) plans.push_back(std::move(plan));
    const auto exact = std::ranges::find(plans, only, &Plan::Name);
    if (exact != plans.end()) plans = {*exact};
    ASSERT_FALSE(plans.empty()) << "there is no plan " << only;
    e2e::PrintFigure("faults_real_plans_there_are", double(plans.size()), "plans");
    plans = Sample(std::move(plans), e2e::Full() ? kFullPlans : kSamplePlans, e2e::Seed());
    // What waits for an answer that never comes takes longest, and begins first.
    std::ranges::partition(plans, [](const Plan& plan) {
        return plan.fault.kind == FaultKind::HalfOpen || plan.fault.kind == FaultKind::MuteWatch;
    });
    SideBySide(plans.size(), [&](std::size_t i) { Play(plans[i], i); });

    const bool all = e2e::Full() && only.empty();
    e2e::PrintFigure("faults_real_plans", double(plans.size()) - untriggered_, "plans",
                     all ? ">= 300" : "");
    e2e::PrintFigure("faults_real_violations", violations_, "plans", "<= 0");
    e2e::PrintFigure("faults_real_untriggered", untriggered_, "plans");
    e2e::PrintFigure("faults_real_seconds", since.seconds(), "s");
    EXPECT_EQ(failures_.size(), 0u);
    const bool enough = !all || plans.size() - untriggered_ >= 300;
    EXPECT_TRUE(enough);
    EXPECT_TRUE(only.empty() || untriggered_ == 0) << "the plan's call did not come";
}

}  // namespace
}  // namespace dlws::faults

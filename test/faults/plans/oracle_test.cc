// SPDX-License-Identifier: Apache-2.0
// The campaign's own parts, without a cluster: an oracle that sees nothing would always be green.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>

#include "test/faults/plans/plans.h"

namespace dlws::faults {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Classify, MethodAndPath) {
    auto kind = [](const char* method, const char* target) {
        return Classify(method, target).Kind();
    };
    EXPECT_EQ(kind("POST", "/api/v1/namespaces/a/pods?fieldManager=x"), "pods.create");
    EXPECT_EQ(kind("DELETE", "/api/v1/namespaces/a/pods/p"), "pods.delete");
    EXPECT_EQ(kind("PATCH", "/apis/dlworkspace.io/v1/namespaces/a/dljobs/j/status"),
              "dljobs/status.patch");
    EXPECT_EQ(kind("GET", "/api/v1/namespaces/a/pods?watch=true&allowWatchBookmarks=true"),
              "pods.watch");
    EXPECT_EQ(kind("GET", "/apis/dlworkspace.io/v1/dlclusters?watch=true"), "dlclusters.watch");
    EXPECT_EQ(kind("GET", "/api/v1/namespaces/a/configmaps/c"), "configmaps.get");
    EXPECT_EQ(kind("GET", "/api/v1/pods?limit=500"), "pods.list");
    EXPECT_EQ(kind("PUT", "/apis/coordination.k8s.io/v1/namespaces/a/leases/l"), "leases.update");
    EXPECT_EQ(kind("GET", "/version"), ".");
    const Call pod = Classify("GET", "/api/v1/namespaces/a/pods/p");
    EXPECT_EQ(pod.ns, "a");
    EXPECT_EQ(pod.name, "p");
    EXPECT_FALSE(Classify("PUT", "/apis/coordination.k8s.io/v1/namespaces/a/leases/l").Counts());
}

class Oracle : public ::testing::Test {
  protected:
    Oracle() : api_(Kubeconfig()), history_(api_, "nowhere") {}
    static std::string Kubeconfig() {
        std::string file = ::testing::TempDir() + "/oracle.kubeconfig";
        std::ofstream(file) << R"({current-context: a, contexts: [{name: a, context: {cluster: a,
            user: a}}], clusters: [{name: a, cluster: {server: "http://127.0.0.1:1"}}],
            users: [{name: a, user: {token: t}}]})";
        return file;
    }
    void Pod(const std::string& type, const std::string& uid, int index, int attempt,
             const std::string& phase) {
        history_.OnPod(type,
                       e2e::FromYaml(fmt::format(
                           R"({{metadata: {{name: {0}, uid: {0}, ownerReferences: [{{kind: DLJob}}],
                labels: {{dlworkspace.io/job-uid: j, dlworkspace.io/role: worker,
                dlworkspace.io/index: "{1}", dlworkspace.io/attempt: "{2}"}}}},
                status: {{phase: {3}}}}})",
                           uid, index, attempt, phase)));
    }
    void Job(bool finished, int restarts) {
        history_.OnJob("MODIFIED",
                       e2e::FromYaml(fmt::format(R"({{metadata: {{uid: j}}, status: {{
                conditions: [{{type: Finished, status: "{}"}}], restarts: {{user: {}}}}}}})",
                                                 finished ? "True" : "False", restarts)));
    }
    e2e::Api api_;
    History history_;
};

TEST_F(Oracle, AttemptsMayNotOverlap) {
    Pod("ADDED", "a0", 0, 0, "Pending");
    Pod("ADDED", "a1", 1, 0, "Running");
    Pod("MODIFIED", "a1", 1, 0, "Failed");
    Pod("DELETED", "a0", 0, 0, "Running");
    Pod("ADDED", "b0", 0, 1, "Pending");
    EXPECT_THAT(history_.violations(), IsEmpty());
    Pod("ADDED", "c1", 1, 2, "Pending");
    EXPECT_THAT(history_.violations(), ElementsAre("pod c1 was created while b0 lived"));
}

TEST_F(Oracle, ASlotHasOnePod) {
    Pod("ADDED", "a0", 0, 0, "Pending");
    Pod("ADDED", "other", 0, 0, "Pending");
    EXPECT_THAT(history_.violations(), ElementsAre(HasSubstr("two pods of the slot worker-0")));
}

TEST_F(Oracle, FinishedStaysAndFailuresAreNotTakenBack) {
    Job(false, 1);
    Job(true, 1);
    EXPECT_THAT(history_.violations(), IsEmpty());
    Job(false, 0);
    EXPECT_THAT(history_.violations(), ElementsAre("Finished left True", HasSubstr("became 0")));
}

std::vector<Seen> SomeLog() {
    Seen create{.call = Classify("POST", "/api/v1/namespaces/a/pods"), .nth = 2};
    Seen lease{.call = Classify("PUT", "/apis/coordination.k8s.io/v1/namespaces/a/leases/l")};
    Seen watch{.call = Classify("GET", "/api/v1/namespaces/a/pods?watch=true"), .nth = 1};
    watch.events = {300, 2000};
    return {create, lease, watch};
}

TEST(Enumerate, EveryFaultOfEveryWriteAndEvent) {
    const std::vector<Plan> plans = Enumerate(Workloads().front(), SomeLog());
    std::set<std::string> names;
    for (const Plan& plan : plans) {
        EXPECT_TRUE(names.insert(plan.Name()).second) << plan.Name() << " twice";
        EXPECT_EQ(plan.Name().find("leases"), std::string::npos);
    }
    EXPECT_TRUE(names.contains("single:pods.create.2/crash-after"));
    EXPECT_TRUE(names.contains("single:pods.create.2/answer-429"));
    EXPECT_TRUE(names.contains("single:pods.watch.1/cut@2+50%"));
    EXPECT_TRUE(names.contains("single:pods.watch.1/gone-status"));
}

TEST(Sample, IsSpreadAndRepeatable) {
    std::vector<Plan> plans = Enumerate(Workloads().front(), SomeLog());
    auto names = [](const std::vector<Plan>& of) {
        std::vector<std::string> list;
        for (const Plan& plan : of)
            list.push_back(plan.Name());
        return list;
    };
    const auto ten = Sample(plans, 10, 1);
    ASSERT_EQ(ten.size(), 10u);
    EXPECT_EQ(names(ten), names(Sample(plans, 10, 1)));
    EXPECT_NE(names(ten), names(Sample(plans, 10, 2)));
    std::set<std::string> kinds;
    for (const Plan& plan : ten)
        kinds.insert(
            fmt::format("{}{}{}", ToString(plan.fault.kind), plan.fault.code, plan.fault.view));
    EXPECT_EQ(kinds.size(), 10u);
    EXPECT_EQ(Sample(plans, 10'000, 1).size(), plans.size());
}

}  // namespace
}  // namespace dlws::faults

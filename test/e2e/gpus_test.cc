// SPDX-License-Identifier: Apache-2.0
// What DLCluster's status says of GPUs and nodes follows what happens to them: a cordon, a job, a
// pod that is no job's, a node that is lost.
#include <fmt/format.h>

#include <chrono>

#include "test/e2e/fixture.h"

namespace dlws::e2e {
namespace {

using ::testing::HasSubstr;
using Seconds = std::chrono::seconds;

constexpr const char* kNode = "dlws-node-2";
constexpr const char* kNodePath = "/api/v1/nodes/dlws-node-2";
constexpr const char* kClusterPath = "/apis/dlworkspace.io/v1/dlclusters/cluster";

class Gpus : public E2e {
  protected:
    void SetUp() override {
        E2e::SetUp();
        MustShell("script/cluster up --real-nodes 2", Seconds(180));
        // What came before has been told, and the next change waits for no earlier write.
        Json last = Status();
        auto since = std::chrono::steady_clock::now();
        WaitUntil("the status rests", [&] {
            Json now = Status();
            if (now != last) since = std::chrono::steady_clock::now();
            last = std::move(now);
            return std::chrono::steady_clock::now() - since > Seconds(6);
        });
        before_ = Status();
    }
    void TearDown() override {
        Shell("script/cluster fault node-heal 2", Seconds(120));
        EXPECT_TRUE(
            api().Patch(kNodePath, FromYaml("{spec: {taints: null, unschedulable: null}}")).ok());
        E2e::TearDown();
    }

    /// Of GPUs, nodes and their problems; free space changes all the time.
    Json Status() {
        const Json status = At(api().Get(kClusterPath).body, "status");
        Json told = Json::object();
        for (const char* part : {"gpus", "nodes", "problems"})
            told[part] = At(status, part);
        return told;
    }
    int Count(const std::string& path) { return Number(Status(), path); }
    int Before(const std::string& path) const { return Number(before_, path); }
    std::string ProblemOf(const std::string& node, const std::string& field) {
        const Json status = Status();
        for (const Json& problem : List(status, "problems"))
            if (Text(problem, "node") == node) return Text(problem, field);
        return "";
    }
    /// How many GPUs `who` holds, of the list of jobs or namespaces.
    int Holds(const std::string& list, const std::string& key, const std::string& who) {
        const Json status = Status();
        for (const Json& holder : List(status, "gpus/" + list))
            if (Text(holder, key) == who && Text(holder, "namespace") == ns_)
                return Number(holder, "used");
        return 0;
    }
    /// Seconds until `done`.
    double Await(const std::string& what, const std::function<bool()>& done, int patience = 30) {
        const auto began = std::chrono::steady_clock::now();
        WaitUntil(what, done, patience);
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    }

    Json before_;
};

TEST_F(Gpus, ACordonShowsWithinSecondsAndSoDoesItsEnd) {
    ASSERT_TRUE(api().Patch(kNodePath, FromYaml("{spec: {unschedulable: true}}")).ok());
    const double seconds =
        Await("it is cordoned", [&] { return ProblemOf(kNode, "reason") == "Cordoned"; });
    PrintFigure("cordon_shown_seconds", seconds, "s", "<= 10");
    EXPECT_LE(seconds, 10);
    EXPECT_EQ(Count("nodes/cordoned"), Before("nodes/cordoned") + 1);
    EXPECT_EQ(Count("gpus/cordoned"), Before("gpus/cordoned") + 8);
    EXPECT_EQ(Count("gpus/free"), Before("gpus/free") - 8);
    EXPECT_EQ(Count("gpus/total"), Before("gpus/total"));
    const std::string told = MustShell("script/cluster kubectl get dlcluster cluster");
    EXPECT_THAT(told, HasSubstr(fmt::format("{}", Before("gpus/free") - 8)));
    ASSERT_TRUE(api().Patch(kNodePath, FromYaml("{spec: {unschedulable: null}}")).ok());
    Await("all is as before", [&] { return Status() == before_; });
}

TEST_F(Gpus, WhoHoldsThemIsAJobOrAnyOtherPod) {
    Submit(R"(
apiVersion: v1
kind: Pod
metadata: {name: notebook}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
  containers:
  - {name: main, image: 'dlworkspace.io/tools:1', imagePullPolicy: Never, command: [sleep, '3600'],
      resources: {limits: {nvidia.com/gpu: '3'}},
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}})");
    const double seconds = Await("the pod's GPUs are used",
                                 [&] { return Holds("namespaces", "namespace", ns_) == 3; });
    PrintFigure("foreign_pod_shown_seconds", seconds, "s", "<= 10");
    EXPECT_LE(seconds, 10);
    Submit(Job("digits", "command: [sleep, '600']\nroles: [{name: worker, replicas: 2, gpus: 1}]"));
    Await("the job's are, too", [&] { return Holds("jobs", "job", "digits") == 2; });
    EXPECT_EQ(Holds("jobs", "job", ""), 3) << "of no job";
    EXPECT_EQ(Count("gpus/used"), Before("gpus/used") + 5);
    EXPECT_EQ(Count("gpus/free"), Before("gpus/free") - 5);
    ASSERT_TRUE(
        api().Delete(CorePath("pods", "notebook"), FromYaml("{gracePeriodSeconds: 0}")).ok());
    Await("the pod's are free again",
          [&] { return Count("gpus/used") == Before("gpus/used") + 2; });
    PatchSpec("digits", "{stop: true}");
    Await("all is as before", [&] { return Status() == before_; }, 60);
}

TEST_F(Gpus, ALostNodeIsTheWorstProblem) {
    MustShell("script/cluster fault node-kill 2");
    WaitUntil(
        "Kubernetes has noticed",
        [&] {
            const Json node = api().Get(kNodePath).body;
            for (const Json& condition : List(node, "status/conditions"))
                if (Text(condition, "type") == "Ready") return Text(condition, "status") != "True";
            return false;
        },
        120);
    const double seconds =
        Await("it is not ready", [&] { return ProblemOf(kNode, "reason") == "NotReady"; });
    PrintFigure("lost_node_shown_seconds", seconds, "s", "<= 10");
    EXPECT_LE(seconds, 10);
    EXPECT_EQ(Count("nodes/unhealthy"), Before("nodes/unhealthy") + 1);
    EXPECT_EQ(Count("gpus/unhealthy"), Before("gpus/unhealthy") + 8);
    EXPECT_EQ(Text(Status(), "problems/0/node"), kNode);
    EXPECT_NE(ProblemOf(kNode, "since"), "");
    MustShell("script/cluster fault node-heal 2", Seconds(120));
    Await("all is as before", [&] { return Status() == before_; }, 120);
}

}  // namespace
}  // namespace dlws::e2e

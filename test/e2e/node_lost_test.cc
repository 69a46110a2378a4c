// SPDX-License-Identifier: Apache-2.0
// A gang over two real nodes loses one of them: by a power cut, or because nobody hears of it any
// more while its containers run on. Everything here breaks node 2 and mends it again.
#include <fmt/format.h>

#include <chrono>

#include "test/e2e/fixture.h"

namespace dlws::e2e {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using Seconds = std::chrono::seconds;

constexpr const char* kLost = "dlws-node-2";
constexpr const char* kLostPath = "/api/v1/nodes/dlws-node-2";
constexpr const char* kSettings = "/apis/dlworkspace.io/v1/dlclusters/cluster";

class NodeLost : public E2e {
  protected:
    void SetUp() override {
        E2e::SetUp();
        MustShell("script/cluster up --real-nodes 2", Seconds(180));
        before_ = At(api().Get(kSettings).body, "spec/podTemplate");
        Reply patched = api().Patch(kSettings, FromYaml(R"(
spec: {podTemplate: {spec: {tolerations: [
  {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 2},
  {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 2}]}}})"));
        ASSERT_TRUE(patched.ok()) << patched.text;
        // Four of eight GPUs are left on each node: a gang of two times four must be on both. A
        // third node that somebody may have added has none left.
        for (int node : {1, 2, 3}) {
            if (!api().Get(fmt::format("/api/v1/nodes/dlws-node-{}", node)).ok()) continue;
            Submit(fmt::format(R"(
apiVersion: v1
kind: Pod
metadata: {{name: filler-{0}}}
spec:
  nodeSelector: {{kubernetes.io/hostname: dlws-node-{0}}}
  terminationGracePeriodSeconds: 0
  securityContext: {{runAsNonRoot: true, runAsUser: 1000, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
  - {{name: main, image: 'dlworkspace.io/tools:1', imagePullPolicy: Never, command: [sleep, '3600'],
      resources: {{limits: {{nvidia.com/gpu: '{1}'}}}},
      securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}}})",
                               node, node < 3 ? 4 : 8));
            const std::string filler = fmt::format("filler-{}", node);
            WaitUntil(filler + " is on its node",
                      [&] { return !Text(Pod(filler), "spec/nodeName").empty(); });
        }
    }

    void TearDown() override {
        Shell("script/cluster fault node-heal 2", Seconds(120));
        api().Patch(kLostPath, FromYaml("{spec: {taints: null}}"));
        EXPECT_TRUE(api().Patch(kSettings, FromYaml("{spec: {podTemplate: null}}")).ok());
        Json patch = Json::object();
        patch["spec"]["podTemplate"] = before_;
        EXPECT_TRUE(api().Patch(kSettings, patch).ok());
        E2e::TearDown();
        EXPECT_NO_THROW(cluster().WaitForOperator(Seconds(120)));
    }

    void FreeFiller(int node) {
        api().Delete(CorePath("pods", fmt::format("filler-{}", node)),
                     FromYaml("{gracePeriodSeconds: 0}"));
    }

    // A running gang with a pod on each node; the name of the one on the node that will be lost.
    std::string StartGang(const std::string& name) {
        Submit(Job(name, "command: [sleep, '600']\nroles: [{name: worker, replicas: 2, gpus: 4}]"));
        WaitForPhase(name, "Running");
        std::string lost;
        int elsewhere = 0;
        for (const Json& pod : Pods(name)) {
            if (Text(pod, "spec/nodeName") == kLost)
                lost = Text(pod, "metadata/name");
            else
                ++elsewhere;
        }
        EXPECT_NE(lost, "");
        EXPECT_EQ(elsewhere, 1) << "the gang is on both nodes";
        return lost;
    }

    Json WaitForNextAttempt(const std::string& job, int seconds) {
        return WaitForJob(
            job, "running again",
            [](const Json& j) {
                return Text(j, "status/attempt") == "1" && Text(j, "status/phase") == "Running";
            },
            seconds);
    }

    void ExpectLossRecorded(const Json& job, const std::string& pod) {
        Json attempt = At(job, "status/attempts/0");
        EXPECT_EQ(Text(attempt, "failure/cause"), "Infrastructure");
        EXPECT_EQ(Text(attempt, "failure/reason"), "NodeLost") << attempt.serialize();
        EXPECT_EQ(Text(attempt, "failure/pod"), pod);
        EXPECT_EQ(Text(attempt, "failure/node"), kLost);
        EXPECT_EQ(Text(job, "status/restarts/infrastructure"), "1");
        EXPECT_EQ(Number(job, "status/restarts/user"), 0);
        std::vector<std::string> avoided;
        for (const Json& node : List(job, "status/avoidedNodes"))
            avoided.push_back(Text(node, "node"));
        EXPECT_THAT(avoided, Contains(kLost));
    }

    static double SecondsSince(std::chrono::steady_clock::time_point began) {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    }

    Json before_;
};

TEST_F(NodeLost, AGangMovesWhenThePowerIsCutAndTheNodeIsMarkedOutOfService) {
    const std::string lost = StartGang("moves");
    if (HasFailure()) return;
    FreeFiller(1);  // now the whole gang has room on node 1
    const auto began = std::chrono::steady_clock::now();
    MustShell("script/cluster fault node-kill 2");
    Reply tainted = api().Patch(kLostPath, FromYaml(R"(
spec: {taints: [{key: node.kubernetes.io/out-of-service, value: nodeshutdown, effect: NoExecute}]})"));
    ASSERT_TRUE(tainted.ok()) << tainted.text;

    Json job = WaitForNextAttempt("moves", 120);
    PrintFigure("node_lost_moved_seconds", SecondsSince(began), "s", "<= 90");
    ExpectLossRecorded(job, lost);
    for (const char* pod : {"moves-worker-0-1", "moves-worker-1-1"})
        EXPECT_EQ(Text(Pod(pod), "spec/nodeName"), "dlws-node-1");
    EXPECT_TRUE(Pod(lost).is_null() || Text(Pod(lost), "metadata/uid").empty())
        << "the API server has forgotten the pod on the lost node";
    EXPECT_EQ(cluster().PodCreates(audit_, ns_).size(), 4u);
}

TEST_F(NodeLost, ACutOffNodeIsWaitedForUnlessThePolicySaysForceDelete) {
    const std::string lost = StartGang("waits");
    FreeFiller(2);  // the only room for one more pod
    Submit(Job("forced", R"(
command: [sleep, '600']
roles: [{name: worker, gpus: 1}]
retry: {onNodeLost: ForceDelete})"));
    WaitForPhase("forced", "Running");
    ASSERT_EQ(Text(Pod("forced-worker-0-0"), "spec/nodeName"), kLost);
    if (HasFailure()) return;
    FreeFiller(1);
    const auto began = std::chrono::steady_clock::now();
    MustShell("script/cluster fault node-freeze 2 --until-thaw");

    Json forced = WaitForNextAttempt("forced", 120);
    PrintFigure("node_lost_forced_seconds", SecondsSince(began), "s", "<= 90");
    ExpectLossRecorded(forced, "forced-worker-0-0");
    EXPECT_EQ(Text(Pod("forced-worker-0-1"), "spec/nodeName"), "dlws-node-1");

    Json job = WaitForJob("waits", "saying what it waits for", [](const Json& j) {
        return Text(j, "status/message").find("out-of-service") != std::string::npos;
    });
    EXPECT_EQ(Text(job, "status/phase"), "Restarting");
    EXPECT_EQ(Text(job, "status/attempt"), "0");
    EXPECT_THAT(
        Text(job, "status/message"),
        HasSubstr(fmt::format("pod {} has not ended and node {} does not answer", lost, kLost)));
    EXPECT_THAT(Text(job, "status/message"), HasSubstr("node.kubernetes.io/out-of-service"));
    ExpectLossRecorded(job, lost);
    EXPECT_EQ(cluster().PodCreates(audit_, ns_).size(), 4u) << "of the gang only the first two";

    MustShell("script/cluster fault node-heal 2", Seconds(120));
    const auto healed = std::chrono::steady_clock::now();
    WaitForNextAttempt("waits", 90);
    PrintFigure("node_back_restart_seconds", SecondsSince(healed), "s", "<= 30");
    EXPECT_EQ(cluster().PodCreates(audit_, ns_).size(), 6u);
}

}  // namespace
}  // namespace dlws::e2e

// SPDX-License-Identifier: Apache-2.0
// A storage that is there, is lost under a running job, and is back.
#include <fmt/format.h>

#include "test/storage/fixture.h"

namespace dlws::e2e {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class Loss : public Storage {
  protected:
    void SetUp() override {
        Storage::SetUp();
        if (HasFatalFailure()) return;
        OnNode("mkdir -p " + Vault());
        Mount();
        MustShell(kKubectl + " patch dlcluster cluster --type merge -p " +
                  Quoted(R"({"spec":{"storages":[{"name":"vault","hostPath":")" + Vault() +
                         R"(","fileSystem":"tmpfs"}]}})"));
        ASSERT_TRUE(WaitUntil(
            "the node says that the vault is healthy", [&] { return Label() == "Healthy"; }, 30));
    }
    void TearDown() override {
        MustShell(kKubectl +
                  R"( patch dlcluster cluster --type merge -p '{"spec":{"storages":null}}')");
        OnNode("umount -l " + Vault() + " 2>/dev/null; rmdir " + Vault());
        Storage::TearDown();
    }

    // The mount point, beside the shared folder: the agent sees what holds that.
    std::string Vault() { return cluster().state() + "/vault"; }
    void OnNode(const std::string& command) {
        const std::string pid = MustShell("cat " + cluster().state() + "/run/node-unshare-1.pid");
        const std::string of = pid.substr(0, pid.find(' '));
        MustShell("nsenter --target $(cat /proc/" + of + "/task/" + of +
                  "/children) --mount --pid bash -c " + Quoted(command));
    }
    void Mount() { OnNode("mount -t tmpfs -o size=2g,mode=1777 vault " + Vault()); }
    std::string Label() {
        const Reply node = api().Get("/api/v1/nodes/dlws-node-1");
        const Json labels = At(node.body, "metadata/labels");
        return labels.has_field("storage.dlworkspace.io/vault")
                   ? labels.at("storage.dlworkspace.io/vault").as_string()
                   : "";
    }
};

TEST_F(Loss, IsToldWithinSecondsAndJobsGoElsewhere) {
    Submit(Job("runs", "command: [sleep, '600']\nstorage: [{name: vault, mountPath: /vault}]"));
    WaitForPhase("runs", "Running");
    const auto lost = std::chrono::steady_clock::now();
    OnNode("umount -l " + Vault());
    const Json told = WaitForJob(
        "runs", "told of the loss",
        [](const Json& job) { return Condition(job, "StorageLost") == "True"; }, 30);
    PrintFigure("storage_loss_told",
                std::chrono::duration<double>(std::chrono::steady_clock::now() - lost).count(), "s",
                "<= 30");
    EXPECT_EQ(Text(told, "status/phase"), "Running");
    EXPECT_THAT(MustShell(kKubectl + " -n " + ns_ + " get events"),
                HasSubstr("Storage vault is Missing on node dlws-node-1, where pod "
                          "runs-worker-0-0 runs"));
    // A new job is not scheduled there, and says why.
    Submit(Job("waits", "command: ['true']\nstorage: [{name: vault, mountPath: /vault}]"));
    // Other suites leave more nodes, where nothing was ever mounted.
    WaitForJob("waits", "told why it waits", [](const Json& job) {
        const std::string message = Text(job, "status/message");
        return message.find("Storage vault is healthy on 0 of ") != std::string::npos &&
               message.find(" dlws-node-1: Missing since ") != std::string::npos;
    });
    EXPECT_THAT(MustShell(kKubectl + " get dlcluster cluster -o jsonpath='{.status.summary}'"),
                HasSubstr("vault 0/"));
    EXPECT_THAT(MustShell(kKubectl + " get dlnode dlws-node-1"), HasSubstr("vault Missing"));
    // Others go on.
    EXPECT_THAT(Run(LogIn("alice"), "other", "echo fine", "[{name: work, mountPath: /work}]"),
                HasSubstr("fine"));

    const auto back = std::chrono::steady_clock::now();
    Mount();
    WaitForPhase("waits", "Succeeded");
    PrintFigure("storage_back_used",
                std::chrono::duration<double>(std::chrono::steady_clock::now() - back).count(), "s",
                "<= 30");
    WaitForJob("runs", "told that it is back",
               [](const Json& job) { return Condition(job, "StorageLost") == "False"; });
    // What it had mounted is gone for good: it is made anew, and that is none of its faults.
    const Json again = WaitForJob("runs", "restarted", [](const Json& job) {
        return Text(job, "status/phase") == "Running" && Number(job, "status/attempt") == 1;
    });
    EXPECT_EQ(Text(again, "status/attempts/0/failure/reason"), "StorageRemounted");
    EXPECT_EQ(Number(again, "status/restarts/infrastructure"), 1);
}

TEST_F(Loss, OnlyTheNodesAgentSpeaksForIt) {
    const std::string agent = "system:serviceaccount:dlws-system:dlworkspace-agent";
    // Not even who may do everything; nor an agent whose token is another node's, or no node's.
    for (const std::string& as : {std::string(), " --as " + agent}) {
        const Output said =
            Shell("echo " +
                  Quoted("{apiVersion: dlworkspace.io/v1, kind: DLNode, metadata: {name: "
                         "dlws-node-1}, status: {storages: []}}") +
                  " | " + kKubectl + as +
                  " apply --server-side --force-conflicts --subresource=status -f -");
        EXPECT_NE(said.code, 0);
        EXPECT_THAT(said.text, HasSubstr("a DLNode is written by the agent of that node alone"));
    }
    EXPECT_THAT(
        Shell("echo '{apiVersion: dlworkspace.io/v1, kind: DLNode, metadata: {name: other}}' "
              "| " +
              kKubectl + " apply -f -")
            .text,
        HasSubstr("a DLNode is written by the agent of that node alone"));
}

}  // namespace
}  // namespace dlws::e2e

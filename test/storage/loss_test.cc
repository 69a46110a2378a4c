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
        PutStorages(R"({"name":"vault","hostPath":")" + Vault() + R"(","fileSystem":"tmpfs"})");
        WaitForLabel("vault", "Healthy");
    }
    void TearDown() override {
        ForgetStorages("vault");
        OnNode("umount -l " + Vault() + " 2>/dev/null; rmdir " + Vault());
        Storage::TearDown();
    }

    // The mount point, beside the shared folder: the agent sees what holds that.
    std::string Vault() { return cluster().state() + "/vault"; }
    void Mount() { OnNode("mount -t tmpfs -o size=2g,mode=1777 vault " + Vault()); }
};

TEST_F(Loss, IsToldWithinSecondsAndJobsGoElsewhere) {
    Submit(Job("runs", "command: [sleep, '600']\nstorage: [{name: vault, mountPath: /vault}]"));
    WaitForPhase("runs", "Running");
    const auto lost = std::chrono::steady_clock::now();
    OnNode("umount -l " + Vault());
    WaitForLoss("runs", "storage_loss_told", lost);
    EXPECT_THAT(MustShell(kKubectl + " -n " + ns_ + " get events"),
                HasSubstr("Storage vault is Missing on node dlws-node-1, where pod "
                          "runs-worker-0-0 runs"));
    // A new job is not scheduled there, and says why.
    Submit(Job("waits", "command: ['true']\nstorage: [{name: vault, mountPath: /vault}]"));
    WaitForRefusal("waits", "vault", "Missing");
    EXPECT_THAT(MustShell(kKubectl + " get dlcluster cluster -o jsonpath='{.status.summary}'"),
                HasSubstr("vault 0/"));
    EXPECT_THAT(MustShell(kKubectl + " get dlnode dlws-node-1"), HasSubstr("vault Missing"));
    // Others go on.
    EXPECT_THAT(Run(LogIn("alice"), "other", "echo fine", "[{name: work, mountPath: /work}]"),
                HasSubstr("fine"));

    const auto back = std::chrono::steady_clock::now();
    Mount();
    WaitForPhase("waits", "Succeeded");
    PrintSeconds("storage_back_used", back);
    WaitForJob("runs", "told that it is back",
               [](const Json& job) { return Condition(job, "StorageLost") == "False"; });
    // What it had mounted is gone for good: it is made anew, and that is none of its faults.
    WaitForRemount("runs");
}

TEST_F(Loss, ReadOnlyIsToldAndTakesNoJobs) {
    const std::string storage = "\nstorage: [{name: vault, mountPath: /vault}]";
    Submit(Job("runs", "command: [sleep, '600']" + storage));
    WaitForPhase("runs", "Running");
    const auto lost = std::chrono::steady_clock::now();
    OnNode("mount -o remount,ro " + Vault());
    const Json told = WaitForLoss("runs", "storage_read_only_told", lost);
    EXPECT_THAT(told.serialize(), HasSubstr("Storage vault is ReadOnly on node dlws-node-1"));
    Submit(Job("waits", "command: [bash, -c, 'echo mine >/vault/mine']" + storage));
    WaitForRefusal("waits", "vault", "ReadOnly");
    OnNode("mount -o remount,rw " + Vault());
    WaitForPhase("waits", "Succeeded");
    // It was never unmounted, so the job goes on.
    const Json job = WaitForJob("runs", "told that it is back", [](const Json& now) {
        return Condition(now, "StorageLost") == "False";
    });
    EXPECT_EQ(Text(job, "status/phase"), "Running");
    EXPECT_EQ(Number(job, "status/attempt"), 0);
}

TEST_F(Loss, AProgramThatDiesOfItIsNotToBlame) {
    // It dies within milliseconds, long before the agent looks at the storage by itself.
    Submit(Job("runs",
               "command: [bash, -c, 'while echo x >> /vault/log; do sleep 0.1; done; exit 7']\n"
               "retry: {limit: 0}\nstorage: [{name: vault, mountPath: /vault}]"));
    WaitForPhase("runs", "Running");
    const auto lost = std::chrono::steady_clock::now();
    OnNode("mount -o remount,ro " + Vault());
    const Json judged =
        WaitForJob("runs", "restarted, waiting for its storage", [](const Json& now) {
            return Number(now, "status/attempt") == 1 &&
                   Text(now, "status/message").find("vault is healthy on 0 of") !=
                       std::string::npos;
        });
    PrintSeconds("storage_failure_restarted", lost);
    EXPECT_EQ(Text(judged, "status/attempts/0/failure/reason"), "StorageFailed");
    EXPECT_EQ(Text(judged, "status/attempts/0/failure/message"),
              "Storage vault is ReadOnly on node dlws-node-1; pod runs-worker-0-0 exited with 7.");
    OnNode("mount -o remount,rw " + Vault());
    const Json again = WaitForPhase("runs", "Running");
    EXPECT_EQ(Number(again, "status/attempt"), 1);
    EXPECT_EQ(Number(again, "status/restarts/infrastructure"), 1);
    EXPECT_EQ(Number(again, "status/restarts/user"), 0);
}

TEST_F(Loss, AProgramThatFailsByItselfIsToldSoSoon) {
    Submit(Job("fails",
               "command: [bash, -c, 'sleep 1; exit 3']\n"
               "retry: {limit: 0}\nstorage: [{name: vault, mountPath: /vault}]"));
    const Json job = WaitForPhase("fails", "Failed");
    EXPECT_EQ(Text(job, "status/failure/reason"), "ExitCode");
    EXPECT_EQ(Number(job, "status/restarts/infrastructure"), 0);
    // Of the pod's end only the second is known; so it is at most one second less.
    const Reply pod = api().Get("/api/v1/namespaces/" + ns_ + "/pods/fails-worker-0-0");
    const auto seconds_of = [](const std::string& time) {
        return std::stod(MustShell("date +%s -d " + Quoted(time)));
    };
    const double took =
        seconds_of(Text(job, "status/finishTime")) -
        seconds_of(Text(pod.body, "status/containerStatuses/0/state/terminated/finishedAt"));
    PrintFigure("storage_failure_judged_seconds", took, "s", "<= 5");
    EXPECT_LE(took, 5);
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

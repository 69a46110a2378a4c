// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "test/e2e/fixture.h"

/// @file
/// Tests of shared storage, with two users who have DLUsers: alice (uid 5001) and bob (uid 5002).

namespace dlws::e2e {

class Storage : public E2e {
  protected:
    void SetUp() override {
        E2e::SetUp();
        if (HasFatalFailure()) return;
        MustShell(kKubectl + " -n " + ns_ +
                  " create rolebinding users --clusterrole dlworkspace-editor --user alice "
                  "--user bob --user carol");
        PutUser("alice", 5001, "[6001]");
        PutUser("bob", 5002);
    }
    void TearDown() override {
        for (const char* user : {"alice", "bob"}) {
            api().Delete("/apis/dlworkspace.io/v1/dlusers/" + std::string(user));
            std::filesystem::remove_all(Work(user));
        }
        E2e::TearDown();
    }

    /// As an administrator does, with the home that the agent makes.
    void PutUser(const std::string& name, int uid, const std::string& groups = "[]") {
        MustShell("echo " +
                  Quoted("{apiVersion: dlworkspace.io/v1, kind: DLUser, metadata: {name: " + name +
                         "}, spec: {username: " + name + ", uid: " + std::to_string(uid) +
                         ", gid: " + std::to_string(uid) + ", supplementalGroups: " + groups +
                         "}}") +
                  " | " + kKubectl + " apply -f -");
        MustShell("install -d -m 700 -o " + std::to_string(uid) + " -g " + std::to_string(uid) +
                  " " + Work(name));
    }
    /// A user's folder on the machine.
    std::string Work(const std::string& user) { return cluster().shared() + "/work/" + user; }

    Reply Create(const Api& as, const std::string& name, const std::string& spec) {
        return as.Post(JobPath(""), FromYaml(Job(name, spec)));
    }
    /// The job of somebody, when it has ended as `phase`; its pod's log.
    std::string Run(const Api& as, const std::string& name, const std::string& script,
                    const std::string& storage, const std::string& phase = "Succeeded") {
        const Reply made = Create(as, name,
                                  "command: [bash, -c, " + Json::string(script).serialize() +
                                      "]\nretry: {limit: 0}\nstorage: " + storage);
        EXPECT_EQ(made.code, 201) << made.text;
        WaitForPhase(name, phase);
        return Log(name + "-worker-0-0");
    }

    /// The storages beside those of the shared folder, as JSON objects with commas between.
    void PutStorages(const std::string& storages) {
        MustShell(kKubectl + " patch dlcluster cluster --type merge -p " +
                  Quoted(R"({"spec":{"storages":[)" + storages + "]}}"));
    }
    /// Takes those of PutStorages back, and waits until agent and operator have forgotten
    /// `storage`: what the next test mounts under its name would be taken for a mount anew.
    void ForgetStorages(const std::string& storage) {
        PutStorages("");
        const std::string entry = "\"name\":\"" + storage + "\"";
        WaitUntil("the node has forgotten " + storage, [&] {
            const Reply told = api().Get("/apis/dlworkspace.io/v1/dlnodes/dlws-node-1");
            return told.text.find(entry) == std::string::npos && Label(storage).empty();
        });
    }
    /// On the node, as an administrator who logs in there.
    void OnNode(const std::string& command) {
        const std::string pid = MustShell("cat " + cluster().state() + "/run/node-init-1.pid");
        MustShell("nsenter --target " + pid.substr(0, pid.find(' ')) +
                  " --mount --pid --net bash -c " + Quoted(command));
    }
    /// What the label of the node says a storage is like; empty: nothing.
    std::string Label(const std::string& storage, const std::string& on = "dlws-node-1") {
        const Reply node = api().Get("/api/v1/nodes/" + on);
        const Json labels = At(node.body, "metadata/labels");
        const std::string label = "storage.dlworkspace.io/" + storage;
        return labels.has_field(label) ? labels.at(label).as_string() : "";
    }
    void WaitForLabel(const std::string& storage, const std::string& state) {
        ASSERT_TRUE(WaitUntil(
            "the node says that " + storage + " is " + state,
            [&] { return Label(storage) == state; }, 30))
            << "it says " << Label(storage) << "\n"
            << MustShell(kKubectl + " get dlnode dlws-node-1 -o jsonpath='{.status.storages}'");
    }
    /// The running job has been told that it has lost its storage, and why. Prints how long after
    /// `lost` that was.
    Json WaitForLoss(const std::string& job, const std::string& figure,
                     std::chrono::steady_clock::time_point lost) {
        Json told = WaitForJob(
            job, "told of the loss",
            [](const Json& now) { return Condition(now, "StorageLost") == "True"; }, 30);
        PrintSeconds(figure, lost);
        EXPECT_EQ(Text(told, "status/phase"), "Running");
        return told;
    }
    static void PrintSeconds(const std::string& figure,
                             std::chrono::steady_clock::time_point since) {
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - since;
        PrintFigure(figure, took.count(), "s", "<= 30");
        EXPECT_LE(took.count(), 30) << figure;
    }
    /// A job that is not scheduled, because no node has its storage.
    void WaitForRefusal(const std::string& job, const std::string& storage,
                        const std::string& state) {
        WaitForJob(job, "told why it waits", [&](const Json& now) {
            const std::string message = Text(now, "status/message");
            // Other suites leave more nodes, where nothing was ever mounted.
            return message.find("Storage " + storage + " is healthy on 0 of ") !=
                       std::string::npos &&
                   message.find(" dlws-node-1: " + state + " since ") != std::string::npos;
        });
    }
    /// It was restarted for a fault of the cluster: its storage was mounted anew under it.
    void WaitForRemount(const std::string& job) {
        const Json again = WaitForJob(job, "restarted", [](const Json& now) {
            return Text(now, "status/phase") == "Running" && Number(now, "status/attempt") == 1;
        });
        EXPECT_EQ(Text(again, "status/attempts/0/failure/reason"), "StorageRemounted");
        EXPECT_EQ(Number(again, "status/restarts/infrastructure"), 1);
    }
};

}  // namespace dlws::e2e

// SPDX-License-Identifier: Apache-2.0
#pragma once

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

    inline static const std::string kKubectl = "script/cluster kubectl";
};

}  // namespace dlws::e2e

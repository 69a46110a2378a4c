// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "test/e2e/fixture.h"

/// @file
/// Tests of admission. The cluster is installed with the webhook (DLWS_HELM_ARGS says so).

namespace dlws::e2e {

class Admission : public E2e {
  protected:
    void SetUp() override {
        E2e::SetUp();
        MustShell(kKubectl + " -n " + ns_ +
                  " create rolebinding users --clusterrole dlworkspace-editor --user alice "
                  "--user bob");
    }
    void TearDown() override {
        if (broken_) Restore();
        E2e::TearDown();
    }

    /// Without dry run nothing of it stays in the cluster.
    Reply Create(const Api& as, const std::string& name, const std::string& spec,
                 bool dry_run = false) {
        return as.Post(JobPath("") + (dry_run ? "?dryRun=All" : ""), FromYaml(Job(name, spec)));
    }
    /// Server-side apply, by a field manager of the user's own that takes what it names.
    Output Apply(const std::string& who, const std::string& name, const std::string& spec) {
        return Shell("echo " + Quoted(Job(name, spec)) + " | " + kKubectl +
                     " --kubeconfig=\"$(script/cluster user " + who + " 2>/dev/null)\" -n " + ns_ +
                     " apply --server-side --force-conflicts --field-manager=" + who + " -f -");
    }
    /// Nobody serves any more; returns when that is so.
    void TakeDown() {
        broken_ = true;
        MustShell(kKubectl + " -n dlws-system scale deployment dlworkspace-webhook --replicas=0");
        MustShell(kKubectl +
                  " -n dlws-system wait --for=delete pod "
                  "-l app.kubernetes.io/component=webhook --timeout=60s");
    }
    void DeleteConfigurations() {
        broken_ = true;
        MustShell(kKubectl +
                  " delete mutatingwebhookconfiguration,validatingwebhookconfiguration "
                  "dlworkspace-webhook");
    }
    /// As an administrator would: what the chart says, again.
    void Restore() {
        broken_ = false;
        MustShell("test/cluster/install.sh", std::chrono::minutes(5));
        MustShell(kKubectl + " -n dlws-system scale deployment dlworkspace-webhook --replicas=2");
        MustShell(kKubectl + " -n dlws-system rollout status deployment dlworkspace-webhook");
        const Api alice = LogIn("alice");
        EXPECT_TRUE(Eventually(std::chrono::seconds(30), [&] {
            return Text(Create(alice, "restored", "command: ['true']", true).body,
                        "spec/submittedBy/username") == "alice";
        }));
    }

    bool broken_ = false;
};

}  // namespace dlws::e2e

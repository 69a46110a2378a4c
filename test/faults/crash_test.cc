// SPDX-License-Identifier: Apache-2.0
// The operator is killed with SIGKILL again and again, at random moments, while jobs are submitted
// and stopped: the end is the same as without, and each pod was created once.
//
// Here the operator is a process of this machine, with its own ServiceAccount and without a lease,
// because a kubelet waits longer and longer before it starts a container again. The pods are on
// simulated nodes.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "test/faults/faults.h"

namespace dlws::faults {
namespace {

using e2e::MustShell;
using e2e::Text;

class Crash : public Faults {
  protected:
    void SetUp() override {
        Faults::SetUp();
        MustShell("script/cluster up --nodes 4", std::chrono::seconds(120));
        MustShell(
            "script/cluster kubectl -n dlws-system scale deployment dlworkspace-operator "
            "--replicas=0");
        WaitUntil("the installed operator has ended",
                  [&] { return cluster().OperatorPods().empty(); });
        kubeconfig_ = cluster().state() + "/faults.kubeconfig";
        log_ = cluster().state() + "/log/faults-operator.log";
        MustShell(fmt::format(
            "umask 077; token=$(script/cluster kubectl -n dlws-system create token "
            "dlworkspace-operator --duration=1h) && script/cluster kubectl config view --raw "
            "--minify -o json | jq --arg token $token '.users[0].user = {{token: $token}}' > {}",
            e2e::Quoted(kubeconfig_)));
    }

    void TearDown() override {
        Kill();
        unlink(kubeconfig_.c_str());
        MustShell(
            "script/cluster kubectl -n dlws-system scale deployment dlworkspace-operator "
            "--replicas=2");
        Faults::TearDown();
    }

    void Start() {
        const std::string config = "--kubeconfig=" + kubeconfig_;
        operator_ = fork();
        ASSERT_GE(operator_, 0);
        if (operator_ > 0) return;
        int out = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(out, 1);
        dup2(out, 2);
        execl(DLWS_OPERATOR_BINARY, "dlws-operator", config.c_str(), "--leader-elect=false",
              "--health-address=127.0.0.1", "--health-port=0", nullptr);
        _exit(127);
    }
    void Kill() {
        if (operator_ <= 0) return;
        kill(operator_, SIGKILL);
        waitpid(operator_, nullptr, 0);
        operator_ = 0;
    }

    // Starts and kills the operator until `done`, but `most` times at most; then lets it live.
    int KillUntil(const std::function<bool()>& done, int most) {
        int kills = 0;
        while (kills < most && !done()) {
            Start();
            // The first writes come some 50 ms after the start.
            std::this_thread::sleep_for(std::chrono::milliseconds(Random(30, 300)));
            Kill();
            ++kills;
        }
        Start();
        return kills;
    }

    int JobsIn(const std::string& phase) {
        Reply list = api().Get(JobPath(""));
        int n = 0;
        for (const Json& job : e2e::List(list.body, "items"))
            n += Text(job, "status/phase") == phase;
        return n;
    }

    std::string kubeconfig_, log_;
    pid_t operator_ = 0;
};

TEST_F(Crash, SigkillAtAnyMomentChangesNothing) {
    const int jobs = e2e::Full() ? 20 : 15;
    std::set<std::string> names;
    for (int i = 0; i < jobs; ++i)
        names.insert(fmt::format("job{:02}", i));
    std::thread user([&] {
        for (const std::string& name : names) {
            SubmitStubbornly(Job(name, R"(
command: [train]
roles: [{name: worker, replicas: 4}]
podOverrides:
  nodeSelector: {type: kwok}
  tolerations: [{key: kwok.x-k8s.io/node, operator: Exists}])"));
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
    });
    int kills = KillUntil([&] { return JobsIn("Running") == jobs; }, e2e::Full() ? 100 : 30);
    user.join();
    WaitUntil("all jobs run", [&] { return JobsIn("Running") == jobs; }, 90);
    ExpectEachPodOnce(names, 4);
    Reply services = api().Get(CorePath("services"));
    EXPECT_EQ(e2e::List(services.body, "items").size(), std::size_t(jobs));

    // And the way down.
    Kill();
    for (const std::string& name : names)
        PatchSpec(name, "{stop: true}");
    kills += KillUntil([&] { return JobsIn("Stopped") == jobs; }, e2e::Full() ? 100 : 30);
    WaitUntil("all jobs are stopped", [&] { return JobsIn("Stopped") == jobs; }, 90);
    for (const auto& [pod, times] : cluster().PodCreates(audit_, ns_))
        EXPECT_EQ(times, 1) << pod;
    Reply pods = api().Get(CorePath("pods"));
    EXPECT_EQ(e2e::List(pods.body, "items").size(), 0u) << "pods that nobody wants";
    e2e::PrintFigure("crash_kills", kills, "kills");
    if (HasFailure()) std::puts(e2e::Shell("tail -n 40 " + e2e::Quoted(log_)).text.c_str());
}

}  // namespace
}  // namespace dlws::faults

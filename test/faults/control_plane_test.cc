// SPDX-License-Identifier: Apache-2.0
// The API server goes away and comes back, etcd stands still: the operator goes on by itself, makes
// no pod twice and loses no job.
#include <fmt/format.h>

#include <thread>

#include "test/faults/faults.h"

namespace dlws::faults {
namespace {

using e2e::MustShell;
using e2e::Text;

class ControlPlane : public Faults {
  protected:
    // Jobs before, during and after `fault`, which runs beside; all must succeed.
    void JobsAround(const std::string& fault, int fault_seconds, const std::string& figure) {
        Submit(Sleeper("running", 2, fault_seconds + 5));
        WaitForPhase("running", "Running");
        Submit(Sleeper("starting", 3, 3));
        std::this_thread::sleep_for(std::chrono::milliseconds(Random(0, 300)));
        e2e::Output broken;
        std::thread breaker([&] {
            broken = e2e::Shell("script/cluster fault " + fault, std::chrono::seconds(120));
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(Random(0, 500)));
        SubmitStubbornly(Sleeper("during", 3, 1));
        breaker.join();
        ASSERT_EQ(broken.code, 0) << broken.text;
        Stopwatch mended;
        WaitForPhase("during", "Succeeded", 120);
        e2e::PrintFigure(figure, mended.seconds(), "s");
        SubmitStubbornly(Sleeper("after", 3, 1));
        for (const char* job : {"running", "starting", "after"})
            WaitForPhase(job, "Succeeded", 120);
        ExpectAll();
    }

    void ExpectAll() {
        std::set<std::string> expected{"running-worker-0-0", "running-worker-1-0"};
        for (const char* job : {"starting", "during", "after"})
            for (int i = 0; i < 3; ++i)
                expected.insert(fmt::format("{}-worker-{}-0", job, i));
        std::set<std::string> there;
        Reply list = api().Get(CorePath("pods"));
        for (const Json& pod : e2e::List(list.body, "items"))
            there.insert(Text(pod, "metadata/name"));
        EXPECT_EQ(there, expected);
        for (const auto& [pod, times] : cluster().PodCreates(audit_, ns_)) {
            EXPECT_EQ(times, 1) << pod;
            EXPECT_TRUE(expected.contains(pod)) << pod;
        }
    }
};

TEST_F(ControlPlane, ApiServerIsRestarted) {
    JobsAround("restart-apiserver", 10, "apiserver_restart_recovery_seconds");
}

TEST_F(ControlPlane, ApiServerIsKilled) {
    if (!e2e::Full()) GTEST_SKIP() << "only in the full campaign";
    JobsAround("restart-apiserver --kill", 10, "apiserver_kill_recovery_seconds");
}

TEST_F(ControlPlane, EtcdStandsStillFor30Seconds) {
    JobsAround("pause etcd 30", 30, "etcd_pause_recovery_seconds");
}

}  // namespace
}  // namespace dlws::faults

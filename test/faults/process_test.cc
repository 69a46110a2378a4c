// SPDX-License-Identifier: Apache-2.0
// What befalls the operator's process: killed again and again, frozen for longer than its lease,
// its clock set, no file descriptor or disk left. No pod is made twice, and every job goes on.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "test/faults/host.h"
#include "test/faults/proxy/proxy.h"

namespace dlws::faults {
namespace {

using e2e::MustShell;
using e2e::Text;

class ProcessFault : public HostOperators {
  protected:
    HostOperator::Settings Alone(const std::string& name, const std::string& server = "") {
        HostOperator::Settings settings = Operator(name, server);
        settings.args = {"--leader-elect=false"};
        return settings;
    }

    std::set<std::string> SubmitMany(const std::string& prefix, int jobs, int pods,
                                     std::chrono::milliseconds pause) {
        std::set<std::string> names;
        for (int i = 0; i < jobs; ++i) {
            const std::string name = fmt::format("{}{:03}", prefix, i);
            names.insert(name);
            SubmitStubbornly(Simulated(name, pods));
            std::this_thread::sleep_for(pause);
        }
        return names;
    }

    void EndRunningPods() {
        Reply list = api().Get(CorePath("pods") + "?fieldSelector=status.phase%3DRunning");
        for (const Json& pod : e2e::List(list.body, "items"))
            EndPod(Text(pod, "metadata/name"), 0);
    }
};

TEST_F(ProcessFault, KilledEveryFewSecondsWhileJobsComeAndGo) {
    const int jobs = e2e::Full() ? 200 : 40;
    HostOperator op(Alone("killed"));
    op.Start();
    std::atomic<bool> over = false;
    std::atomic<int> kills = 0;
    std::thread killer([&] {
        while (!over) {
            std::this_thread::sleep_for(std::chrono::milliseconds(Random(1000, 5000)));
            op.Kill();
            op.Start();
            ++kills;
        }
    });
    std::set<std::string> names;
    std::thread user([&] { names = SubmitMany("job", jobs, 2, std::chrono::milliseconds(250)); });
    Stopwatch since;
    int ended = 0;
    while (ended < jobs && since.seconds() < 240) {
        EndRunningPods();
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        ended = JobsIn("Succeeded");
    }
    over = true;
    user.join();
    killer.join();
    EXPECT_EQ(ended, jobs);
    ExpectEachPodOnce(names, 2);
    EXPECT_GE(kills, 3);
    e2e::PrintFigure("sigkill_jobs", ended, "jobs");
    e2e::PrintFigure("sigkill_kills", kills, "kills");
}

// Two leaders at once is what SIGCONT makes: the old one does not know how long it slept.
TEST_F(ProcessFault, LeaderIsFrozenForLongerThanItsLease) {
    auto candidate = [&](const std::string& name) {
        HostOperator::Settings settings = Operator(name);
        settings.args = {"--lease-seconds=3", "--identity=" + name};
        return settings;
    };
    const int rounds = e2e::Full() ? 5 : 2;
    std::set<std::string> names;
    for (int round = 0; round < rounds; ++round) {
        HostOperator first(candidate("frozen")), second(candidate("other"));
        first.Start();
        ASSERT_TRUE(
            WaitUntil("the first leads", [&] { return Holder(api()).starts_with("frozen_"); }));
        second.Start();
        std::thread user([&] {
            names.merge(
                SubmitMany(fmt::format("round{}-", round), 6, 3, std::chrono::milliseconds(20)));
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(Random(20, 250)));
        first.Signal(SIGSTOP);
        Stopwatch since;
        WaitUntil("the second leads", [&] { return Holder(api()).starts_with("other_"); }, 20);
        e2e::PrintFigure("frozen_leader_takeover_seconds", since.seconds(), "s", "<= 5.0");
        EXPECT_LE(since.seconds(), 5.0);
        // It comes back in the midst of the other's work.
        std::this_thread::sleep_for(std::chrono::milliseconds(Random(0, 300)));
        const pid_t old = first.pid();
        first.Signal(SIGCONT);
        WaitUntil("the old leader has ended", [&] {
            first.StartIfEnded();
            return first.pid() != old;
        });
        const int status = first.last_status();
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << status;
        user.join();
        WaitUntil("all jobs run", [&] { return JobsIn("Running") == int(names.size()); }, 60);
        ExpectEachPodOnce(names, 3);
    }
}

// The wall clock jumps, the monotonic one does not, and the API server's neither, by which the
// operator goes (kube/server_clock.h). Through a proxy without TLS: an hour ago, the test cluster's
// certificates may not have been valid yet.
TEST_F(ProcessFault, WallClockJumpsByAnHour) {
    ProxyThreads threads;
    FaultProxy proxy(threads, {server_host_, server_port_, ca_file_});
    HostOperator::Settings settings =
        Operator("clock", fmt::format("http://127.0.0.1:{}", proxy.port()));
    const std::string clock = settings.log + ".clock";
    auto set_clock = [&](const std::string& offset) {
        std::ofstream(clock + ".new") << offset << "\n";
        std::filesystem::rename(clock + ".new", clock);
        std::this_thread::sleep_for(std::chrono::seconds(2));  // it is read each second
    };
    set_clock("+0");
    settings.args = {"--lease-seconds=3", "--identity=clock"};
    settings.env = {{"LD_PRELOAD", "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"},
                    {"FAKETIME_TIMESTAMP_FILE", clock},
                    {"FAKETIME_CACHE_DURATION", "1"},
                    {"FAKETIME_DONT_FAKE_MONOTONIC", "1"}};
    HostOperator op(std::move(settings));
    op.Start();
    const pid_t pid = op.pid();
    Submit(Simulated("early", 2, "activeDeadlineSeconds: 7200"));
    Submit(Simulated("kept", 1, "ttlSecondsAfterFinished: 7200"));
    WaitForPhase("early", "Running");
    WaitForPhase("kept", "Running");
    EndPod("kept-worker-0-0", 0);
    WaitForPhase("kept", "Succeeded");

    auto minutes_from_now = [](int minutes) {
        const auto now = std::chrono::system_clock::now() + std::chrono::minutes(minutes);
        return fmt::format("{:%FT%TZ}", std::chrono::floor<std::chrono::seconds>(now));
    };
    set_clock("+3600");
    Submit(Simulated("late", 2, "activeDeadlineSeconds: 1800"));
    Json late = WaitForPhase("late", "Running");
    EXPECT_LT(Text(late, "status/startTime"), minutes_from_now(1));
    // The Lease says by itself that the clock did jump: otherwise this test tests nothing.
    WaitUntil("the operator's own clock has jumped",
              [&] { return LeaseRenewed(api()) > minutes_from_now(50); });
    EXPECT_EQ(Text(api().Get(JobPath("early")).body, "status/phase"), "Running");
    EXPECT_EQ(Text(api().Get(JobPath("kept")).body, "status/phase"), "Succeeded");

    set_clock("-3600");
    Submit(Simulated("back", 2, "ttlSecondsAfterFinished: 2"));
    EXPECT_GT(Text(WaitForPhase("back", "Running"), "status/startTime"), minutes_from_now(-1));
    for (const char* job : {"early", "late"})
        EXPECT_EQ(Text(api().Get(JobPath(job)).body, "status/phase"), "Running") << job;
    EndRunningPods();
    for (const char* job : {"early", "late"})
        WaitForPhase(job, "Succeeded");
    WaitUntil("the job whose time is over is gone",
              [&] { return api().Get(JobPath("back")).code == 404; });
    EXPECT_EQ(op.pid(), pid);
    EXPECT_FALSE(op.StartIfEnded()) << "it ended, which its lease gives it no reason for";
    for (const auto& [pod, times] : cluster().PodCreates(audit_, ns_))
        EXPECT_EQ(times, 1) << pod;
}

TEST_F(ProcessFault, NoFileDescriptorsAreLeft) {
    HostOperator op(Alone("descriptors"));
    op.Start();
    Submit(Simulated("first", 1));
    WaitForPhase("first", "Running");
    auto allow = [&](rlim_t most) {
        const rlimit limit{most, 4096};
        EXPECT_EQ(prlimit(op.pid(), RLIMIT_NOFILE, &limit, nullptr), 0);
    };
    // What is open stays open, nothing can be opened.
    allow(3);
    std::set<std::string> names = SubmitMany("none", 5, 4, std::chrono::milliseconds(0));
    std::this_thread::sleep_for(std::chrono::seconds(4));
    EXPECT_FALSE(op.StartIfEnded()) << "it ended, status " << op.last_status();
    allow(20);
    names.merge(SubmitMany("twenty", 5, 4, std::chrono::milliseconds(0)));
    Stopwatch since;
    WaitUntil("all jobs run with 20 file descriptors",
              [&] { return JobsIn("Running") == int(names.size()) + 1; });
    e2e::PrintFigure("descriptors_recovery_seconds", since.seconds(), "s");
    for (const auto& [pod, times] : cluster().PodCreates(audit_, ns_))
        EXPECT_EQ(times, 1) << pod;
    EXPECT_FALSE(op.StartIfEnded());
}

// The operator writes no file, but its words go somewhere.
TEST_F(ProcessFault, DiskIsFull) {
    HostOperator::Settings settings = Alone("disk");
    const std::string folder = settings.log + ".full";
    const std::string quoted = e2e::Quoted(folder);
    MustShell(fmt::format("mkdir -p {0} && mount -t tmpfs -o size=64k faults {0}", quoted));
    settings.log = folder + "/log";
    settings.args.emplace_back("--log-level=debug");
    {
        HostOperator op(settings);
        op.Start();
        e2e::Shell(fmt::format("cat /dev/zero >{}/rest", quoted));  // until nothing is left
        std::set<std::string> names = SubmitMany("job", 5, 3, std::chrono::milliseconds(20));
        WaitUntil("all jobs run", [&] { return JobsIn("Running") == int(names.size()); });
        ExpectEachPodOnce(names, 3);
        EXPECT_FALSE(op.StartIfEnded()) << "it ended, status " << op.last_status();
        EXPECT_EQ(std::filesystem::space(folder).available, 0u);
    }
    MustShell("umount " + quoted);
}

}  // namespace
}  // namespace dlws::faults

// SPDX-License-Identifier: Apache-2.0
// The operator is killed with SIGKILL again and again, at random moments, while jobs are submitted
// and stopped: the end is the same as without, and each pod was created once.
#include <fmt/format.h>

#include <memory>
#include <thread>

#include "test/faults/host.h"

namespace dlws::faults {
namespace {

class Crash : public HostOperators {
  protected:
    void SetUp() override {
        HostOperators::SetUp();
        HostOperator::Settings settings = Operator("crash");
        settings.args = {"--leader-elect=false"};
        operator_ = std::make_unique<HostOperator>(std::move(settings));
    }
    void TearDown() override {
        operator_.reset();
        HostOperators::TearDown();
    }

    // Starts and kills the operator until `done`, but `most` times at most; then lets it live.
    int KillUntil(const std::function<bool()>& done, int most) {
        int kills = 0;
        while (kills < most && !done()) {
            operator_->Start();
            // The first writes come some 50 ms after the start.
            std::this_thread::sleep_for(std::chrono::milliseconds(Random(30, 300)));
            operator_->Kill();
            ++kills;
        }
        operator_->Start();
        return kills;
    }

    std::unique_ptr<HostOperator> operator_;
};

TEST_F(Crash, SigkillAtAnyMomentChangesNothing) {
    const int jobs = e2e::Full() ? 20 : 15;
    std::set<std::string> names;
    for (int i = 0; i < jobs; ++i)
        names.insert(fmt::format("job{:02}", i));
    std::thread user([&] {
        for (const std::string& name : names) {
            SubmitStubbornly(Simulated(name, 4));
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
    operator_->Kill();
    for (const std::string& name : names)
        PatchSpec(name, "{stop: true}");
    kills += KillUntil([&] { return JobsIn("Stopped") == jobs; }, e2e::Full() ? 100 : 30);
    WaitUntil("all jobs are stopped", [&] { return JobsIn("Stopped") == jobs; }, 90);
    for (const auto& [pod, times] : cluster().PodCreates(audit_, ns_))
        EXPECT_EQ(times, 1) << pod;
    Reply pods = api().Get(CorePath("pods"));
    EXPECT_EQ(e2e::List(pods.body, "items").size(), 0u) << "pods that nobody wants";
    e2e::PrintFigure("crash_kills", kills, "kills");
    if (HasFailure())
        std::puts(
            e2e::Shell("tail -n 40 " + e2e::Quoted(cluster().state() + "/log/faults/crash.log"))
                .text.c_str());
}

}  // namespace
}  // namespace dlws::faults

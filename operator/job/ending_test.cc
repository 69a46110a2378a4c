// SPDX-License-Identifier: Apache-2.0
// What outweighs what when a job ends.
#include <gtest/gtest.h>

#include "operator/job/testing.h"

namespace dlws::job {
namespace {

using namespace testing;
using model::Phase;
using model::PodPhase;

// As programs do that save their work at SIGTERM.
std::vector<model::PodView> EndedWell() {
    std::vector<model::PodView> pods = {Pod("worker", 0, 0, PodPhase::Succeeded),
                                        Pod("worker", 1, 0, PodPhase::Succeeded)};
    for (model::PodView& pod : pods)
        pod.deleting = true;
    return pods;
}

TEST(Ending, PodsThatEndWellBecauseOfUsAreNoSuccess) {
    World running = WorldOf(Job(2));
    running.service_exists = true;
    running = Settled(std::move(running));
    running.pods = {Pod("worker", 0, 0, PodPhase::Running), Pod("worker", 1, 0, PodPhase::Running)};
    running = Settled(std::move(running));
    World stopped = running;
    stopped.job.spec.stop = true;
    stopped = Settled(std::move(stopped));
    stopped.pods = EndedWell();
    stopped.closed_fences = {"digits-attempt-0"};
    EXPECT_EQ(Published(stopped, Decide(stopped)).phase, Phase::Stopped);

    World suspended = running;
    suspended.job.spec.suspend = true;
    suspended = Settled(std::move(suspended));
    suspended.pods = EndedWell();
    suspended = Settled(std::move(suspended));
    EXPECT_EQ(suspended.job.status.phase, Phase::Stopping);
    suspended.pods.clear();
    suspended = Settled(std::move(suspended));
    EXPECT_EQ(suspended.job.status.phase, Phase::Suspended);

    // Rank 0 of an attempt that failed.
    World failed = running;
    failed.job.spec.success.policy = model::Success::RankZero;
    failed.job.spec.retry.limit = 1;
    failed.pods[1] = PodThatFailed("worker", 1, 0, 1);
    failed = Settled(std::move(failed));
    ASSERT_EQ(failed.job.status.phase, Phase::Restarting);
    failed.pods[0] = EndedWell()[0];
    EXPECT_EQ(Published(failed, Decide(failed)).phase, Phase::Restarting);

    // Those that had ended before anybody asked are one.
    World done = running;
    done.job.spec.stop = true;
    done.pods = EndedWell();
    done.closed_fences = {"digits-attempt-0"};
    EXPECT_EQ(Settled(std::move(done)).job.status.phase, Phase::Succeeded);
}

}  // namespace
}  // namespace dlws::job

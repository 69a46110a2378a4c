// SPDX-License-Identifier: Apache-2.0
#include "kube/manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

#include "kube/testing/run.h"
#include "kube/wait_list.h"

namespace dlws::kube {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using ::testing::ElementsAre;

using Log = std::vector<std::string>;

Awaitable<void> UntilCancelled(Log& log, std::string name) {
    log.push_back("+" + name);
    const auto duration = std::chrono::hours(1);
    co_await SleepFor(duration);
    log.push_back("-" + name);
}

/// Needs some time to stop, as a worker in the middle of a write does.
Awaitable<void> SlowToStop(Log& log, std::string name) {
    log.push_back("+" + name);
    co_await SleepFor(std::chrono::hours(1));
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await SleepFor(milliseconds(30));
    log.push_back("-" + name);
}

Awaitable<void> NeverStops() {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await SleepFor(milliseconds(200));
}

Awaitable<void> EndsSoon() {
    co_await SleepFor(milliseconds(5));
}

Awaitable<void> Throws() {
    co_await SleepFor(milliseconds(5));
    throw std::runtime_error("no such luck");
}

struct ManagerTest : ::testing::Test {
    asio::io_context io;
    Manager manager{io.get_executor()};
    Log log;

    void AddWatched(const std::string& group, const std::string& name) {
        manager.Add(group, name, [this, name] { return UntilCancelled(log, name); });
    }
    bool StopAll(milliseconds deadline = milliseconds(2000)) {
        return testing::Run(io, manager.StopAll(deadline));
    }
};

TEST_F(ManagerTest, GroupsStopInTheReverseOrderOfTheirStartEachAwaited) {
    AddWatched("servers", "health");
    manager.Add("workers", "job", [this] { return SlowToStop(log, "job"); });
    AddWatched("caches", "pods");
    AddWatched("caches", "jobs");
    manager.StartGroup("servers");
    testing::RunFor(io, milliseconds(5));
    EXPECT_THAT(log, ElementsAre("+health"));
    manager.StartGroup("caches");
    testing::RunFor(io, milliseconds(5));
    manager.StartGroup("workers");
    testing::RunFor(io, milliseconds(5));
    EXPECT_TRUE(StopAll());
    EXPECT_THAT(
        log, ElementsAre("+health", "+pods", "+jobs", "+job", "-job", "-pods", "-jobs", "-health"));
}

TEST_F(ManagerTest, ARunnableThatEndsEndsTheWait) {
    AddWatched("caches", "pods");
    manager.Add("caches", "events", [] { return EndsSoon(); });
    manager.StartGroup("caches");
    EXPECT_EQ(testing::Run(io, manager.Wait()), "events: ended");
    EXPECT_TRUE(StopAll());
    EXPECT_THAT(log, ElementsAre("+pods", "-pods"));
}

TEST_F(ManagerTest, ARunnableThatThrowsEndsTheWaitWithItsReason) {
    manager.Add("caches", "pods", [] { return Throws(); });
    manager.Add("caches", "events", [] { return EndsSoon(); });
    manager.StartGroup("caches");
    EXPECT_EQ(testing::Run(io, manager.Wait()), "pods: no such luck");
    testing::RunFor(io, milliseconds(20));
    EXPECT_EQ(testing::Run(io, manager.Wait()), "pods: no such luck");  // the first reason stays
    EXPECT_TRUE(StopAll());
}

TEST_F(ManagerTest, AFunctionThatThrowsBeforeItsFirstAwaitCountsTheSame) {
    manager.Add("caches", "pods",
                []() -> Awaitable<void> { throw std::runtime_error("not even once"); });
    manager.StartGroup("caches");
    EXPECT_EQ(testing::Run(io, manager.Wait()), "pods: not even once");
    EXPECT_TRUE(StopAll());
}

TEST_F(ManagerTest, StopEndsTheWait) {
    AddWatched("caches", "pods");
    manager.StartGroup("caches");
    asio::post(io, [this] { manager.Stop("SIGTERM"); });
    EXPECT_EQ(testing::Run(io, manager.Wait()), "SIGTERM");
    manager.Stop("again");
    EXPECT_EQ(testing::Run(io, manager.Wait()), "SIGTERM");
    EXPECT_TRUE(StopAll());
    EXPECT_TRUE(StopAll());  // twice is harmless
}

TEST_F(ManagerTest, NothingStartsAfterStop) {
    AddWatched("workers", "job");
    manager.Stop();
    manager.StartGroup("workers");
    testing::RunFor(io, milliseconds(5));
    EXPECT_TRUE(log.empty());
    EXPECT_TRUE(StopAll());
}

TEST_F(ManagerTest, StopAllGivesUpAtItsDeadlineAndStillCancelsTheRest) {
    AddWatched("servers", "health");
    manager.Add("workers", "stuck", [] { return NeverStops(); });
    manager.StartGroup("servers");
    manager.StartGroup("workers");
    testing::RunFor(io, milliseconds(5));
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(StopAll(milliseconds(50)));
    EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(150));
    testing::RunFor(io, milliseconds(5));
    EXPECT_THAT(log, ElementsAre("+health", "-health"));
    testing::RunFor(io, milliseconds(250));  // let it end before its manager dies
}

TEST_F(ManagerTest, MisuseIsSaid) {
    AddWatched("caches", "pods");
    EXPECT_THROW(manager.StartGroup("nobody"), std::logic_error);
    manager.StartGroup("caches");
    EXPECT_THROW(manager.StartGroup("caches"), std::logic_error);
    EXPECT_THROW(AddWatched("caches", "late"), std::logic_error);
    EXPECT_TRUE(StopAll());
}

TEST(Manager, DestroyedEarlyItCancelsItsRunnables) {
    asio::io_context io;
    Log log;
    {
        Manager manager(io.get_executor());
        manager.Add("caches", "pods", [&log] { return UntilCancelled(log, "pods"); });
        manager.StartGroup("caches");
        testing::RunFor(io, milliseconds(5));
    }
    testing::RunFor(io, milliseconds(5));
    EXPECT_THAT(log, ElementsAre("+pods", "-pods"));
}

}  // namespace
}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/prober.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/detached.hpp>

#include "agent/storage/testing_fuse.h"
#include "kube/testing/run.h"

namespace dlws::agent {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::HungMount;
using testing::TestFolder;
using Answer = ChildRunner::Answer;
using Clock = std::chrono::steady_clock;

model::Time At(int second) {
    return model::Time(std::chrono::seconds(second));
}

StorageFact Fact(StorageState state, const std::string& reason, std::int64_t free = 0) {
    StorageFact fact;
    fact.state = state;
    fact.reason = reason;
    fact.bytes_total = fact.inodes_total = 1'000'000;
    fact.bytes_free = fact.inodes_free = free;
    return fact;
}

class StorageFactsTest : public ::testing::Test {
  public:
    StorageFactsTest() {
        mount.min_free_bytes = 1000;
        mount.min_free_inodes = 1000;
    }
    const StorageRecord& Update(const StorageFact& fact, int now) {
        return facts.Update("data", mount, fact, At(now));
    }
    MountToCheck mount;
    StorageFacts facts;
    const StorageFact healthy = Fact(StorageState::Healthy, "Healthy", 5000);
};

TEST_F(StorageFactsTest, SinceIsWhenTheStateCame) {
    EXPECT_EQ(Update(healthy, 10).since, At(10));
    EXPECT_EQ(Update(healthy, 20).since, At(10));
    EXPECT_EQ(Update(Fact(StorageState::Missing, "NotMounted"), 30).since, At(30));
    EXPECT_EQ(Update(Fact(StorageState::Missing, "Stale"), 40).since, At(30));
    EXPECT_EQ(facts.All().at("data").fact.reason, "Stale");
    EXPECT_EQ(Update(Fact(StorageState::Hung, "NoAnswer"), 50).since, At(50));
    EXPECT_EQ(Update(healthy, 60).since, At(60));
}

TEST_F(StorageFactsTest, FullEndsATenthAboveTheMinimum) {
    for (const char* reason : {"FewBytesFree", "FewInodesFree"}) {
        facts = {};
        Update(healthy, 0);
        Update(Fact(StorageState::Full, reason, 999), 10);
        const StorageRecord& still = Update(Fact(StorageState::Healthy, "Healthy", 1099), 20);
        EXPECT_EQ(still.fact.state, StorageState::Full);
        EXPECT_EQ(still.fact.reason, reason);
        EXPECT_EQ(still.fact.bytes_free, 1099);
        EXPECT_EQ(still.since, At(10));
        EXPECT_EQ(Update(Fact(StorageState::Healthy, "Healthy", 1100), 30).since, At(30));
        // On the way down the minimum itself counts.
        EXPECT_EQ(Update(Fact(StorageState::Healthy, "Healthy", 1001), 40).fact.state,
                  StorageState::Healthy);
    }
}

TEST_F(StorageFactsTest, WhatIsNoJitterCountsAtOnce) {
    Update(Fact(StorageState::Full, "FewBytesFree", 999), 0);
    EXPECT_EQ(Update(Fact(StorageState::Missing, "Stale", 1001), 10).since, At(10));
    Update(Fact(StorageState::Full, "QuotaReached", 999), 20);
    EXPECT_EQ(Update(Fact(StorageState::Healthy, "Healthy", 1001), 30).since, At(30));
    Update(Fact(StorageState::Full, "FewBytesFree", 999), 40);
    mount.read_only = true;
    EXPECT_EQ(Update(Fact(StorageState::Healthy, "Healthy", 999), 50).since, At(50));
}

TEST_F(StorageFactsTest, TheLastLossIsKept) {
    EXPECT_FALSE(Update(healthy, 0).lost_since);
    Update(Fact(StorageState::Hung, "NoAnswer"), 10);
    const StorageRecord& record = Update(Fact(StorageState::Missing, "NotConnected"), 20);
    EXPECT_EQ(record.lost_since, At(10)) << "one loss, whatever its states";
    EXPECT_FALSE(record.lost_until);
    EXPECT_EQ(Update(healthy, 30).lost_until, At(30));
    EXPECT_EQ(Update(Fact(StorageState::Full, "FewBytesFree", 1), 40).lost_until, At(30))
        << "what runs goes on";
    EXPECT_EQ(Update(Fact(StorageState::Hung, "NoAnswer"), 50).lost_since, At(50));
    EXPECT_FALSE(record.lost_until);
}

// What a pod has mounted stays what it was.
TEST_F(StorageFactsTest, AnotherMountIsNoted) {
    StorageFact first = healthy, second = healthy;
    first.mount = "0:52";
    second.mount = "0:53";
    EXPECT_FALSE(Update(first, 0).remounted_at) << "nobody knows what was before";
    Update(Fact(StorageState::Missing, "NotMounted"), 10);
    EXPECT_FALSE(Update(first, 20).remounted_at) << "it answers again";
    EXPECT_EQ(Update(second, 30).remounted_at, At(30));
    EXPECT_EQ(Update(second, 40).remounted_at, At(30));
}

TEST_F(StorageFactsTest, WhatWasPublishedOutlivesARestart) {
    facts.Restore("data", {.fact = healthy, .since = At(5)});
    EXPECT_EQ(Update(healthy, 100).since, At(5));
    facts.KeepOnly({"work"});
    EXPECT_TRUE(facts.All().empty());
    EXPECT_EQ(Update(healthy, 200).since, At(200));
}

class RunnerTest : public ::testing::Test {
  public:
    Answer Sh(const std::string& script, std::chrono::milliseconds deadline = 5s) {
        ChildRunner runner(io.get_executor(), {"/bin/sh", deadline});
        return Run(runner, "key", script);
    }
    Answer Run(ChildRunner& runner, const std::string& key, const std::string& script) {
        std::vector<std::string> words{"-c", script};
        return kube::testing::Run(io, runner.Run(key, words));
    }
    boost::asio::io_context io;
};

TEST_F(RunnerTest, GivesTheOutputOrTheFailure) {
    Answer answer = Sh("echo hello");
    EXPECT_EQ(answer.kind, Answer::kDone);
    EXPECT_EQ(answer.text, "hello\n");
    answer = Sh("exit 3");
    EXPECT_EQ(answer.kind, Answer::kFailed);
    EXPECT_EQ(answer.text, "exit code 3");
    EXPECT_EQ(Sh("kill -SEGV $$").text, "ended by signal 11");
    EXPECT_EQ(Sh("head -c 100000 /dev/zero").text.size(), 65536U);
    ChildRunner none(io.get_executor(), {"/no/such/program", 5s});
    EXPECT_THAT(Run(none, "key", "").text, HasSubstr("cannot run /no/such/program: No such file"));
}

TEST_F(RunnerTest, KillsWhatDoesNotEnd) {
    ChildRunner runner(io.get_executor(), {"/bin/sh", 200ms});
    const auto begin = Clock::now();
    EXPECT_EQ(Run(runner, "key", "exec sleep 60").kind, Answer::kNoAnswer);
    EXPECT_LT(Clock::now() - begin, 2s);
    // A child that can be killed is gone soon, and its key is free again.
    kube::testing::RunFor(io, 400ms);
    EXPECT_EQ(Run(runner, "key", "echo again").text, "again\n");
    EXPECT_EQ(runner.Outstanding(), 0U);
}

TEST_F(RunnerTest, OneThatClosesItsOutputButStaysIsNotDone) {
    EXPECT_EQ(Sh("echo done; exec sleep 60 >&-", 200ms).kind, Answer::kNoAnswer);
}

TEST_F(RunnerTest, CancelledItKillsTheChild) {
    ChildRunner runner(io.get_executor(), {"/bin/sh", 60s});
    boost::asio::cancellation_signal signal;
    std::exception_ptr thrown;
    std::vector<std::string> words{"-c", "exec sleep 60"};
    boost::asio::co_spawn(io, runner.Run("key", words),
                          boost::asio::bind_cancellation_slot(
                              signal.slot(), [&](std::exception_ptr e, Answer) { thrown = e; }));
    kube::testing::RunFor(io, 400ms);
    EXPECT_EQ(runner.Outstanding(), 1U);
    signal.emit(boost::asio::cancellation_type::terminal);
    kube::testing::RunFor(io, 400ms);
    EXPECT_TRUE(thrown);
    EXPECT_EQ(runner.Outstanding(), 0U);
}

// The real program on real mounts.
class ProberTest : public ::testing::Test {
  public:
    void SetUp() override { DLWS_NEEDS_ROOT(); }
    StorageFact Check(const MountToCheck& mount) {
        return kube::testing::Run(io, prober.Check(mount));
    }
    MountToCheck Small(const std::string& path) {
        MountToCheck mount;
        mount.path = path;
        mount.node_name = "node-1";
        mount.min_free_bytes = 0;
        return mount;
    }
    boost::asio::io_context io;
    ChildRunner runner{io.get_executor(), {DLWS_AGENT, 500ms}};
    Prober prober{runner};
    TestFolder folder;
};

TEST_F(ProberTest, TellsWhatTheChildFound) {
    MountToCheck mount = Small(folder.MountTmpfs("with blank=\"", "size=1m"));
    mount.file_system = "tmpfs";
    mount.below = "a";
    mount.sentinel = "a";
    folder.MakeFolder("with blank=\"/a");
    StorageFact fact = Check(mount);
    EXPECT_EQ(fact.reason, "Healthy") << fact.message;
    EXPECT_EQ(fact.bytes_total, 1 << 20);
    mount.min_free_bytes = 2 << 20;
    EXPECT_EQ(Check(mount).reason, "FewBytesFree");
    mount.min_free_bytes = 0;
    mount.min_free_inodes = std::int64_t{1} << 60;
    EXPECT_EQ(Check(mount).reason, "FewInodesFree");
    mount.read_only = true;
    EXPECT_EQ(Check(mount).reason, "Healthy");
    mount.sentinel = "b";
    EXPECT_EQ(Check(mount).reason, "SentinelMissing");
    mount.file_system = "nfs4";
    EXPECT_EQ(Check(mount).reason, "WrongFileSystem");
    EXPECT_EQ(runner.Outstanding(), 0U);
}

TEST_F(ProberTest, AFailedCheckIsNotHealthy) {
    const StorageFact fact = Check(Small("relative"));
    EXPECT_EQ(fact.state, StorageState::Missing);
    EXPECT_EQ(fact.reason, "CheckFailed");
    EXPECT_THAT(fact.message, HasSubstr("exit code 2"));
}

kube::Awaitable<void> Tick(int& ticks) {
    while (true) {
        co_await kube::testing::Sleep(10ms);
        ++ticks;
    }
}

TEST_F(ProberTest, AHungMountIsToldInTimeByOneChildAndBlocksNothing) {
    if (const std::string lacks = HungMount::Lacks(); !lacks.empty()) GTEST_SKIP() << lacks;
    HungMount hung(folder, "hung");
    const MountToCheck mount = Small(hung.path());
    int ticks = 0;
    boost::asio::co_spawn(io, Tick(ticks), boost::asio::detached);

    auto begin = Clock::now();
    StorageFact fact = Check(mount);
    EXPECT_LT(Clock::now() - begin, 1500ms);
    EXPECT_EQ(fact.state, StorageState::Hung);
    EXPECT_EQ(fact.reason, "NoAnswer");
    EXPECT_THAT(fact.message, HasSubstr("does not answer within 0.5 s"));
    EXPECT_GT(ticks, 10) << "the thread was blocked";

    // Not even SIGKILL ends the child: no second one is started, and no time is lost.
    kube::testing::RunFor(io, 400ms);
    EXPECT_EQ(runner.Outstanding(), 1U);
    begin = Clock::now();
    EXPECT_EQ(Check(mount).state, StorageState::Hung);
    EXPECT_LT(Clock::now() - begin, 100ms);
    EXPECT_EQ(runner.Outstanding(), 1U);

    // The others are looked at meanwhile.
    EXPECT_EQ(Check(Small(folder.MountTmpfs("fine", "size=1m"))).reason, "Healthy");
    EXPECT_EQ(runner.Outstanding(), 1U);

    hung.Die();
    kube::testing::RunFor(io, 400ms);
    EXPECT_EQ(runner.Outstanding(), 0U) << "the child that was stuck is not reaped";
    fact = Check(mount);
    EXPECT_EQ(fact.state, StorageState::Missing);
    EXPECT_EQ(fact.reason, "NotConnected") << fact.message;
    EXPECT_EQ(fact.file_system, "fuse");
}

}  // namespace
}  // namespace dlws::agent

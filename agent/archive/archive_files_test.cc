// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/archive_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "agent/archive/read_pool.h"
#include "agent/storage/testing_fuse.h"
#include "kube/together.h"

namespace dlws::agent {
namespace {

namespace fs = std::filesystem;
using testing::HungMount;
using testing::TestFolder;

constexpr uid_t kAlice = 12001, kBob = 12101;
constexpr model::LogMicros kSecond = 1'000'000;

std::string Line(model::LogMicros time, std::string_view text) {
    const auto at = model::FormatLogTime(time);
    return fmt::format("{} {}\n", std::string_view(at.data(), at.size()), text);
}

class ArchiveFiles : public ::testing::Test {
  protected:
    void SetUp() override {
        DLWS_NEEDS_ROOT();
        MakeHome("alice", kAlice);
        MakeHome("bob", kBob);
        fs::create_directories(Logs());
        Own(folder_.path() / "alice", kAlice);
    }
    void MakeHome(const std::string& name, uid_t uid) {
        fs::create_directory(folder_ / name);
        fs::permissions(folder_ / name, fs::perms(0700));
        Own(folder_ / name, uid);
    }
    static void Own(const fs::path& path, uid_t uid) {
        ASSERT_EQ(::lchown(path.c_str(), uid, uid), 0);
        for (const auto& entry : fs::recursive_directory_iterator(path))
            ASSERT_EQ(::lchown(entry.path().c_str(), uid, uid), 0);
    }
    fs::path Logs() const { return folder_ / "alice/2026-11/digits-1a2b3c4d/logs"; }
    void WriteLog(const std::string& name, const std::string& text) {
        std::ofstream(Logs() / name) << text;
        Own(Logs(), kAlice);
    }
    JobFolderPath Job(const std::string& user = "alice") const {
        return {folder_.path(), user, "2026-11/digits-1a2b3c4d"};
    }
    ArchivePage Page(const PageRequest& request) {
        auto page = ReadArchivePage(Job(), request);
        EXPECT_TRUE(page) << page.error().message;
        return page ? std::move(*page) : ArchivePage{};
    }
    int Code(const std::string& file, const std::string& user = "alice") {
        const auto page = ReadArchivePage(Job(user), {.file = file});
        return page ? 0 : page.error().code;
    }

    TestFolder folder_;
};

TEST_F(ArchiveFiles, ListsArchivesAndNothingElse) {
    WriteLog("worker-0.0.log", "x\n");
    WriteLog("worker-10.0.log", "xyz\n");
    WriteLog("notes.txt", "mine");
    fs::create_directory(Logs() / "worker-1.0.log");
    fs::create_symlink("/etc/passwd", Logs() / "worker-2.0.log");
    const auto list = ListArchives(Job());
    ASSERT_TRUE(list) << list.error().message;
    EXPECT_EQ(list->files,
              (std::vector<ArchiveEntry>{{"worker-0.0.log", 2}, {"worker-10.0.log", 4}}));
    EXPECT_FALSE(list->cut);
    // A job that has written nothing, and a user who has no folder.
    EXPECT_TRUE(ListArchives({folder_.path(), "alice", "2026-11/other-1a2b3c4d"})->files.empty());
    EXPECT_TRUE(ListArchives(Job("nobody"))->files.empty());
}

TEST_F(ArchiveFiles, AFolderWithTooManyNamesIsCut) {
    const auto make = [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i)
            std::ofstream(Logs() / fmt::format("worker-{}.0.log", i));
        Own(Logs(), kAlice);
    };
    make(0, kMaxArchiveNames);
    auto list = ListArchives(Job());
    ASSERT_TRUE(list) << list.error().message;
    EXPECT_EQ(list->files.size(), kMaxArchiveNames);
    EXPECT_FALSE(list->cut);
    make(kMaxArchiveNames, kMaxArchiveNames + 1);
    list = ListArchives(Job());
    ASSERT_TRUE(list);
    EXPECT_EQ(list->files.size(), kMaxArchiveNames);
    EXPECT_TRUE(list->cut);
}

TEST_F(ArchiveFiles, FilesAreOpenedAsTheirUser) {
    WriteLog("worker-0.0.log", "alice's\n");
    fs::permissions(Logs() / "worker-0.0.log", fs::perms(0600));
    EXPECT_EQ(Page({.file = "worker-0.0.log"}).bytes, "alice's\n");
    // As root it would be readable: who opened it was not root.
    ASSERT_EQ(::chown((Logs() / "worker-0.0.log").c_str(), kBob, kBob), 0);
    EXPECT_EQ(Code("worker-0.0.log"), EACCES);
    // Nobody is root.
    ASSERT_EQ(::chown((folder_ / "alice").c_str(), 0, 0), 0);
    EXPECT_EQ(Code("worker-0.0.log"), EPERM);
    EXPECT_EQ(uid_t(::setfsuid(uid_t(-1))), 0u);
}

TEST_F(ArchiveFiles, LinksAreNotFollowed) {
    WriteLog("worker-0.0.log", "x\n");
    // Bob's job, which alice may not read, by every kind of link.
    fs::create_directories(folder_ / "bob/logs");
    std::ofstream(folder_ / "bob/logs/worker-0.0.log") << "bob's\n";
    Own(folder_ / "bob", kBob);
    fs::create_symlink(folder_ / "bob/logs/worker-0.0.log", Logs() / "worker-1.0.log");
    EXPECT_EQ(Code("worker-1.0.log"), ELOOP);
    fs::create_hard_link(Logs() / "worker-0.0.log", Logs() / "worker-2.0.log");
    EXPECT_EQ(Code("worker-2.0.log"), EPERM);
    ASSERT_EQ(::mkfifo((Logs() / "worker-3.0.log").c_str(), 0644), 0);
    EXPECT_EQ(Code("worker-3.0.log"), EPERM);
    fs::remove_all(Logs());
    fs::create_directory_symlink(folder_ / "bob/logs", Logs());
    EXPECT_EQ(Code("worker-0.0.log"), ELOOP);
    EXPECT_FALSE(ListArchives(Job()));
    // Nor is the user's folder itself.
    fs::create_directory_symlink(folder_ / "bob", folder_ / "carol");
    EXPECT_EQ(Code("worker-0.0.log", "carol"), ENOTDIR);
    // Whoever says the wrong user finds nothing: the job is not there.
    EXPECT_EQ(Code("worker-0.0.log", "bob"), ENOENT);
}

TEST_F(ArchiveFiles, APageBeginsWhereItWasAskedTo) {
    std::string text;
    std::vector<std::uint64_t> starts;
    for (int i = 0; i < 1000; ++i) {
        starts.push_back(text.size());
        text += Line(i * kSecond, fmt::format("line {}", i));
    }
    WriteLog("worker-0.0.log", text);
    const auto first = Page({.file = "worker-0.0.log", .bytes = 100});
    EXPECT_EQ(first.offset, 0u);
    EXPECT_EQ(first.size, text.size());
    EXPECT_EQ(first.bytes, text.substr(0, 100));
    EXPECT_EQ(Page({.file = "worker-0.0.log", .offset = 100}).bytes, text.substr(100));
    EXPECT_EQ(Page({.file = "worker-0.0.log", .offset = text.size() + 1}).bytes, "");
    EXPECT_EQ(Page({.file = "worker-0.0.log", .time = 500 * kSecond}).offset, starts[498]);
    EXPECT_EQ(Page({.file = "worker-0.0.log", .tail = 3}).offset, starts[997]);
    EXPECT_EQ(Page({.file = "worker-0.0.log", .tail = 0}).offset, text.size());
    EXPECT_EQ(Page({.file = "worker-0.0.log", .tail = 5000}).offset, 0u);
    const auto before = Page({.file = "worker-0.0.log", .tail = 2, .end = starts[10]});
    EXPECT_EQ(before.bytes, text.substr(starts[8], starts[10] - starts[8]));
}

TEST_F(ArchiveFiles, ATailTakesAllOfTheSameTime) {
    const std::string a = Line(1 * kSecond, "a"), b = Line(2 * kSecond, "b");
    WriteLog("worker-0.0.log", a + b + b + b + "no line of ours\n" + b);
    EXPECT_EQ(Page({.file = "worker-0.0.log", .tail = 1}).bytes, b);
    EXPECT_EQ(Page({.file = "worker-0.0.log", .tail = 3}).bytes,
              b + b + b + "no line of ours\n" + b);
    WriteLog("worker-0.0.log", a + b + "not ended");
    EXPECT_EQ(Page({.file = "worker-0.0.log", .tail = 1}).bytes, "not ended");
    EXPECT_EQ(Page({.file = "worker-0.0.log", .tail = 2}).bytes, b + "not ended");
    // A line longer than what is looked through at once.
    const std::string huge = Line(3 * kSecond, std::string(3 << 20, 'x'));
    WriteLog("worker-0.0.log", a + huge + b);
    EXPECT_EQ(Page({.file = "worker-0.0.log", .tail = 2}).offset, a.size());
}

TEST_F(ArchiveFiles, LookingForTheBeginningHasAnEnd) {
    // All of one time: as many lines as there may be.
    const std::string a = Line(kSecond, "a");
    std::string text;
    while (text.size() <= kMaxTailBytes + (1 << 20))
        text += a;
    WriteLog("worker-0.0.log", text);
    const auto tail = Page({.file = "worker-0.0.log", .tail = 1});
    EXPECT_GE(tail.offset, text.size() - kMaxTailBytes);
    EXPECT_LT(tail.offset, text.size() - kMaxTailBytes + a.size());
    EXPECT_EQ(tail.offset % a.size(), 0u);
    // Of no time, in the first block that is looked at.
    const auto soon = Page({.file = "worker-0.0.log", .tail = 100'000, .patience = {}});
    EXPECT_GT(soon.offset, text.size() - (1 << 20));
    EXPECT_LT(soon.offset, text.size());
    EXPECT_EQ(soon.bytes.substr(0, a.size()), a);
    const auto time =
        ReadArchivePage(Job(), {.file = "worker-0.0.log", .time = 9 * kSecond, .patience = {}});
    ASSERT_FALSE(time);
    EXPECT_THAT(time.error().message, ::testing::HasSubstr("takes too long"));
}

TEST_F(ArchiveFiles, ATailWhoseTimesLieAcrossBlocks) {
    // What is looked through at once ends within the time of a line, wherever.
    for (std::size_t back = 0; back < 40; ++back) {
        const std::string a = Line(1 * kSecond, "a"), b = Line(2 * kSecond, "b");
        const std::string last = Line(2 * kSecond, std::string((256 << 10) + 5 - back, 'x'));
        WriteLog("worker-0.0.log", a + b + last);
        EXPECT_EQ(Page({.file = "worker-0.0.log", .tail = 1}).offset, a.size()) << back;
    }
}

// --- threads ---

template <typename T>
T RunUntil(boost::asio::io_context& io, kube::Awaitable<T> work) {
    std::optional<T> result;
    boost::asio::co_spawn(io, std::move(work),
                          [&](std::exception_ptr, T value) { result = std::move(value); });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    io.restart();
    while (!result && std::chrono::steady_clock::now() < end)
        io.run_one_until(end);
    return result.value();
}

kube::Awaitable<void> Ask(ReadPool& pool, std::function<int()> work, int& answered, int& failed,
                          std::string who = "alice") {
    const std::optional<int> result = co_await pool.Run<int>(std::move(who), std::move(work));
    ++(result ? answered : failed);
}

TEST(ReadPool, WhatHangsIsGivenUpAndHoldsNoMoreThanItsThreads) {
    DLWS_NEEDS_ROOT();
    if (const std::string lacks = HungMount::Lacks(); !lacks.empty()) GTEST_SKIP() << lacks;
    TestFolder folder;
    HungMount mount(folder, "hung");
    boost::asio::io_context io;
    ReadPool pool(io.get_executor(),
                  {.threads = 3, .threads_each = 3, .patience = std::chrono::milliseconds(200)});
    const JobFolderPath job{mount.path(), "alice", "2026-11/digits-1a2b3c4d"};
    const auto list = [job] { return int(ListArchives(job).has_value()); };
    int answered = 0, failed = 0;
    const auto ask = [&](int times) {
        std::vector<kube::Awaitable<void>> asks;
        for (int i = 0; i < times; ++i)
            asks.push_back(Ask(pool, list, answered, failed));
        const auto begin = std::chrono::steady_clock::now();
        boost::asio::co_spawn(io, kube::Together(std::move(asks)), boost::asio::detached);
        io.restart();
        io.run_for(std::chrono::seconds(20));
        return std::chrono::steady_clock::now() - begin;
    };
    // Two wait for a thread, and none comes.
    EXPECT_GE(ask(5), std::chrono::milliseconds(200));
    EXPECT_EQ(failed, 5);
    EXPECT_EQ(pool.Hung(), 3u);
    // Then it is known.
    EXPECT_LT(ask(100), std::chrono::milliseconds(100));
    EXPECT_EQ(failed, 105);
    // The storage comes back, if only to say no.
    mount.Die();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (pool.Hung() > 0 && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    EXPECT_EQ(pool.Hung(), 0u);
    ask(5);
    EXPECT_EQ(answered, 5);
}

/// Work that waits until it is let go; counts how many do so at once.
struct Gate {
    int Wait() {
        std::unique_lock lock(mutex);
        most = std::max(most, ++waiting);
        changed.notify_all();
        changed.wait(lock, [&] { return open; });
        --waiting;
        return 0;
    }
    bool HasWaiting(int count) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, std::chrono::seconds(10), [&] { return waiting >= count; });
    }
    void Open() {
        const std::scoped_lock lock(mutex);
        open = true;
        changed.notify_all();
    }
    std::mutex mutex;
    std::condition_variable changed;
    int waiting = 0, most = 0;
    bool open = false;
};

TEST(ReadPool, OnePersonLeavesThreadsToTheOthers) {
    boost::asio::io_context io;
    ReadPool pool(io.get_executor(), {.threads = 8, .patience = std::chrono::milliseconds(300)});
    const auto gate = std::make_shared<Gate>();
    int answered = 0, failed = 0, others = 0;
    const auto spawn = [&](kube::Awaitable<void> ask) {
        boost::asio::co_spawn(io, std::move(ask), boost::asio::detached);
    };
    for (int i = 0; i < 20; ++i)
        spawn(Ask(pool, [gate] { return gate->Wait(); }, answered, failed));
    io.poll();
    ASSERT_TRUE(gate->HasWaiting(2));
    for (int i = 0; i < 20; ++i)
        spawn(Ask(pool, [i] { return i; }, others, others, "bob"));
    io.run();
    EXPECT_EQ(others, 20);
    EXPECT_EQ(failed, 20);
    EXPECT_EQ(gate->most, 2);
    EXPECT_EQ(pool.Hung(), 2u);
    // That these hang is known: alice is told at once, and bob is served.
    io.restart();
    const auto begin = std::chrono::steady_clock::now();
    spawn(Ask(pool, [] { return 0; }, answered, failed));
    spawn(Ask(pool, [] { return 0; }, others, failed, "bob"));
    io.run();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(250));
    EXPECT_EQ(failed, 21);
    EXPECT_EQ(others, 21);
    gate->Open();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (pool.Hung() > 0 && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    for (int i = 0; i < 20; ++i)
        spawn(Ask(pool, [] { return 0; }, answered, failed));
    io.restart();
    io.run();
    EXPECT_EQ(answered, 20);
}

TEST(ReadPool, AnswersOfManyThreads) {
    boost::asio::io_context io;
    ReadPool pool(io.get_executor(), {.threads = 3, .patience = std::chrono::seconds(10)});
    int answered = 0, failed = 0;
    std::vector<kube::Awaitable<void>> asks;
    for (int i = 0; i < 500; ++i)
        asks.push_back(Ask(pool, [i] { return i; }, answered, failed));
    boost::asio::co_spawn(io, kube::Together(std::move(asks)), boost::asio::detached);
    io.run_for(std::chrono::seconds(20));
    EXPECT_EQ(answered, 500);
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(RunUntil(io, pool.Run<std::string>("bob", [] { return std::string("x"); })), "x");
}

}  // namespace
}  // namespace dlws::agent

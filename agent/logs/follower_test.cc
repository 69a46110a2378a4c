// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/follower.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>

#include "agent/logs/logs_fixture.h"

namespace {
/// Not 0: what fdatasync() answers, after it has lost what was not synced before, as a network file
/// system does that hears of a quota only now.
int g_sync_error = 0;
off_t g_synced_size = 0;
}  // namespace

extern "C" int fdatasync(int fd) {
    if (g_sync_error == 0) return int(::syscall(SYS_fdatasync, fd));
    if (::ftruncate(fd, g_synced_size) != 0) return -1;
    errno = g_sync_error;
    return -1;
}

namespace dlws::agent {
namespace {

using ::testing::Test;

bool Contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

class FollowerTest : public LogsTest {};

TEST_F(FollowerTest, ArchivesAcrossRotationsAndThenForgetsThePod) {
    Put(Log(), Record("one") + Record("tw", "P"));
    ExpectArchive(Line("one") + std::string(kTime) + "Z tw");
    fs::rename(Log(), Log("0.log.20261129-084622"));
    Put(Log("0.log.20261129-084622"), Record("o and", "P"));
    Put(Log(), Record(" a half") + Record("three"));
    ExpectArchive(Line("one") + Line("two and a half") + Line("three"));
    EXPECT_EQ(LinkCount(), 2u) << "the kubelet has both files";
    fs::remove(Log("0.log.20261129-084622"));
    EXPECT_TRUE(Until([&] { return LinkCount() == 1; }));
    Put(Log(), Record("four") + Record("five", "P"));
    fs::remove_all(PodFolder());
    EXPECT_TRUE(Until([&] { return NothingKept(); }));
    EXPECT_EQ(Archive(),
              Line("one") + Line("two and a half") + Line("three") + Line("four") + Line("five"));
    struct stat status{};
    ASSERT_EQ(::stat(ArchivePath().c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, alice_.uid);
    EXPECT_EQ(status.st_mode & 0777, 0640u);
    const FollowerStats stats = follower_->Stats();
    EXPECT_EQ(stats.lines, 5u);
    EXPECT_EQ(stats.errors.size(), 0u) << stats.last_error;
    EXPECT_EQ(stats.pods, 0u);
}

TEST_F(FollowerTest, ALongLineAndBinary) {
    std::string line(10 << 20, '\0');
    for (std::size_t i = 0; i < line.size(); ++i)
        line[i] = char(i % 251 == '\n' ? '\r' : i % 251);
    std::string log;
    for (std::size_t at = 0; at < line.size(); at += 16 << 10)
        log += Record(line.substr(at, 16 << 10), at + (16 << 10) < line.size() ? "P" : "F");
    Put(Log(), log + Record(line));
    EXPECT_TRUE(Until([&] { return Archive().size() == 2 * Line(line).size(); }));
    EXPECT_TRUE(Archive() == Line(line) + Line(line));
}

// Killed between the append and the save: what is there is found, also when it is not a whole line.
TEST_F(FollowerTest, WhatIsThereIsNotWrittenTwice) {
    settings_.sync_interval = std::chrono::hours(1);
    Restart();
    Put(Log(), Record("one"));
    ExpectArchive(Line("one"));
    for (int i = 2; i < 9; ++i) {
        Put(Log(), Record(std::to_string(i)));
        EXPECT_TRUE(Until([&] { return Contains(Archive(), Line(std::to_string(i))); }));
        const auto size = fs::file_size(ArchivePath());
        if (i % 2 == 0) fs::resize_file(ArchivePath(), size - 7);
        Restart();
    }
    std::string wanted = Line("one");
    for (int i = 2; i < 9; ++i)
        wanted += Line(std::to_string(i));
    ExpectArchive(wanted);
    EXPECT_EQ(follower_->Stats().errors.size(), 0u);
}

TEST_F(FollowerTest, ADeletedArchiveBeginsAnewAndSaysSo) {
    Put(Log(), Record("one"));
    ExpectArchive(Line("one"));
    fs::remove(ArchivePath());
    Put(Log(), Record("two"));
    const std::string note =
        Line("dlws: this file was deleted or shortened; what it held before is not repeated");
    ExpectArchive(note + Line("two"));
    std::ofstream(ArchivePath(), std::ios::trunc) << "x";
    Put(Log(), Record("three"));
    ExpectArchive("x\n" + note + Line("three"));
    EXPECT_GE(follower_->Stats().errors.at("changed"), 1u);
    // While the agent is away.
    fs::remove(ArchivePath());
    Restart();
    Put(Log(), Record("four"));
    ExpectArchive(note + Line("four"));
}

TEST_F(FollowerTest, WhatTheUserWroteStays) {
    Put(ArchivePath(), "here before\n");
    for (fs::path path = ArchivePath(); path != folder_ / "shared"; path = path.parent_path())
        ASSERT_EQ(::chown(path.c_str(), alice_.uid, alice_.gid), 0);
    Put(Log(), Record("one"));
    ExpectArchive("here before\n" + Line("one"));
    Put(ArchivePath(), "mine");
    Put(Log(), Record("two"));
    const std::string wanted = "here before\n" + Line("one") + "mine\n" +
                               Line("dlws: somebody else wrote to this file") + Line("two");
    ExpectArchive(wanted);
    Put(Log(), Record("three"));
    ExpectArchive(wanted + Line("three"));
}

TEST_F(FollowerTest, RefusesWhatWouldLeadElsewhere) {
    Put(folder_ / "target/worker-0.0.log", "");
    fs::permissions(folder_ / "target/worker-0.0.log", fs::perms(0666));
    fs::permissions(folder_ / "target", fs::perms(0777));
    fs::create_directories(folder_ / "shared/alice/job");
    ASSERT_EQ(::chown((folder_ / "shared/alice/job").c_str(), alice_.uid, alice_.gid), 0);
    fs::create_directory_symlink(folder_ / "target", folder_ / "shared/alice/job/logs");
    Put(Log(), Record("one"));
    const auto refusals = [&] {
        const auto stats = follower_->Stats();
        const auto found = stats.errors.find("refused");
        return found == stats.errors.end() ? 0 : found->second;
    };
    EXPECT_TRUE(Until([&] { return refusals() > 0; }));
    EXPECT_TRUE(Contains(follower_->Stats().last_error, "symbolic link"))
        << follower_->Stats().last_error;
    EXPECT_EQ(follower_->Stats().failing_pods, 1u);
    fs::remove(folder_ / "shared/alice/job/logs");
    fs::create_directories(ArchivePath().parent_path());
    ASSERT_EQ(::chown(ArchivePath().parent_path().c_str(), alice_.uid, alice_.gid), 0);
    fs::create_symlink(folder_ / "target/worker-0.0.log", ArchivePath());
    Restart();
    EXPECT_TRUE(Until([&] { return refusals() > 0; }));
    EXPECT_EQ(fs::file_size(folder_ / "target/worker-0.0.log"), 0u);
    // And when the user has thought better of it, nothing is missing.
    fs::remove(ArchivePath());
    ExpectArchive(Line("one"));
    EXPECT_EQ(follower_->Stats().failing_pods, 0u);
}

TEST_F(FollowerTest, AFullStorageLosesNothing) {
    const fs::path home = folder_ / "shared/alice";
    if (::mount("tmpfs", home.c_str(), "tmpfs", 0, "size=256k,mode=0777") != 0)
        GTEST_SKIP() << "no mounts here";
    std::string log, wanted;
    for (int i = 0; i < 5000; ++i) {
        const std::string text = std::to_string(i) + std::string(100, 'x');
        log += Record(text);
        wanted += Line(text);
    }
    Put(Log(), log);
    EXPECT_TRUE(Until([&] { return follower_->Stats().errors.contains("full"); }));
    EXPECT_LT(Archive().size(), wanted.size());
    EXPECT_TRUE(Until([&] { return follower_->Stats().backlog_bytes > 0; }));
    if (::mount("tmpfs", home.c_str(), "tmpfs", MS_REMOUNT, "size=4m") != 0)
        ADD_FAILURE() << "cannot make it larger";
    EXPECT_TRUE(Until([&] { return Archive() == wanted; }, std::chrono::seconds(20)));
    follower_.reset();
    root_.Reset();
    ::umount2(home.c_str(), MNT_DETACH);
}

TEST_F(FollowerTest, WhatASyncLosesIsWrittenAgain) {
    Put(Log(), Record("one"));
    ExpectArchive(Line("one"));
    g_synced_size = off_t(Archive().size());
    g_sync_error = EDQUOT;
    Put(Log(), Record("two"));
    EXPECT_TRUE(Until([&] { return follower_->Stats().errors.contains("quota"); }));
    EXPECT_EQ(Archive(), Line("one"));
    g_sync_error = 0;
    Put(Log(), Record("three"));
    ExpectArchive(Line("one") + Line("two") + Line("three"));
    EXPECT_EQ(follower_->Stats().errors.size(), 1u);
}

TEST_F(FollowerTest, AnArchiveHasALargestSize) {
    settings_.archive_limit = 2000;
    settings_.chunk = 500;
    Restart();
    for (int i = 0; i < 100; ++i)
        Put(Log(), Record("text"));
    const std::string last = "bytes; what came after is not kept\n";
    EXPECT_TRUE(Until([&] { return Archive().ends_with(last); })) << Archive();
    const std::string all = Archive();
    EXPECT_LT(all.size(), 2800u);
    Put(Log(), Record("more"));
    Restart();
    Put(Log(), Record("more"));
    EXPECT_TRUE(Until([&] { return follower_->Stats().dropped_bytes > 0; }));
    fs::remove_all(PodFolder());
    EXPECT_TRUE(Until([&] { return NothingKept(); }));
    EXPECT_EQ(Archive(), all);
}

TEST_F(FollowerTest, TheOldestFilesAreDroppedWhenTooMuchWaits) {
    settings_.backlog_limit = 3000;
    Restart();
    Put(Log(), Record("zero"));
    ExpectArchive(Line("zero"));
    fs::rename(ArchivePath().parent_path(), folder_ / "shared/alice/job/aside");
    fs::create_symlink("aside", ArchivePath().parent_path());
    Put(Log(), Record("cut", "P"));
    Restart();
    for (int file = 1; file <= 4; ++file) {
        fs::rename(Log(), Log("0.log.2026112" + std::to_string(file) + "-000000"));
        Put(Log(), Record(std::to_string(file) + std::string(1000, 'x')));
        Scan();
    }
    EXPECT_TRUE(Until([&] { return follower_->Stats().dropped_bytes > 0; }));
    const std::uint64_t dropped = follower_->Stats().dropped_bytes;
    Restart();
    fs::remove(ArchivePath().parent_path());
    fs::rename(folder_ / "shared/alice/job/aside", ArchivePath().parent_path());
    const std::string x(1000, 'x');
    ExpectArchive(Line("zero") +
                  Line("dlws: " + std::to_string(dropped) +
                       " bytes of this log were dropped here: they could not be written in time") +
                  Line("3" + x) + Line("4" + x));
}

// With no descriptors left, no folder can be listed: that must not look like an empty one.
TEST_F(FollowerTest, WhatCannotBeReadIsNotAbsent) {
    Put(Log(), Record("one"));
    ExpectArchive(Line("one"));
    rlimit before{}, none{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    for (const bool fresh : {false, true}) {
        if (fresh) Restart();
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
        EXPECT_FALSE(linker_->Scan());
        follower_->Round();
        EXPECT_FALSE(node_->Links());
        EXPECT_FALSE(node_->PodsWithFacts());
        EXPECT_FALSE(node_->GonePods());
        EXPECT_FALSE(node_->LoadState(kUid));
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
        EXPECT_GE(follower_->Stats().errors["node"], fresh ? 1u : 0u);
    }
    fs::remove_all(PodFolder());
    EXPECT_TRUE(Until([&] { return NothingKept(); }));
    EXPECT_EQ(Archive(), Line("one"));
}

TEST_F(FollowerTest, OnePodCannotHoldUpTheOthers) {
    settings_.round_bytes = 10'000;
    settings_.chunk = 1000;
    Restart();
    std::string log;
    for (int i = 0; i < 50'000; ++i)
        log += Record("text");
    Put(Log(), log);
    Scan();
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(follower_->Round());
    EXPECT_LT(Archive().size(), 40'000u);
}

TEST_F(FollowerTest, WhatIsNoRecordIsKept) {
    Put(Log(), "garbage\n" + Record("one") + "2026-1");
    ExpectArchive("1970-01-01T00:00:00.000000Z garbage\n" + Line("one"));
    fs::remove_all(PodFolder());
    EXPECT_TRUE(Until([&] { return NothingKept(); }));
    EXPECT_TRUE(Archive().ends_with(Line("one") + Line("2026-1"))) << Archive();
}

}  // namespace
}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/mount_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/auto_fs4.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "agent/storage/check_command.h"
#include "agent/storage/testing.h"

namespace dlws::agent {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TestFolder;

constexpr std::string_view kMountInfo =
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
    "40 27 0:40 / /mnt/a\\040b\\134c rw master:1 shared:7 - nfs4 server:/x rw,vers=4.2\n"
    "41 27 0:41 /sub /mnt/x rw,relatime shared:2 - fuse.glusterfs a:/v rw\n"
    "42 41 0:42 / /mnt/x rw,relatime - ceph mon:/ rw\n"
    "43 27 0:43 / /mnt/xy rw,relatime - lustre a@tcp:/l rw\n"
    "44 27 0:44 / /mnt/broken rw,relatime\n"
    "45 27 0:45 / /mnt/short\\04 rw - tmpfs t rw";

std::optional<std::string> TypeAt(std::string_view path) {
    const auto mounted = MountedAt(kMountInfo, path);
    return mounted ? std::optional(mounted->file_system) : std::nullopt;
}

TEST(MountInfoTest, FindsWhatIsMountedExactlyThere) {
    EXPECT_EQ(MountedAt(kMountInfo, "/mnt/xy"), (Mounted{"lustre", "0:43"}));
    EXPECT_EQ(TypeAt("/proc"), "proc");
    EXPECT_EQ(TypeAt("/"), "ext4");
    EXPECT_EQ(TypeAt("/mnt/xy"), "lustre");
    EXPECT_EQ(TypeAt("/mnt"), std::nullopt);
    EXPECT_EQ(TypeAt("/mnt/xy/z"), std::nullopt);
    EXPECT_EQ(MountedAt("", "/"), std::nullopt);
}

TEST(MountInfoTest, ReadsEscapedPaths) {
    EXPECT_EQ(TypeAt("/mnt/a b\\c"), "nfs4");
    EXPECT_EQ(TypeAt("/mnt/short\\04"), "tmpfs");
}

TEST(MountInfoTest, TheLastOfSeveralMountsHidesTheOthers) {
    EXPECT_EQ(TypeAt("/mnt/x"), "ceph");
}

TEST(MountInfoTest, ALineWithoutATypeIsNoMount) {
    EXPECT_EQ(TypeAt("/mnt/broken"), std::nullopt);
}

MountToCheck Small(const std::string& path) {
    MountToCheck mount;
    mount.path = path;
    mount.node_name = "node-1";
    mount.min_free_bytes = 0;
    mount.min_free_inodes = 0;
    return mount;
}

TEST(CheckCommandTest, RefusesWhatIsNoPathOrLeavesTheMount) {
    EXPECT_EQ(Refusal(Small("/mnt/x")), "");
    for (const char* path : {"", "mnt/x", "/mnt/x/", "/mnt//x", "/mnt/../x", "/mnt/.."})
        EXPECT_THAT(Refusal(Small(path)), HasSubstr("path must be absolute")) << path;
    for (const char* below : {"/etc", "..", "a/../../etc", "a/.."}) {
        MountToCheck mount = Small("/mnt/x");
        mount.below = below;
        EXPECT_THAT(Refusal(mount), HasSubstr("below must be relative")) << below;
        std::swap(mount.below, mount.sentinel);
        EXPECT_THAT(Refusal(mount), HasSubstr("sentinel must be relative")) << below;
    }
    MountToCheck mount = Small("/mnt/x");
    mount.below = "a..b/..c";
    EXPECT_EQ(Refusal(mount), "");
    mount.node_name = "a/b";
    EXPECT_THAT(Refusal(mount), HasSubstr("node must be"));
}

TEST(CheckCommandTest, AFactSurvivesItsJson) {
    StorageFact fact;
    fact.state = StorageState::Full;
    fact.reason = "FewBytesFree";
    fact.message = "a \"quoted\" line\n";
    fact.file_system = "nfs4";
    fact.bytes_total = std::int64_t{1} << 60;
    fact.bytes_free = 2;
    fact.inodes_total = 3;
    fact.inodes_free = 4;
    const auto again = ParseFact(ToJson(fact));
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(ToJson(*again), ToJson(fact));
    EXPECT_EQ(again->bytes_total, std::int64_t{1} << 60);
    for (const char* bad : {"", "{}", "[]", "{\"state\":\"Fine\"}", "{\"state\":\"Full\"", "null"})
        EXPECT_FALSE(ParseFact(bad)) << bad;
}

// On real file systems from here on.
class MountCheckTest : public ::testing::Test {
  public:
    void SetUp() override { DLWS_NEEDS_ROOT(); }
    TestFolder folder;
};

TEST_F(MountCheckTest, AMountWithRoomIsHealthyAndLeftAsItWas) {
    MountToCheck mount = Small(folder.MountTmpfs("t", "size=4m"));
    mount.file_system = "tmpfs";
    const StorageFact fact = CheckMount(mount);
    EXPECT_EQ(fact.state, StorageState::Healthy) << fact.message;
    EXPECT_EQ(fact.reason, "Healthy");
    EXPECT_EQ(fact.message, "");
    EXPECT_EQ(fact.file_system, "tmpfs");
    EXPECT_EQ(fact.bytes_total, 4 << 20);
    EXPECT_EQ(fact.bytes_free, 4 << 20);
    EXPECT_GT(fact.inodes_free, 0);
    EXPECT_TRUE(fs::is_empty(mount.path));
}

TEST_F(MountCheckTest, AFolderThatIsNoMountPointIsMissing) {
    const StorageFact fact = CheckMount(Small(folder.MakeFolder("plain")));
    EXPECT_EQ(fact.state, StorageState::Missing);
    EXPECT_EQ(fact.reason, "NotMounted");
    EXPECT_THAT(fact.message, HasSubstr("mount the storage there"));
    EXPECT_TRUE(fs::is_empty(folder / "plain"));
}

TEST_F(MountCheckTest, UnmountedItIsMissing) {
    const auto at = folder.MountTmpfs("t", "size=1m");
    EXPECT_EQ(CheckMount(Small(at)).state, StorageState::Healthy);
    ASSERT_EQ(::umount2(at.c_str(), 0), 0);
    EXPECT_EQ(CheckMount(Small(at)).reason, "NotMounted");
}

TEST_F(MountCheckTest, AnotherFileSystemThanDeclaredIsMissing) {
    MountToCheck mount = Small(folder.MountTmpfs("with blank", "size=1m"));
    mount.file_system = "nfs4";
    const StorageFact fact = CheckMount(mount);
    EXPECT_EQ(fact.state, StorageState::Missing);
    EXPECT_EQ(fact.reason, "WrongFileSystem");
    EXPECT_EQ(fact.file_system, "tmpfs");
}

TEST_F(MountCheckTest, ABindMountIsAMountPoint) {
    folder.MakeFolder("real/team");
    MountToCheck mount = Small(folder.Mount(folder / "real", "bound", "none", MS_BIND, ""));
    mount.below = "team";
    const StorageFact fact = CheckMount(mount);
    EXPECT_EQ(fact.state, StorageState::Healthy) << fact.message;
}

// The check as the agent runs it, in a process of its own: we are the automounter, whom autofs
// knows by its process group, and for whom it mounts nothing.
StorageFact CheckAutomounted(TestFolder& folder, const MountToCheck& mount, bool succeeds) {
    int requests[2], results[2];
    if (::pipe(requests) != 0 || ::pipe(results) != 0) throw std::runtime_error("pipe");
    const auto options = "fd=" + std::to_string(requests[1]) +
                         ",pgrp=" + std::to_string(::getpgrp()) + ",minproto=5,maxproto=5,direct";
    folder.Mount("dlws-test", "auto", "autofs", 0, options);
    const Fd control(::open(mount.path.c_str(), O_RDONLY | O_DIRECTORY));
    const pid_t checker = ::fork();
    if (checker == 0) {
        ::setpgid(0, 0);
        const std::string found = ToJson(CheckMount(mount));
        ::_exit(::write(results[1], found.data(), found.size()) < 0);
    }
    pollfd asked{requests[0], POLLIN, 0};
    autofs_v5_packet request{};
    if (::poll(&asked, 1, 5000) == 1 && ::read(requests[0], &request, sizeof request) > 0) {
        if (succeeds) folder.MountTmpfs("auto", "size=1m");
        ::ioctl(control.get(), succeeds ? AUTOFS_IOC_READY : AUTOFS_IOC_FAIL,
                request.wait_queue_token);
    }
    std::string found(4096, 0);
    pollfd ended{results[0], POLLIN, 0};
    const bool answered = ::poll(&ended, 1, 5000) == 1;
    const ssize_t size = answered ? ::read(results[0], found.data(), found.size()) : 0;
    ::kill(checker, SIGKILL);
    ::waitpid(checker, nullptr, 0);
    for (int fd : {requests[0], requests[1], results[0], results[1]})
        ::close(fd);
    found.resize(std::size_t(std::max<ssize_t>(size, 0)));
    return ParseFact(found).value_or(StorageFact{.reason = "no answer"});
}

TEST_F(MountCheckTest, EntersWhatAnAutomounterMounts) {
    MountToCheck mount = Small(folder.MakeFolder("auto"));
    mount.file_system = "tmpfs";
    const StorageFact fact = CheckAutomounted(folder, mount, true);
    EXPECT_EQ(fact.state, StorageState::Healthy) << fact.message;
    EXPECT_EQ(fact.reason, "Healthy");
    EXPECT_EQ(fact.file_system, "tmpfs");
}

TEST_F(MountCheckTest, WhatAnAutomounterCannotMountIsMissing) {
    const MountToCheck mount = Small(folder.MakeFolder("auto"));
    const StorageFact fact = CheckAutomounted(folder, mount, false);
    EXPECT_EQ(fact.state, StorageState::Missing);
    EXPECT_EQ(fact.reason, "NotMounted");
    EXPECT_THAT(fact.message, HasSubstr("The automounter of this node mounts nothing at"));
}

TEST_F(MountCheckTest, TheSentinelMustBeThere) {
    MountToCheck mount = Small(folder.MountTmpfs("t", "size=1m"));
    mount.sentinel = "a/.here";
    StorageFact fact = CheckMount(mount);
    EXPECT_EQ(fact.state, StorageState::Missing);
    EXPECT_EQ(fact.reason, "SentinelMissing");
    folder.MakeFolder("t/a");
    folder.Write("t/a/.here", "");
    EXPECT_EQ(CheckMount(mount).state, StorageState::Healthy);
    // Nor may it be somewhere else.
    fs::remove(folder / "t/a/.here");
    fs::create_symlink("/etc/passwd", folder / "t/a/.here");
    EXPECT_EQ(CheckMount(mount).reason, "SymbolicLink");
}

TEST_F(MountCheckTest, TheFolderBelowMustBeAFolder) {
    MountToCheck mount = Small(folder.MountTmpfs("t", "size=1m"));
    mount.below = "data";
    EXPECT_EQ(CheckMount(mount).reason, "FolderMissing");
    folder.Write("t/data", "");
    EXPECT_EQ(CheckMount(mount).reason, "FolderMissing");
    fs::remove(folder / "t/data");
    const auto victim = folder.MakeFolder("victim");
    fs::create_symlink(victim, folder / "t/data");
    const StorageFact fact = CheckMount(mount);
    EXPECT_EQ(fact.state, StorageState::Missing);
    EXPECT_EQ(fact.reason, "SymbolicLink");
    EXPECT_TRUE(fs::is_empty(victim));
    // Nor a link that stays in the storage: what is checked must be what a pod gets.
    folder.MakeFolder("t/elsewhere");
    fs::remove(folder / "t/data");
    fs::create_symlink("elsewhere", folder / "t/data");
    EXPECT_EQ(CheckMount(mount).reason, "SymbolicLink");
}

TEST_F(MountCheckTest, FewFreeBytesAreFull) {
    MountToCheck mount = Small(folder.MountTmpfs("t", "size=1m"));
    mount.min_free_bytes = 512 << 10;
    EXPECT_EQ(CheckMount(mount).state, StorageState::Healthy);
    folder.Write("t/big", std::string(600 << 10, 'x'));
    const StorageFact fact = CheckMount(mount);
    EXPECT_EQ(fact.state, StorageState::Full);
    EXPECT_EQ(fact.reason, "FewBytesFree");
    EXPECT_THAT(fact.message, HasSubstr("less than 0.5 MiB free"));
    // Who only reads needs no room.
    mount.read_only = true;
    EXPECT_EQ(CheckMount(mount).state, StorageState::Healthy);
}

TEST_F(MountCheckTest, FewFreeInodesAreFull) {
    MountToCheck mount = Small(folder.MountTmpfs("t", "size=1m,nr_inodes=20"));
    mount.min_free_inodes = 15;
    EXPECT_EQ(CheckMount(mount).state, StorageState::Healthy);
    for (int i = 0; i < 6; ++i)
        folder.Write("t/" + std::to_string(i), "");
    EXPECT_EQ(CheckMount(mount).reason, "FewInodesFree");
    EXPECT_EQ(CheckMount(mount).state, StorageState::Full);
}

TEST_F(MountCheckTest, AFileSystemWithoutALimitOfInodesHasNone) {
    MountToCheck mount = Small(folder.MountTmpfs("t", "size=1m,nr_inodes=0"));
    mount.min_free_inodes = 1000;
    const StorageFact fact = CheckMount(mount);
    EXPECT_EQ(fact.inodes_total, 0);
    EXPECT_EQ(fact.state, StorageState::Healthy) << fact.message;
}

TEST_F(MountCheckTest, NoRoomForTheProbeIsFull) {
    MountToCheck mount = Small(folder.MountTmpfs("bytes", "size=64k"));
    folder.Write("bytes/big", std::string(64 << 10, 'x'));
    EXPECT_EQ(CheckMount(mount).reason, "NoSpace");
    EXPECT_FALSE(fs::exists(folder / "bytes" / ProbeName(mount)));
    mount = Small(folder.MountTmpfs("inodes", "size=1m,nr_inodes=2"));
    folder.Write("inodes/one", "");
    const StorageFact fact = CheckMount(mount);
    EXPECT_EQ(fact.state, StorageState::Full);
    EXPECT_EQ(fact.reason, "NoSpace");
}

TEST_F(MountCheckTest, MountedForReadingItIsReadOnly) {
    const auto at = folder.MountTmpfs("t", "size=1m");
    ASSERT_EQ(::mount("x", at.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, ""), 0);
    MountToCheck mount = Small(at);
    const StorageFact fact = CheckMount(mount);
    EXPECT_EQ(fact.state, StorageState::ReadOnly);
    EXPECT_EQ(fact.reason, "ReadOnly");
    mount.read_only = true;
    EXPECT_EQ(CheckMount(mount).state, StorageState::Healthy);
}

TEST_F(MountCheckTest, ReplacesWhatAKilledProbeLeft) {
    MountToCheck mount = Small(folder.MountTmpfs("t", "size=1m"));
    const auto left = folder.Write("t/" + ProbeName(mount), "half");
    EXPECT_EQ(CheckMount(mount).reason, "Healthy");
    EXPECT_FALSE(fs::exists(left));
}

TEST_F(MountCheckTest, TheProbeFollowsNoLink) {
    MountToCheck mount = Small(folder.MountTmpfs("t", "size=1m"));
    const auto victim = folder.Write("victim", "precious");
    fs::create_symlink(victim, folder / "t" / ProbeName(mount));
    EXPECT_EQ(CheckMount(mount).reason, "Healthy");
    std::string text;
    std::getline(std::ifstream(victim), text);
    EXPECT_EQ(text, "precious");
    EXPECT_TRUE(fs::is_empty(mount.path));
}

// As on a storage with root squash: here a folder has the probe's name.
TEST_F(MountCheckTest, AProbeThatMayNotWriteIsToldButHealthy) {
    MountToCheck mount = Small(folder.MountTmpfs("t", "size=1m"));
    folder.MakeFolder("t/" + ProbeName(mount) + "/full");
    const StorageFact fact = CheckMount(mount);
    EXPECT_EQ(fact.state, StorageState::Healthy);
    EXPECT_EQ(fact.reason, "NotProbed");
    EXPECT_THAT(fact.message, HasSubstr("let root of the nodes write there"));
}

}  // namespace
}  // namespace dlws::agent

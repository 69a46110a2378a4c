// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/homes.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "agent/files/beneath.h"
#include "agent/storage/home_command.h"
#include "agent/storage/testing.h"
#include "agent/storage/testing_fuse.h"
#include "kube/testing/run.h"

namespace dlws::agent {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::HungMount;
using testing::TestFolder;

Home Of(const std::string& name, uid_t uid = 12345, gid_t gid = 23456) {
    Home home;
    home.name = name;
    home.uid = uid;
    home.gid = gid;
    return home;
}

TEST(HomeRefusalTest, TakesOnlyNamesThatAreOneFolder) {
    for (const std::string& good : {std::string("a"), std::string("alice-2"), std::string(32, 'a')})
        EXPECT_EQ(Refusal(Of(good)), "") << good;
    for (const std::string& bad :
         {std::string(), std::string("."), std::string(".."), std::string("../x"),
          std::string("a/b"), std::string("/a"), std::string("2a"), std::string("-a"),
          std::string("Alice"), std::string("a.b"), std::string(33, 'a'), std::string("a\0b", 3)})
        EXPECT_THAT(Refusal(Of(bad)), HasSubstr("the name of a user's folder")) << bad;
    EXPECT_THAT(Refusal(Of("alice", 0)), HasSubstr("uid of 1"));
    EXPECT_THAT(Refusal(Of("alice", uid_t(-1))), HasSubstr("uid of 1"));
}

TEST(DecideHomeTest, TellsWhatToDo) {
    HomeOutcome outcome;
    const auto decide = [&](FoundHome found) {
        outcome = {};
        return DecideHome(Of("alice"), found, "/mnt/work", outcome);
    };
    EXPECT_EQ(decide({FoundHome::kAbsent}), HomeAction::Make);
    EXPECT_EQ(decide({FoundHome::kFolder, 12345}), HomeAction::Leave);
    EXPECT_TRUE(outcome.ready);
    EXPECT_EQ(outcome.reason, "There");
    EXPECT_EQ(decide({FoundHome::kFolder, 0, true}), HomeAction::Finish);
    EXPECT_EQ(decide({FoundHome::kFolder, 0, false}), HomeAction::Report);
    EXPECT_EQ(decide({FoundHome::kFolder, 777, false}), HomeAction::Report);
    EXPECT_FALSE(outcome.ready);
    EXPECT_EQ(outcome.reason, "OtherOwner");
    EXPECT_THAT(outcome.message, HasSubstr("/mnt/work/alice belongs to uid 777"));
    EXPECT_EQ(decide({FoundHome::kLink, 12345}), HomeAction::Report);
    EXPECT_EQ(outcome.reason, "SymbolicLink");
    EXPECT_EQ(decide({FoundHome::kOther, 12345}), HomeAction::Report);
    EXPECT_EQ(outcome.reason, "NoFolder");
}

struct stat StatusOf(const fs::path& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) status.st_uid = uid_t(-2);
    return status;
}

// On a real file system from here on: with exclusive rename, and as if it had none.
class HomesTest : public ::testing::TestWithParam<bool> {
  public:
    void SetUp() override {
        DLWS_NEEDS_ROOT();
        work = folder.MakeFolder("work");
        fs::permissions(work, fs::perms(0755));
        victim = folder.MakeFolder("victim");
        folder.Write("victim/file", "precious");
        fs::permissions(victim, fs::perms(0700));
    }
    HomeOutcome Ensure(const Home& home) {
        const Fd fd(::open(work.c_str(), O_PATH | O_DIRECTORY));
        return EnsureHome(fd.get(), "/mnt/work", home, random, GetParam());
    }
    void ExpectVictimUntouched() {
        EXPECT_EQ(StatusOf(victim).st_uid, 0U);
        EXPECT_EQ(StatusOf(victim).st_mode & 07777, 0700U);
        EXPECT_EQ(StatusOf(victim / "file").st_uid, 0U);
        EXPECT_EQ(fs::file_size(victim / "file"), 8U);
    }
    void ExpectRefused(const std::string& reason) {
        const HomeOutcome outcome = Ensure(Of("alice"));
        EXPECT_FALSE(outcome.ready);
        EXPECT_EQ(outcome.reason, reason);
        EXPECT_NE(outcome.message, "");
        ExpectVictimUntouched();
        EXPECT_EQ(Entries(), 1U) << "only what stood there before";
    }
    std::size_t Entries() { return std::size_t(std::distance(fs::directory_iterator(work), {})); }
    TestFolder folder;
    fs::path work, victim;
    kube::Random random{1};
};

INSTANTIATE_TEST_SUITE_P(, HomesTest, ::testing::Bool(),
                         [](const auto& how) { return how.param ? "ExclusiveRename" : "InPlace"; });

TEST_P(HomesTest, MakesAFolderThatIsTheUsersAloneOnce) {
    fs::permissions(work, fs::perms(02755));
    const mode_t before = ::umask(0);
    HomeOutcome outcome = Ensure(Of("alice"));
    ::umask(before);
    EXPECT_TRUE(outcome.ready) << outcome.message;
    EXPECT_TRUE(outcome.made);
    const struct stat status = StatusOf(work / "alice");
    EXPECT_TRUE(S_ISDIR(status.st_mode));
    EXPECT_EQ(status.st_uid, 12345U);
    EXPECT_EQ(status.st_gid, 23456U);
    EXPECT_EQ(status.st_mode & 07777, 0700U);
    EXPECT_EQ(Entries(), 1U);
    // What the user does with it since is the user's.
    fs::permissions(work / "alice", fs::perms(0755));
    folder.Write("work/alice/file", "x");
    outcome = Ensure(Of("alice"));
    EXPECT_TRUE(outcome.ready);
    EXPECT_FALSE(outcome.made);
    EXPECT_EQ(StatusOf(work / "alice").st_mode & 07777, 0755U);
}

TEST_P(HomesTest, TakesNoFolderFromAnother) {
    folder.MakeFolder("work/alice");
    ASSERT_EQ(::chown((work / "alice").c_str(), 777, 777), 0);
    ExpectRefused("OtherOwner");
    EXPECT_EQ(StatusOf(work / "alice").st_uid, 777U);
}

TEST_P(HomesTest, RootsFolderIsFinishedOnlyWhenItIsEmptyAndClosed) {
    folder.MakeFolder("work/alice");
    fs::permissions(work / "alice", fs::perms(0755));
    ExpectRefused("OtherOwner");
    fs::permissions(work / "alice", fs::perms(0700));
    folder.Write("work/alice/file", "x");
    ExpectRefused("OtherOwner");
    EXPECT_EQ(StatusOf(work / "alice").st_uid, 0U);
    fs::remove(work / "alice/file");
    EXPECT_TRUE(Ensure(Of("alice")).ready);
    EXPECT_EQ(StatusOf(work / "alice").st_uid, 12345U);
}

TEST_P(HomesTest, ALinkToAFolderIsNotFollowed) {
    fs::create_symlink(victim, work / "alice");
    ExpectRefused("SymbolicLink");
}

TEST_P(HomesTest, ALinkToAnEmptyFolderOfRootIsNotFollowed) {
    const auto empty = folder.MakeFolder("empty");
    fs::permissions(empty, fs::perms(0700));
    fs::create_symlink("../empty", work / "alice");
    ExpectRefused("SymbolicLink");
    EXPECT_EQ(StatusOf(empty).st_uid, 0U);
}

TEST_P(HomesTest, ALinkToAFileIsNotFollowed) {
    fs::create_symlink(victim / "file", work / "alice");
    ExpectRefused("SymbolicLink");
}

TEST_P(HomesTest, ALinkToNothingIsNotFollowed) {
    fs::create_symlink(folder / "absent", work / "alice");
    ExpectRefused("SymbolicLink");
    EXPECT_FALSE(fs::exists(folder / "absent"));
}

TEST_P(HomesTest, ALinkOfTheUsersOwnIsNotFollowed) {
    fs::create_symlink(victim, work / "alice");
    ASSERT_EQ(::lchown((work / "alice").c_str(), 12345, 23456), 0);
    ExpectRefused("SymbolicLink");
}

TEST_P(HomesTest, AFileInItsPlaceStays) {
    folder.Write("work/alice", "kept");
    ASSERT_EQ(::chown((work / "alice").c_str(), 12345, 23456), 0);
    ExpectRefused("NoFolder");
    EXPECT_EQ(fs::file_size(work / "alice"), 4U);
}

TEST_P(HomesTest, AFifoInItsPlaceBlocksNobody) {
    ASSERT_EQ(::mkfifo((work / "alice").c_str(), 0600), 0);
    ExpectRefused("NoFolder");
}

TEST_P(HomesTest, NamesThatLeaveTheFolderAreRefused) {
    fs::create_directories(work / "inner");
    for (const char* name : {"../victim", "inner/alice", "..", ".", ""}) {
        const HomeOutcome outcome = Ensure(Of(name));
        EXPECT_FALSE(outcome.ready) << name;
        EXPECT_EQ(outcome.reason, "Invalid") << name;
    }
    ExpectVictimUntouched();
    EXPECT_EQ(Entries(), 1U);
}

TEST_P(HomesTest, ALinkWithTheTemporaryNameIsNotFollowed) {
    // The same seed gives the name that will be tried first.
    kube::Random same{1};
    const auto first = std::uint32_t(same.Uniform() * 4294967296.0);
    fs::create_symlink(victim, work / fmt::format(".alice.new-{:08x}", first));
    EXPECT_TRUE(Ensure(Of("alice")).ready);
    EXPECT_EQ(StatusOf(work / "alice").st_uid, 12345U);
    ExpectVictimUntouched();
}

TEST_P(HomesTest, AWorkFolderWhereUsersCanRenameIsTold) {
    fs::permissions(work, fs::perms(0777));
    EXPECT_EQ(Ensure(Of("alice")).reason, "WorkFolderOpen");
    EXPECT_EQ(Entries(), 0U);
    fs::permissions(work, fs::perms(01777));
    EXPECT_TRUE(Ensure(Of("alice")).ready);
    fs::permissions(work, fs::perms(0775));
    EXPECT_TRUE(Ensure(Of("bob")).ready);
    ASSERT_EQ(::chown(work.c_str(), 0, 777), 0);
    EXPECT_EQ(Ensure(Of("carol")).reason, "WorkFolderOpen");
}

TEST_P(HomesTest, SomebodyWhoSwapsFolderAndLinkGainsNothing) {
    fs::permissions(work, fs::perms(01777));
    std::atomic<bool> stop = false;
    const fs::path name = work / "alice";
    std::thread attacker([&] {
        while (!stop) {
            ::symlink(victim.c_str(), name.c_str());
            ::unlink(name.c_str());
            ::mkdir(name.c_str(), 0700);
            ::rmdir(name.c_str());
        }
    });
    for (int i = 0; i < 2000; ++i) {
        Ensure(Of("alice"));
        ::rmdir(name.c_str());
    }
    stop = true;
    attacker.join();
    ExpectVictimUntouched();
}

TEST_P(HomesTest, ManyNodesAtOnceMakeOne) {
    for (int round = 0; round < 50; ++round) {
        std::atomic<int> made = 0;
        const std::string name = "u" + std::to_string(round);
        std::vector<std::thread> nodes;
        for (std::uint64_t seed = 0; seed < 4; ++seed)
            nodes.emplace_back([&, seed] {
                kube::Random own{seed};
                const Fd fd(::open(work.c_str(), O_PATH | O_DIRECTORY));
                const auto outcome = EnsureHome(fd.get(), "/w", Of(name), own, GetParam());
                EXPECT_TRUE(outcome.ready) << outcome.message;
                made += outcome.made;
            });
        for (std::thread& node : nodes)
            node.join();
        // Where there is no exclusive rename, several may find it half made and finish it.
        EXPECT_TRUE(made == 1 || (made > 1 && !GetParam())) << made;
        EXPECT_EQ(StatusOf(work / name).st_uid, 12345U);
        EXPECT_EQ(Entries(), std::size_t(round + 1));
    }
}

// Nobody who may make folders and not give them away: root of a node on a storage with root squash.
TEST_P(HomesTest, WithoutTheRightToGiveAwayNothingIsLeft) {
    ASSERT_EQ(::chown(work.c_str(), 65534, 65534), 0);
    fs::permissions(folder.path(), fs::perms(0755));
    ASSERT_EQ(::seteuid(65534), 0);
    const HomeOutcome outcome = Ensure(Of("alice"));
    ASSERT_EQ(::seteuid(0), 0);
    EXPECT_EQ(outcome.reason, "NotPermitted");
    EXPECT_THAT(outcome.message, HasSubstr("no_root_squash"));
    EXPECT_EQ(Entries(), 0U);
}

// The program itself.
class MakeHomeTest : public ::testing::Test {
  public:
    void SetUp() override { DLWS_NEEDS_ROOT(); }
    HomeOutcome Make(const std::string& work, const Home& home) {
        return kube::testing::Run(io, MakeHome(runner, work, home));
    }
    boost::asio::io_context io;
    ChildRunner runner{io.get_executor(), {DLWS_AGENT, 500ms}};
    TestFolder folder;
};

TEST_F(MakeHomeTest, TheChildMakesIt) {
    const auto work = folder.MakeFolder("work");
    HomeOutcome outcome = Make(work, Of("alice"));
    EXPECT_TRUE(outcome.ready && outcome.made) << outcome.message;
    EXPECT_EQ(StatusOf(work / "alice").st_gid, 23456U);
    outcome = Make(work, Of("alice", 777));
    EXPECT_FALSE(outcome.ready);
    EXPECT_EQ(outcome.reason, "OtherOwner");
    EXPECT_EQ(Make(work, Of("../alice")).reason, "Invalid");
    EXPECT_EQ(Make(folder / "absent", Of("alice")).reason, "NoWorkFolder");
    fs::create_symlink(work, folder / "link");
    EXPECT_EQ(Make(folder / "link", Of("alice")).reason, "NoWorkFolder");
    EXPECT_EQ(Make("relative", Of("alice")).reason, "CheckFailed");
}

TEST_F(MakeHomeTest, AHungStorageBlocksNobody) {
    if (const std::string lacks = HungMount::Lacks(); !lacks.empty()) GTEST_SKIP() << lacks;
    HungMount hung(folder, "hung");
    EXPECT_EQ(Make(hung.path(), Of("alice")).reason, "NoAnswer");
    EXPECT_EQ(runner.Outstanding(), 1U);
}

}  // namespace
}  // namespace dlws::agent

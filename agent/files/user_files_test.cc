// SPDX-License-Identifier: Apache-2.0
#include "agent/files/user_files.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>

namespace dlws::agent {
namespace {

namespace fs = std::filesystem;

const UserIds kAlice{.uid = 12001, .gid = 12002, .groups = {12003}};
const UserIds kBob{.uid = 12101, .gid = 12102, .groups = {}};
const OpenUserFileOptions kMake{.create = true, .make_folders = true};

class UserFiles : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
        std::string made = fs::temp_directory_path() / "user-files-XXXXXX";
        outside_ = mkdtemp(made.data());
        fs::permissions(outside_, fs::perms(0777));  // what would be possible there
        folder_ = outside_ / "root";
        fs::create_directory(folder_);
        MakeHome("alice", kAlice);
        MakeHome("bob", kBob);
        auto root = OpenRoot(folder_);
        ASSERT_TRUE(root) << root.error().message;
        root_ = std::move(*root);
    }
    void TearDown() override {
        if (!outside_.empty()) fs::remove_all(outside_);
    }
    void MakeHome(const std::string& name, const UserIds& user) const {
        fs::create_directory(folder_ / name);
        fs::permissions(folder_ / name, fs::perms(0700));
        ASSERT_EQ(::chown((folder_ / name).c_str(), user.uid, user.gid), 0);
    }
    int Code(const UserIds& user, const std::string& path, OpenUserFileOptions options = kMake) {
        const auto file = OpenUserFile(root_.get(), user, path, options);
        if (file) return 0;
        EXPECT_NE(file.error().message.find(path.substr(0, 5)), std::string::npos)
            << file.error().message;
        return file.error().code;
    }

    fs::path outside_, folder_;
    Fd root_;
};

TEST_F(UserFiles, FilesAndFoldersAreTheUsers) {
    const auto file = OpenUserFile(root_.get(), kAlice, "alice/jobs/a/x.log", kMake);
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_EQ(::write(file->get(), "one", 3), 3);
    for (const char* path : {"alice/jobs", "alice/jobs/a", "alice/jobs/a/x.log"}) {
        struct stat status{};
        ASSERT_EQ(::stat((folder_ / path).c_str(), &status), 0);
        EXPECT_EQ(status.st_uid, kAlice.uid) << path;
        EXPECT_EQ(status.st_gid, kAlice.gid) << path;
        EXPECT_EQ(status.st_mode & 07777, S_ISDIR(status.st_mode) ? 0750u : 0640u) << path;
    }
    EXPECT_EQ(Code(kAlice, "alice/absent", {}), ENOENT);
    EXPECT_TRUE(MakeUserFolders(root_.get(), kAlice, "alice/b//c/", 0700));
    EXPECT_TRUE(fs::is_directory(folder_ / "alice/b/c"));
}

TEST_F(UserFiles, WhatTheUserMayNotWriteStaysClosed) {
    EXPECT_EQ(Code(kAlice, "bob/x.log"), EACCES);
    EXPECT_EQ(Code(kAlice, "x.log"), EACCES);
    std::ofstream(folder_ / "alice/roots") << "secret";
    EXPECT_EQ(Code(kAlice, "alice/roots"), EACCES) << "a file of root in the user's folder";
    EXPECT_EQ(Code({}, "alice/x.log"), EPERM);
    EXPECT_EQ(Code({.uid = 5, .gid = 5, .groups = {0}}, "alice/x.log"), EPERM);
    // A group of the user opens a door, as it would for the user.
    fs::create_directory(folder_ / "team");
    ASSERT_EQ(::chown((folder_ / "team").c_str(), 0, kAlice.groups[0]), 0);
    fs::permissions(folder_ / "team", fs::perms(0770));
    EXPECT_EQ(Code(kAlice, "team/x.log"), 0);
    EXPECT_EQ(Code(kBob, "team/x.log"), EACCES);
}

TEST_F(UserFiles, NothingLeadsOutOfTheRoot) {
    fs::create_directory_symlink(outside_, folder_ / "alice/out");
    fs::create_directory_symlink("jobs", folder_ / "alice/in");
    fs::create_symlink("/etc/passwd", folder_ / "alice/x.log");
    EXPECT_EQ(Code(kAlice, "alice/out/x.log"), ELOOP);
    EXPECT_EQ(Code(kAlice, "alice/in/x.log"), ELOOP);
    EXPECT_EQ(Code(kAlice, "alice/x.log"), ELOOP);
    EXPECT_EQ(Code(kAlice, "alice/../../x.log"), EXDEV);
    EXPECT_EQ(Code(kAlice, "/alice/x.log"), EXDEV);
    EXPECT_FALSE(MakeUserFolders(root_.get(), kAlice, "alice/out/new"));
    EXPECT_FALSE(MakeUserFolders(root_.get(), kAlice, "alice/../../new"));
    EXPECT_FALSE(fs::exists(outside_ / "new"));
    EXPECT_FALSE(fs::exists(outside_ / "x.log"));
}

TEST_F(UserFiles, OnlyRegularFilesWithOneName) {
    ASSERT_EQ(::mkfifo((folder_ / "alice/pipe").c_str(), 0666), 0);
    fs::permissions(folder_ / "alice/pipe", fs::perms(0666));
    EXPECT_EQ(Code(kAlice, "alice/pipe"), EPERM);
    fs::create_directory(folder_ / "alice/folder");
    EXPECT_EQ(Code(kAlice, "alice/folder"), EISDIR);
    ASSERT_EQ(Code(kAlice, "alice/one"), 0);
    fs::create_hard_link(folder_ / "alice/one", folder_ / "alice/two");
    EXPECT_EQ(Code(kAlice, "alice/one"), EPERM);
}

TEST_F(UserFiles, TheThreadIsItselfAgain) {
    std::vector<gid_t> before(64), after(64);
    const int had = ::getgroups(64, before.data());
    std::thread([&] {
        EXPECT_EQ(Code(kAlice, "alice/x.log"), 0);
        EXPECT_EQ(Code(kAlice, "bob/x.log"), EACCES);
        EXPECT_EQ(::getgroups(64, after.data()), had);
        EXPECT_EQ(after, before);
        std::ofstream mine(folder_ / "bob/roots");
        EXPECT_TRUE(mine.is_open());
        struct stat status{};
        EXPECT_EQ(::stat((folder_ / "bob/roots").c_str(), &status), 0);
        EXPECT_EQ(status.st_uid, 0u);
    }).join();
}

}  // namespace
}  // namespace dlws::agent

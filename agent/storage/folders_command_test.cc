// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/folders_command.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace dlws::agent {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class MakeFolders : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "folders-XXXXXX";
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        root_ = name;
        fs::create_directory(root_ / "work");
    }
    void TearDown() override { fs::remove_all(root_); }

    // What it says on standard error, behind its exit code.
    std::string Run(const std::vector<std::string>& args) {
        testing::internal::CaptureStderr();
        const int code = RunMakeFolders(args);
        return std::to_string(code) + " " + testing::internal::GetCapturedStderr();
    }
    std::string Work(std::string_view how, std::string_view below) {
        return std::string(how) + "=" + (root_ / "work").string() + ":" + std::string(below);
    }

    fs::path root_;
};

TEST_F(MakeFolders, MissingOnesAreMade) {
    EXPECT_EQ(Run({Work("make", "a/b"), Work("make", "c")}), "0 ");
    EXPECT_TRUE(fs::is_directory(root_ / "work/a/b"));
    EXPECT_TRUE(fs::is_directory(root_ / "work/c"));
    EXPECT_EQ(Run({Work("make", "a/b"), Work("need", "a")}), "0 ") << "as often as you like";
}

TEST_F(MakeFolders, WhatIsOnlyReadMustBeThere) {
    EXPECT_THAT(Run({Work("need", "digits")}),
                HasSubstr("1 storage work has no folder digits, and the job only reads it"));
    EXPECT_FALSE(fs::exists(root_ / "work/digits"));
}

TEST_F(MakeFolders, AFileInTheWayIsSaid) {
    std::ofstream(root_ / "work/a") << "x";
    EXPECT_THAT(Run({Work("make", "a/b")}), HasSubstr("1 storage work: folder a/b"));
    EXPECT_THAT(Run({Work("make", "a")}), HasSubstr("1 storage work: folder a"));
    fs::create_symlink("/no/such", root_ / "work/link");
    EXPECT_THAT(Run({Work("make", "link")}),
                HasSubstr("1 storage work: link is a link that leads nowhere inside the storage"));
}

TEST_F(MakeFolders, AWrongWordIsRefused) {
    for (const char* arg : {"", "mak=/a:b", "make=/a", "need"})
        EXPECT_THAT(Run({arg}), HasSubstr("2 dlws-agent make-folders: write make=STORAGE:FOLDER"));
}

}  // namespace
}  // namespace dlws::agent

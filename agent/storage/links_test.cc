// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "agent/storage/testing.h"

namespace dlws::agent {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TestFolder;

SystemFolders Two() {
    SystemFolders folders;
    folders.links = {{"storage", "/mnt/x/data"}, {"work", "/mnt/x/work"}};
    return folders;
}

FoundFolders Root(std::map<std::string, Found> entries = {}) {
    return {{Found::kFolder, ""}, std::move(entries)};
}

std::string Text(const std::vector<LinkStep>& steps) {
    std::string text;
    for (const LinkStep& step : steps) {
        switch (step.action) {
            case LinkStep::kMakeRoot:
                text += "root ";
                break;
            case LinkStep::kMakeLink:
                text += "make " + step.name + "->" + step.target + " ";
                break;
            case LinkStep::kChangeLink:
                text += "change " + step.name + "->" + step.target + " ";
                break;
            case LinkStep::kReport:
                text += "report ";
        }
    }
    return text;
}

TEST(PlanLinksTest, MakesWhatIsAbsent) {
    EXPECT_EQ(Text(PlanLinks(Two(), {})), "root make storage->/mnt/x/data make work->/mnt/x/work ");
    EXPECT_EQ(Text(PlanLinks(Two(), Root({{"storage", {Found::kAbsent, ""}}}))),
              "make storage->/mnt/x/data make work->/mnt/x/work ");
}

TEST(PlanLinksTest, DoesNothingWhenAllIsThereAndLeavesOtherThingsAlone) {
    EXPECT_EQ(Text(PlanLinks(Two(), Root({{"storage", {Found::kLink, "/mnt/x/data"}},
                                          {"work", {Found::kLink, "/mnt/x/work"}},
                                          {"old", {Found::kLink, "/gone"}}}))),
              "");
}

TEST(PlanLinksTest, ChangesALinkButNoFolderAndNoFile) {
    EXPECT_EQ(Text(PlanLinks(Two(), Root({{"storage", {Found::kLink, "/elsewhere"}},
                                          {"work", {Found::kFolder, ""}}}))),
              "change storage->/mnt/x/data report ");
    const auto steps = PlanLinks(
        Two(), Root({{"storage", {Found::kFile, ""}}, {"work", {Found::kLink, "/mnt/x/work"}}}));
    ASSERT_EQ(Text(steps), "report ");
    EXPECT_EQ(steps[0].message,
              "/dlwsdata/storage is a file, which is left as it is; move it away so that it can "
              "become a link to /mnt/x/data.");
}

TEST(PlanLinksTest, ARootThatIsNoFolderIsTold) {
    EXPECT_EQ(Text(PlanLinks(Two(), {{Found::kLink, "/data"}, {}})), "report ");
    EXPECT_EQ(Text(PlanLinks(Two(), {{Found::kFile, ""}, {}})), "report ");
}

TEST(PlanLinksTest, OneBadEntryHoldsUpNoOther) {
    SystemFolders folders;
    folders.links = {{"", "/a"},    {"../x", "/a"}, {".hidden", "/a"},
                     {"a/b", "/a"}, {"good", "/a"}, {"relative", "a"}};
    EXPECT_EQ(Text(PlanLinks(folders, Root())),
              "report report report report make good->/a report ");
}

class KeepLinksTest : public ::testing::Test {
  public:
    std::vector<std::string> Keep() { return KeepLinks(folders, (folder / "root").native()); }
    std::string Target(const std::string& name) {
        return fs::read_symlink(folder / "root" / name).native();
    }
    std::size_t Entries() {
        return std::size_t(std::distance(fs::directory_iterator(folder / "root"), {}));
    }
    TestFolder folder;
    SystemFolders folders = Two();
};

TEST_F(KeepLinksTest, MakesRootAndLinksAndThenNothing) {
    const mode_t before = ::umask(077);
    EXPECT_THAT(Keep(), IsEmpty());
    ::umask(before);
    EXPECT_EQ(fs::status(folder / "root").permissions(), fs::perms(0755));
    EXPECT_EQ(Target("storage"), "/mnt/x/data");
    EXPECT_EQ(Target("work"), "/mnt/x/work");
    EXPECT_THAT(PlanLinks(folders, LookAtLinks(folders, folder / "root")), IsEmpty());
    EXPECT_EQ(Entries(), 2U);
}

TEST_F(KeepLinksTest, LeavesRealFoldersAndFilesAndOthersLinks) {
    folder.MakeFolder("root/storage");
    folder.Write("root/storage/kept", "x");
    folder.Write("root/work", "kept");
    fs::create_symlink("/anywhere", folder / "root/other");
    EXPECT_THAT(Keep(), ElementsAre(HasSubstr("/dlwsdata/storage is a folder"),
                                    HasSubstr("/dlwsdata/work is a file")));
    EXPECT_TRUE(fs::exists(folder / "root/storage/kept"));
    EXPECT_EQ(fs::file_size(folder / "root/work"), 4U);
    EXPECT_EQ(Target("other"), "/anywhere");
}

TEST_F(KeepLinksTest, AFileThatCameAfterTheLookStays) {
    folder.MakeFolder("root");
    folder.Write("root/storage", "kept");
    folder.Write("root/work", "kept");
    const std::vector<LinkStep> steps{{LinkStep::kChangeLink, "storage", "/mnt/x/data", ""},
                                      {LinkStep::kMakeLink, "work", "/mnt/x/work", ""}};
    EXPECT_THAT(ApplyLinks(folders, folder / "root", steps),
                ElementsAre(HasSubstr("File exists"), HasSubstr("File exists")));
    EXPECT_EQ(fs::file_size(folder / "root/storage"), 4U);
    EXPECT_EQ(fs::file_size(folder / "root/work"), 4U);
    EXPECT_EQ(Entries(), 2U);
}

TEST_F(KeepLinksTest, ARootThatIsALinkIsNotFollowed) {
    const auto victim = folder.MakeFolder("victim");
    fs::create_symlink(victim, folder / "root");
    EXPECT_THAT(Keep(), ElementsAre(HasSubstr("/dlwsdata is a symbolic link")));
    // Nor when it comes after the look.
    const std::vector<LinkStep> steps{{LinkStep::kMakeLink, "work", "/mnt/x/work", ""}};
    EXPECT_THAT(ApplyLinks(folders, folder / "root", steps), ElementsAre(HasSubstr("cannot")));
    EXPECT_TRUE(fs::is_empty(victim));
}

TEST_F(KeepLinksTest, ATemporaryLinkOfAKilledAgentIsReplaced) {
    Keep();
    fs::create_symlink("/half", folder / "root/.storage.dlws-new");
    folders.links["storage"] = "/mnt/y";
    EXPECT_THAT(Keep(), IsEmpty());
    EXPECT_EQ(Target("storage"), "/mnt/y");
    EXPECT_EQ(Entries(), 2U);
}

TEST_F(KeepLinksTest, AReaderFindsTheLinkAtEveryMoment) {
    Keep();
    std::atomic<bool> stop = false;
    std::atomic<int> absent = 0;
    std::atomic<int> reads = 0;
    const std::string path = folder / "root/storage";
    std::thread reader([&] {
        char target[64];
        while (!stop) {
            if (::readlink(path.c_str(), target, sizeof target) < 0) ++absent;
            ++reads;
        }
    });
    for (int i = 0; i < 2000 || reads < 2000; ++i) {
        folders.links["storage"] = i % 2 ? "/mnt/x" : "/mnt/y";
        ASSERT_THAT(Keep(), IsEmpty());
    }
    stop = true;
    reader.join();
    EXPECT_EQ(absent, 0) << "of " << reads;
}

}  // namespace
}  // namespace dlws::agent

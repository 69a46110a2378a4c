// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/linker.h"

#include "agent/logs/follower_state.h"
#include "agent/logs/logs_fixture.h"

namespace dlws::agent {
namespace {

class LinkerTest : public LogsTest {
  protected:
    std::vector<std::string> Texts() const {
        std::vector<std::string> texts;
        const LinksByPod pods = node_->Links().value();
        for (const auto& [uid, links] : pods) {
            for (const LogLink& link : links) {
                std::ostringstream text;
                text << std::ifstream(folder_ / "node/links" / node_->LinkName(uid, link)).rdbuf();
                texts.push_back(text.str());
            }
        }
        return texts;
    }
    using Strings = std::vector<std::string>;
};

TEST_F(LinkerTest, LinksInOrderOfAgeAndOnlyOnce) {
    Put(Log("0.log"), "third");
    Put(Log("0.log.20261129-084622"), "second");
    Put(Log("0.log.20261128-235959"), "first");
    Put(Log("0.log.20261127-000000.gz"), "no");
    Put(Log("0.log.20261127-000000.tmp"), "no");
    Put(Log("1.log"), "fourth");
    Put(PodFolder() / "other/0.log", "no");
    Put(folder_ / "pods/stray/main/0.log", "no");
    Scan();
    Scan();
    EXPECT_EQ(Texts(), (Strings{"first", "second", "third", "fourth"}));
    Restart();
    Scan();
    EXPECT_EQ(LinkCount(), 4u);
    EXPECT_EQ(node_->ReadFacts(kUid), Facts(kUid));
    // A rotation: the old file has its link, the new one comes last.
    fs::rename(Log("1.log"), Log("1.log.20261129-090000"));
    Put(Log("1.log"), "fifth");
    Scan();
    EXPECT_EQ(Texts(), (Strings{"first", "second", "third", "fourth", "fifth"}));
}

TEST_F(LinkerTest, AnInodeUsedAgainIsANewFile) {
    Put(Log("0.log.20261129-084622"), "old");
    Put(Log("0.log"), "current");
    Scan();
    const auto links = node_->Links().value()[kUid];
    ASSERT_EQ(links.size(), 2u);
    // As if archived: the state says so, the link is gone, and the number is free again.
    fs::remove(Log("0.log.20261129-084622"));
    node_->RemoveLink(kUid, links[0]);
    node_->RemoveLink(kUid, links[1]);
    LogPosition position;
    position.sequence = 3;
    ASSERT_TRUE(node_->SaveState(kUid, FormatPosition(position), false));
    Restart();
    Scan();
    ASSERT_EQ(node_->Links().value()[kUid].size(), 1u);
    EXPECT_EQ(node_->Links().value()[kUid][0].sequence, 3u) << "behind what is done with";
}

TEST_F(LinkerTest, FollowsNoLinksAndTakesOnlyFiles) {
    Put(folder_ / "secret", "secret");
    fs::create_directories(PodFolder() / "main");
    fs::create_symlink(folder_ / "secret", Log("0.log"));
    fs::create_directory(Log("1.log"));
    const fs::path other = PodFolder("22222222-bbbb");
    fs::create_directories(other);
    fs::create_directories(folder_ / "elsewhere");
    Put(folder_ / "elsewhere/0.log", "secret");
    fs::create_directory_symlink(folder_ / "elsewhere", other / "main");
    Scan();
    EXPECT_EQ(LinkCount(), 0u);
}

TEST_F(LinkerTest, WhatIsNotOursIsLeftAlone) {
    ours_ = Linker::Ours::kNo;
    Put(Log(), "x");
    Scan();
    EXPECT_EQ(LinkCount(), 0u);
    EXPECT_FALSE(node_->HasFacts(kUid));
}

TEST_F(LinkerTest, APodNobodyKnowsYetIsKept) {
    ours_ = Linker::Ours::kUnknown;
    Put(Log(), "x");
    Scan();
    fs::remove_all(PodFolder());
    Scan();
    EXPECT_EQ(LinkCount(), 1u);
    EXPECT_TRUE(node_->IsGone(kUid));
    Restart();
    ours_ = Linker::Ours::kYes;
    Scan();
    EXPECT_TRUE(node_->HasFacts(kUid));
    EXPECT_EQ(LinkCount(), 1u);
}

TEST_F(LinkerTest, APodThatProvesToBeAnothersIsLetGo) {
    for (const bool gone : {false, true}) {
        ours_ = Linker::Ours::kUnknown;
        Restart();
        Put(Log(), "x");
        Scan();
        EXPECT_EQ(LinkCount(), 1u);
        if (gone) fs::remove_all(PodFolder());
        ours_ = Linker::Ours::kNo;
        Scan();
        Scan();
        EXPECT_EQ(LinkCount(), 0u);
        EXPECT_TRUE(NothingKept() || !gone);
    }
}

TEST_F(LinkerTest, AnAbsentPodsFolderMakesNobodyGone) {
    Put(Log(), "x");
    Scan();
    fs::rename(folder_ / "pods", folder_ / "away");
    EXPECT_FALSE(linker_->Scan());
    EXPECT_FALSE(node_->IsGone(kUid));
    fs::rename(folder_ / "away", folder_ / "pods");
    Scan();
    EXPECT_FALSE(node_->IsGone(kUid));
}

TEST_F(LinkerTest, WakesUpForANewFile) {
    Linker::Settings settings = LinkerSettings();
    settings.scan_interval = std::chrono::seconds(20);
    Linker linker(*node_, settings,
                  [this](const std::string& uid) { return Linker::Answer{ours_, Facts(uid)}; });
    Put(Log(), "x");
    ASSERT_TRUE(linker.Scan());
    const auto began = std::chrono::steady_clock::now();
    std::thread kubelet([&] {
        fs::rename(Log("0.log"), Log("0.log.20261129-084622"));
        Put(Log("0.log"), "y");
    });
    linker.Wait();
    kubelet.join();
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
    ASSERT_TRUE(linker.Scan());
    EXPECT_EQ(LinkCount(), 2u);
    linker.Wake();
    linker.Wait();
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

}  // namespace
}  // namespace dlws::agent

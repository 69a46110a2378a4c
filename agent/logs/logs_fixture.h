// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include "agent/logs/follower.h"
#include "agent/logs/linker.h"

namespace dlws::agent {

namespace fs = std::filesystem;

/// A node in a temporary folder: pods/ as containerd and the kubelet leave it, node/ of the agent,
/// and shared/ with a user's home. Tests that need another user than root's are skipped elsewhere.
class LogsTest : public ::testing::Test {
  protected:
    static constexpr const char* kUid = "11111111-aaaa";

    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
        std::string made = fs::temp_directory_path() / "logs-XXXXXX";
        folder_ = mkdtemp(made.data());
        fs::permissions(folder_, fs::perms(0755));
        for (const char* name : {"pods", "shared", "shared/alice"})
            fs::create_directory(folder_ / name);
        ASSERT_EQ(::chown((folder_ / "shared/alice").c_str(), alice_.uid, alice_.gid), 0);
        node_ = std::make_unique<NodeFolder>(NodeFolder::Open(folder_ / "node").value());
        root_ = OpenRoot(folder_ / "shared").value();
        settings_.storage = "work";
        settings_.settle = std::chrono::milliseconds(30);
        settings_.sync_interval = std::chrono::milliseconds(0);
        Restart();
    }
    void TearDown() override {
        if (!folder_.empty()) fs::remove_all(folder_);
    }

    /// As after kill -9: whatever was not saved is forgotten.
    void Restart() {
        follower_.reset();
        linker_ = std::make_unique<Linker>(
            *node_, LinkerSettings(),
            [this](const std::string& uid) { return Linker::Answer{ours_, Facts(uid)}; });
        follower_ = std::make_unique<Follower>(*node_, root_.get(), settings_, random_);
    }
    Linker::Settings LinkerSettings() const { return {.pods_folder = folder_ / "pods"}; }
    PodFacts Facts(const std::string& uid) const {
        return {.uid = uid,
                .user = alice_,
                .storage = "work",
                .folder = "alice/job",
                .file = "worker-0.0.log"};
    }

    fs::path PodFolder(const std::string& uid = kUid) const {
        return folder_ / "pods" / ("team_job-worker-0-0_" + uid);
    }
    fs::path Log(const std::string& name = "0.log") const { return PodFolder() / "main" / name; }
    void Put(const fs::path& file, const std::string& bytes) const {
        fs::create_directories(file.parent_path());
        std::ofstream(file, std::ios::app | std::ios::binary) << bytes;
    }
    static std::string Record(const std::string& text, const char* tag = "F") {
        return std::string(kTime) + "789Z stdout " + tag + " " + text + "\n";
    }
    static std::string Line(const std::string& text) {
        return std::string(kTime) + "Z " + text + "\n";
    }
    fs::path ArchivePath() const { return folder_ / "shared/alice/job/logs/worker-0.0.log"; }
    std::string Archive() const {
        std::ostringstream text;
        text << std::ifstream(ArchivePath(), std::ios::binary).rdbuf();
        return text.str();
    }
    std::size_t LinkCount() const {
        return std::size_t(std::distance(fs::directory_iterator(folder_ / "node/links"), {}));
    }
    void Scan() {
        const auto scanned = linker_->Scan();
        EXPECT_TRUE(scanned) << scanned.error();
    }
    /// Scans and rounds, until `done` or for `most`.
    template <typename Done>
    bool Until(Done done, std::chrono::milliseconds most = std::chrono::seconds(8)) {
        const auto end = std::chrono::steady_clock::now() + most;
        while (std::chrono::steady_clock::now() < end) {
            Scan();
            while (follower_->Round()) {
            }
            if (done()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return false;
    }
    void ExpectArchive(const std::string& wanted) {
        EXPECT_TRUE(Until([&] { return Archive() == wanted; })) << Archive();
    }
    bool NothingKept() const {
        for (const char* name : {"links", "facts", "gone", "state"})
            if (!fs::is_empty(folder_ / "node" / name)) return false;
        return true;
    }

    static constexpr std::string_view kTime = "2026-11-29T08:46:22.123456";
    const UserIds alice_{.uid = 12001, .gid = 12002, .groups = {}};
    fs::path folder_;
    std::unique_ptr<NodeFolder> node_;
    Fd root_;
    kube::Random random_{1};
    FollowerSettings settings_;
    Linker::Ours ours_ = Linker::Ours::kYes;
    std::unique_ptr<Linker> linker_;
    std::unique_ptr<Follower> follower_;
};

}  // namespace dlws::agent

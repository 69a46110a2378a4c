// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/sweeper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "agent/jobs/job_recorder.h"
#include "agent/logs/archive_file.h"

namespace dlws::agent {
namespace {

namespace fs = std::filesystem;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr uid_t kAlice = 12001, kBob = 12101;

class Sweeping : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
        std::string made = fs::temp_directory_path() / "sweeper-XXXXXX";
        top_ = mkdtemp(made.data());
        fs::permissions(top_, fs::perms(0755));
        order_.root = top_ / "jobfiles";
        fs::create_directory(order_.root);
        MakeHome("alice", kAlice);
        MakeHome("bob", kBob);
        order_.limits.max_age = days(10);
    }
    void TearDown() override {
        if (!top_.empty()) fs::remove_all(top_);
    }

    fs::path Home(const std::string& user) const { return fs::path(order_.root) / user; }
    void MakeHome(const std::string& user, uid_t uid) const {
        fs::create_directories(Home(user));
        fs::permissions(Home(user), fs::perms(0700));
        Own(Home(user), uid);
    }
    static void Own(const fs::path& path, uid_t uid) {
        ASSERT_EQ(::lchown(path.c_str(), uid, uid), 0) << path;
    }
    static void Write(const fs::path& file, uid_t uid, hours age, std::size_t bytes = 100) {
        for (fs::path at = file.parent_path(), missing; !fs::exists(at);) {
            for (missing = at; !fs::exists(missing.parent_path());)
                missing = missing.parent_path();
            fs::create_directory(missing);
            Own(missing, uid);
        }
        std::ofstream(file) << std::string(bytes, 'x');
        Own(file, uid);
        fs::last_write_time(file, fs::file_time_type::clock::now() - age);
    }
    // A job that ended so long ago, with a log, and a result of the user's own beside it.
    fs::path MakeJob(const std::string& user, uid_t uid, const std::string& folder, hours age,
                     bool result = true, std::size_t bytes = 100) const {
        const fs::path job = Home(user) / folder;
        Write(job / "logs/worker-0.0.log", uid, age, bytes);
        Write(job / "job.yaml", uid, age);
        Write(job / "model.pt", uid, age);
        if (result) Write(job / "result.json", uid, age);
        return job;
    }
    SweepResult Pass(const SweepBounds& bounds = {}) const {
        return Sweep(order_, std::chrono::floor<seconds>(std::chrono::system_clock::now()), {},
                     bounds);
    }
    static bool HasLog(const fs::path& job) { return fs::exists(job / "logs/worker-0.0.log"); }

    fs::path top_;
    SweepOrder order_;
};

TEST_F(Sweeping, DeletesTheLogsOfOldJobsAndNothingElse) {
    const fs::path old = MakeJob("alice", kAlice, "2026-01/old-11111111", days(11));
    const fs::path young = MakeJob("alice", kAlice, "2026-11/young-22222222", days(9));
    Write(old / "logs/notes.txt", kAlice, days(90));
    Write(old / "logs/worker-0.log", kAlice, days(90));
    Write(Home("alice") / "notes/old-1/logs/worker-0.0.log", kAlice, days(90));
    const SweepResult result = Pass();
    EXPECT_EQ(result.problem, "");
    EXPECT_EQ(std::tie(result.users, result.jobs, result.bytes), std::tuple(2U, 2U, 200U));
    EXPECT_EQ(std::tie(result.deleted[0].archives, result.deleted[0].bytes), std::tuple(1U, 100U));
    EXPECT_FALSE(HasLog(old));
    EXPECT_TRUE(HasLog(young));
    for (const char* name :
         {"job.yaml", "result.json", "model.pt", "logs/notes.txt", "logs/worker-0.log"})
        EXPECT_TRUE(fs::exists(old / name)) << name;
    EXPECT_TRUE(fs::exists(Home("alice") / "notes/old-1/logs/worker-0.0.log"));
    EXPECT_EQ(Pass().deleted[0].archives, 0U);
}

TEST_F(Sweeping, WithoutAResultTheDLJobTells) {
    const fs::path runs = MakeJob("alice", kAlice, "2026-01/runs-11111111", days(90), false);
    const fs::path gone = MakeJob("alice", kAlice, "2026-01/gone-22222222", days(11), false);
    const fs::path late = MakeJob("alice", kAlice, "2026-01/late-33333333", days(9), false);
    order_.jobs = {"2026-01/runs-11111111"};
    Pass();
    EXPECT_TRUE(HasLog(runs)) << "nothing was printed for long";
    EXPECT_FALSE(HasLog(gone));
    EXPECT_TRUE(HasLog(late));
}

TEST_F(Sweeping, BySizeForEachUser) {
    order_.limits = {.max_age = {}, .max_bytes_per_user = 250};
    const fs::path first = MakeJob("alice", kAlice, "2026-02/a-11111111", days(3));
    const fs::path second = MakeJob("alice", kAlice, "2026-01/b-22222222", days(2));
    MakeJob("alice", kAlice, "2026-01/c-33333333", days(1));
    const fs::path other = MakeJob("bob", kBob, "2026-01/d-44444444", days(9), true, 250);
    const SweepResult result = Pass();
    EXPECT_EQ(result.deleted[1].archives, 1U);
    EXPECT_FALSE(HasLog(first));
    EXPECT_TRUE(HasLog(second));
    EXPECT_TRUE(HasLog(other));
}

TEST_F(Sweeping, ALinkLeadsToNothing) {
    // Where bob's and root's old logs are, and alice would have them deleted.
    const fs::path bobs = MakeJob("bob", kBob, "2026-11/b-44444444", days(9));
    fs::permissions(Home("bob"), fs::perms(0777));
    Write(top_ / "outside/logs/worker-0.0.log", kAlice, days(90));
    const fs::path month = Home("alice") / "2026-01";
    fs::create_directory(month);
    fs::create_directory_symlink(top_ / "outside", month / "job-11111111");
    fs::create_directory_symlink(bobs, month / "job-22222222");
    fs::create_directory(month / "job-33333333");
    fs::create_directory_symlink(bobs / "logs", month / "job-33333333/logs");
    fs::create_directory_symlink(Home("bob") / "2026-11", Home("alice") / "2026-02");
    fs::create_directory_symlink("bob", Home("alicia"));
    const fs::path mine = MakeJob("alice", kAlice, "2026-03/job-55555555", days(11));
    fs::create_symlink(bobs / "logs/worker-0.0.log", mine / "logs/worker-1.0.log");
    fs::create_directory(mine / "logs/worker-2.0.log");
    for (const fs::path& path : {month, month / "job-33333333"})
        Own(path, kAlice);
    EXPECT_EQ(Pass().deleted[0].archives, 1U);
    EXPECT_FALSE(HasLog(mine));
    EXPECT_TRUE(fs::is_symlink(mine / "logs/worker-1.0.log"));
    EXPECT_TRUE(HasLog(bobs));
    EXPECT_TRUE(fs::exists(top_ / "outside/logs/worker-0.0.log"));
}

TEST_F(Sweeping, WhatTheUserMayNotDeleteStays) {
    // Alice has moved a folder of bob's, which everybody may write to, below her own.
    const fs::path moved = MakeJob("alice", kAlice, "2026-01/moved-11111111", days(90));
    for (const fs::path& path : {moved / "logs", moved / "logs/worker-0.0.log"})
        Own(path, kBob);
    fs::permissions(moved / "logs", fs::perms(0755));
    // A folder of root's in hers, and one that is all root's.
    const fs::path roots = MakeJob("alice", kAlice, "2026-01/roots-22222222", days(90));
    Own(roots / "logs", 0);
    fs::permissions(roots / "logs", fs::perms(0755));
    const fs::path nobodys = MakeJob("nobody", 0, "2026-01/a-33333333", days(90));
    const SweepResult result = Pass();
    EXPECT_EQ(result.deleted[0].archives, 0U);
    EXPECT_THAT(result.problem, HasSubstr("refused nobody"));
    for (const fs::path& job : {moved, roots, nobodys})
        EXPECT_TRUE(HasLog(job)) << job;
}

// While alice swaps her folder for a link to bob's as fast as she can.
TEST_F(Sweeping, FoldersMoveMeanwhile) {
    const fs::path bobs = MakeJob("bob", kBob, "2026-11/b-44444444", days(9));
    fs::permissions(Home("bob"), fs::perms(0777));
    for (const char* open : {"2026-11", "2026-11/b-44444444", "2026-11/b-44444444/logs"})
        fs::permissions(Home("bob") / open, fs::perms(0777));
    const fs::path month = Home("alice") / "2026-01";
    const fs::path job = MakeJob("alice", kAlice, "2026-01/job-11111111", days(90));
    fs::create_directory_symlink(bobs, month / "link");
    std::jthread swaps([&](const std::stop_token& stop) {
        while (!stop.stop_requested())
            ::renameat2(AT_FDCWD, job.c_str(), AT_FDCWD, (month / "link").c_str(), RENAME_EXCHANGE);
    });
    for (int i = 0; i < 300; ++i)
        Pass();
    swaps.request_stop();
    swaps.join();
    EXPECT_TRUE(HasLog(bobs)) << "alice could have deleted it herself, but not by us";
}

TEST_F(Sweeping, APassIsBounded) {
    for (int i = 0; i < 5; ++i) {
        const fs::path job =
            MakeJob("alice", kAlice, fmt::format("2026-01/job-{:08}", i), days(90));
        Write(job / "logs/worker-1.0.log", kAlice, days(90));
    }
    const fs::path bobs = MakeJob("bob", kBob, "2026-01/b-44444444", days(90));
    EXPECT_EQ(Pass({.deletions = 3}).deleted[0].archives, 4U) << "three of alice's";
    EXPECT_FALSE(HasLog(bobs)) << "one user holds up no other";
    const SweepResult few = Pass({.folders = 4, .deletions = 1});
    EXPECT_EQ(few.deleted[0].archives, 1U);
    EXPECT_THAT(few.problem, HasSubstr("alice has 4 folders of jobs or more"));
    std::stop_source stopped;
    stopped.request_stop();
    EXPECT_EQ(Sweep(order_, {}, stopped.get_token()).users, 0U);
    EXPECT_EQ(Pass().deleted[0].archives, 6U);
}

// All that agents do with one job's folder.
TEST_F(Sweeping, TenThousandFilesInAJobsFolder) {
    const UserIds alice{.uid = kAlice, .gid = kAlice, .groups = {}};
    const fs::path job = MakeJob("alice", kAlice, "2026-01/many-11111111", days(9));
    fs::remove(job / "job.yaml");
    fs::remove(job / "result.json");
    for (int i = 0; i < 10'000; ++i) {
        Write(job / fmt::format("checkpoint-{}", i), kAlice, days(9), 1);
        // Half of what is in logs/ is archives.
        Write(
            job / "logs" / (i % 2 ? fmt::format("worker-{}.1.log", i) : fmt::format("note-{}", i)),
            kAlice, days(9), 1);
    }
    const auto began = std::chrono::steady_clock::now();
    const Fd root = OpenRoot(order_.root).value();
    const std::string folder = "alice/2026-01/many-11111111";
    ASSERT_TRUE(WriteRecord(root.get(), {alice, folder, "job: 1\n", ""}));
    ASSERT_TRUE(WriteRecord(root.get(), {alice, folder, "job: 1\n", "{}\n"}));
    ArchiveFile archive;
    ASSERT_TRUE(archive.Open(root.get(), alice, folder + "/logs/worker-0.0.log"));
    ASSERT_TRUE(archive.Append(100, "more\n"));
    const SweepResult result = Pass();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
    EXPECT_EQ(result.bytes, 5000U + 105);
    fmt::print("figure agent_job_folder_10k_ms {:.0f} ms goal <= 100\n", took.count());
    EXPECT_LT(took.count(), 5000) << "on a busy machine";
}

TEST_F(Sweeping, AThreadDoesItAndCounts) {
    MakeJob("alice", kAlice, "2026-01/old-11111111", days(11));
    kube::Metrics metrics;
    LogSweeper sweeper(metrics);
    const auto says = [&](const std::string& line) {
        return metrics.Text().find(line + "\n") != std::string::npos;
    };
    EXPECT_TRUE(says(R"(dlws_agent_archives_deleted_total{reason="Age"} 0)"));
    sweeper.Start();
    sweeper.Ask(order_);
    for (int i = 0; i < 200 && !says(R"(dlws_agent_archives_deleted_total{reason="Age"} 1)"); ++i)
        ::usleep(20'000);
    EXPECT_TRUE(says(R"(dlws_agent_archives_deleted_total{reason="Age"} 1)"));
    EXPECT_TRUE(says(R"(dlws_agent_archive_bytes_deleted_total{reason="Age"} 100)"));
    EXPECT_TRUE(says(R"(dlws_agent_archives_deleted_total{reason="Size"} 0)"));
    const SweepOrder nowhere{.root = top_ / "absent", .limits = {}, .jobs = {}};
    EXPECT_THAT(Sweep(nowhere, {}).problem, HasSubstr("absent: No such file"));
}

}  // namespace
}  // namespace dlws::agent

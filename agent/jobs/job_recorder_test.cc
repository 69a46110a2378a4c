// SPDX-License-Identifier: Apache-2.0
#include "agent/jobs/job_recorder.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace dlws::agent {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kRunning = R"({"apiVersion":"dlworkspace.io/v1","kind":"DLJob",
  "metadata":{"name":"digits","namespace":"vision","uid":"u1","resourceVersion":"7","managedFields":[],
    "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"x","mine":"y"}},
  "spec":{"image":"i"},"status":{"phase":"Running","conditions":[{"type":"Finished","status":"False"}]}})";

std::string Finished() {
    std::string job(kRunning);
    job.replace(job.find("\"False\""), 7, "\"True\"");
    return job;
}

TEST(JobRecord, IsWhatWasSubmitted) {
    const std::string yaml = JobYaml(kRunning);
    EXPECT_THAT(yaml, HasSubstr("metadata:\n  name: digits\n  namespace: vision\n  uid: u1\n"));
    EXPECT_THAT(yaml, HasSubstr("mine: \"y\"\n"));
    EXPECT_THAT(yaml, HasSubstr("spec:\n  image: i\n"));
    for (const char* ours : {"status", "resourceVersion", "managedFields", "last-applied"})
        EXPECT_THAT(yaml, Not(HasSubstr(ours)));
    EXPECT_EQ(JobYaml("[]"), "");
}

TEST(JobRecord, AResultIsThereWhenItHasEnded) {
    EXPECT_EQ(ResultJson(kRunning), "");
    EXPECT_THAT(ResultJson(Finished()), HasSubstr(R"("phase":"Running")"));
    EXPECT_EQ(ResultJson("null"), "");
}

class RecordFiles : public testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root can be another user";
        std::string name = testing::TempDir() + "records-XXXXXX";
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        top_ = name;
        fs::permissions(top_, fs::perms(0755));
        fs::create_directory(top_ / "alice");
        ASSERT_EQ(chown((top_ / "alice").c_str(), 5001, 5001), 0);
        record_ = {{5001, 5001, {}}, "alice/2026-11/digits-u1", "job: 1\n", ""};
    }
    void TearDown() override { fs::remove_all(top_); }

    std::string Read(const std::string& name) {
        std::ifstream in(top_ / record_.folder / name);
        std::ostringstream text;
        text << in.rdbuf();
        return text.str();
    }
    std::expected<void, std::string> Write() {
        const auto root = OpenRoot(top_);
        return root ? WriteRecord(root->get(), record_) : std::unexpected(root.error().message);
    }

    fs::path top_;
    JobRecord record_;
};

TEST_F(RecordFiles, AreTheUsersAndWrittenOnce) {
    ASSERT_TRUE(Write());
    EXPECT_EQ(Read("job.yaml"), "job: 1\n");
    struct stat owner{};
    ASSERT_EQ(stat((top_ / record_.folder / "job.yaml").c_str(), &owner), 0);
    EXPECT_EQ(owner.st_uid, 5001U);
    EXPECT_FALSE(fs::exists(top_ / record_.folder / "result.json"));
    record_.job_yaml = "job: changed\n";
    record_.result_json = "{}\n";
    ASSERT_TRUE(Write());
    EXPECT_EQ(Read("job.yaml"), "job: 1\n") << "what was submitted stays";
    EXPECT_EQ(Read("result.json"), "{}\n");
    // One that was killed in the middle left this.
    fs::remove(top_ / record_.folder / "result.json");
    std::ofstream(top_ / record_.folder / ".result.json.new") << "half of something much longer";
    ASSERT_EQ(chown((top_ / record_.folder / ".result.json.new").c_str(), 5001, 5001), 0);
    ASSERT_TRUE(Write());
    EXPECT_EQ(Read("result.json"), "{}\n");
}

TEST_F(RecordFiles, ALinkOfTheUsersIsNotFollowed) {
    fs::create_directory(top_ / "bob");
    fs::create_directory_symlink(top_ / "bob", top_ / "alice/2026-11");
    const auto done = Write();
    ASSERT_FALSE(done);
    EXPECT_TRUE(fs::is_empty(top_ / "bob"));
}

TEST_F(RecordFiles, WaitUntilTheStorageIsThere) {
    JobRecorder recorder;
    recorder.Start();
    recorder.Put("u1", record_);
    recorder.SetRoot(top_.string());
    for (int i = 0; i < 100 && Read("job.yaml").empty(); ++i)
        ::usleep(50'000);
    EXPECT_EQ(Read("job.yaml"), "job: 1\n");
}

}  // namespace
}  // namespace dlws::agent

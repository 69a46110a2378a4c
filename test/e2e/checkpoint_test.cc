// SPDX-License-Identifier: Apache-2.0
// What a job has written to the shared storage is there when it goes on: after the failure of a
// rank, after a suspension, and what it writes between SIGTERM and the end of its grace time.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "test/e2e/fixture.h"

namespace dlws::e2e {
namespace {

using ::testing::HasSubstr;

// Counts to 20 and writes down each step. Told to end, it takes four seconds to write down where it
// is and that it was told. Attempt 0 of worker 1 dies at step 8 when DIE is set.
constexpr const char* kTrain = R"sh(
checkpoint=/work/$DLWS_INDEX
step=$(cat $checkpoint 2>/dev/null || echo 0)
echo "attempt $DLWS_ATTEMPT goes on from step $step"
save() { echo $step > $checkpoint.new && mv $checkpoint.new $checkpoint; }
trap 'sleep 4; save; echo "told to end at $step" > $checkpoint.told; exit 143' TERM
while [ $step -lt ${STEPS:-20} ]; do
    step=$((step + 1))
    [ -n "$SILENT" ] || save
    if [ -n "$DIE" ] && [ $DLWS_INDEX$DLWS_ATTEMPT = 10 ] && [ $step = 8 ]; then exit 9; fi
    sleep 0.1 & wait $!
done
echo done
)sh";

class Checkpoint : public E2e {
  protected:
    void SetUp() override {
        E2e::SetUp();
        folder_ = cluster().shared() + "/work/default/" + ns_;
        std::filesystem::create_directories(folder_);
        ASSERT_EQ(chown(folder_.c_str(), 1000, 1000), 0);
    }
    void TearDown() override {
        std::filesystem::remove_all(folder_);
        E2e::TearDown();
    }

    std::string Training(const std::string& name, const std::string& more) {
        return Job(name, fmt::format(R"(
command: [bash, /job/train.sh]
roles: [{{name: worker, replicas: 2}}]
storage: [{{name: work, path: {}, mountPath: /work}}]
files: [{{name: train.sh, content: {}}}]
podOverrides: {{terminationGracePeriodSeconds: 20}}
{})",
                                     ns_, Json::string(kTrain).serialize(), more));
    }
    std::string Written(const std::string& file) {
        std::ifstream in(folder_ + "/" + file);
        std::string line;
        std::getline(in, line);
        return line;
    }
    // The step in "attempt N goes on from step S"; -1 when the log does not say it.
    int StepIn(const std::string& pod, int attempt) {
        const std::string log = Log(pod);
        const std::string before = fmt::format("attempt {} goes on from step ", attempt);
        auto at = log.find(before);
        return at == std::string::npos ? -1 : std::stoi(log.substr(at + before.size()));
    }

    std::string folder_;
};

TEST_F(Checkpoint, GangRestartResumesFromIt) {
    Submit(Training("train", "env: [{name: DIE, value: '1'}]\nretry: {limit: 1}"));
    Json job = WaitForPhase("train", "Succeeded");
    EXPECT_EQ(Text(job, "status/attempts/0/failure/exitCode"), "9");
    EXPECT_EQ(StepIn("train-worker-1-1", 1), 8);
    EXPECT_GT(StepIn("train-worker-0-1", 1), 0) << "the rank that was ended with it, too";
    EXPECT_EQ(Written("0"), "20");
    EXPECT_EQ(Written("1"), "20");
}

TEST_F(Checkpoint, SuspendGivesTheGraceTimeToWriteIt) {
    Submit(Training("pause", "env: [{name: SILENT, value: '1'}, {name: STEPS, value: '60'}]"));
    WaitForPhase("pause", "Running");
    WaitUntil("it trains", [&] { return StepIn("pause-worker-1-0", 0) == 0; });
    EXPECT_EQ(Written("1"), "") << "nothing is written before it is told to end";
    PatchSpec("pause", "{suspend: true}");
    WaitForPhase("pause", "Suspended");
    EXPECT_THAT(Written("0.told"), HasSubstr("told to end at "));
    EXPECT_THAT(Written("1.told"), HasSubstr("told to end at "));
    const std::string step = Written("1");

    PatchSpec("pause", "{suspend: false}");
    Json job = WaitForPhase("pause", "Succeeded");
    EXPECT_EQ(fmt::to_string(StepIn("pause-worker-1-1", 1)), step);
    EXPECT_EQ(Number(job, "status/restarts/user"), 0) << "a suspension is no failure";
    EXPECT_EQ(List(job, "status/attempts").size(), 0u);
}

TEST_F(Checkpoint, StopGivesTheGraceTimeToWriteIt) {
    Submit(Training("halt", "env: [{name: STEPS, value: '9999'}]"));
    WaitForPhase("halt", "Running");
    WaitUntil("it trains", [&] { return !Written("0").empty() && !Written("1").empty(); });
    PatchSpec("halt", "{stop: true}");
    WaitForPhase("halt", "Stopped");
    EXPECT_THAT(Written("0.told"), HasSubstr("told to end at "));
    EXPECT_THAT(Written("1.told"), HasSubstr("told to end at "));
}

}  // namespace
}  // namespace dlws::e2e

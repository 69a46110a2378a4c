// SPDX-License-Identifier: Apache-2.0
#include "model/status.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace dlws::model {
namespace {

constexpr Time kT0{std::chrono::seconds(1'700'000'000)};
constexpr Time kT1 = kT0 + std::chrono::seconds(10);

JobStatus Full() {
    JobStatus s;
    s.phase = Phase::Failed;
    s.message = "Pod digits-worker-1-2 ended with exit code 3.";
    s.observedGeneration = 4;
    s.attempt = 2;
    s.launchedAttempt = 2;
    s.ready = "1/2";
    s.gpus = 16;
    s.startTime = kT0;
    s.finishTime = kT1;
    s.roles = {{"worker", 2, 0, 1, 1, 0, 1}, {"server", 1, 1, 0, 0, 0, 0}};
    s.conditions = {{"Running", "False", "NotAllPodsReady", "one of two", kT0, 4},
                    {"Finished", "True", "Failed", "it failed", kT1, 4}};
    s.pending = Pending{ReasonClass::Ask, "NoSharedFolder", "declare it", kT0};
    s.failure =
        Failure{"digits-worker-1-2", "worker", 1, "node-1", 3, 9, "ExitCode", "exit code 3"};
    s.restarts = {1, 2};
    s.attempts = {{1, kT0, kT1, *s.failure}};
    s.avoidedNodes = {{"node-1", 2, kT1}};
    s.replaced = {{"worker", 1, 2, 1, true}, {"worker", 0, 3, 2, false}};
    s.elastic = ElasticStatus{2, 2, "dlworkspace.io/job=digits"};
    return s;
}

JobStatus Reread(const JobStatus& s) {
    const auto back = ParseStatus("{\"status\":" + ToJson(s) + "}");
    EXPECT_TRUE(back) << back.error();
    return back.value_or(JobStatus{});
}

TEST(JobStatus, SurvivesItsOwnJson) {
    EXPECT_EQ(Reread(Full()), Full());
    EXPECT_EQ(Reread(JobStatus{}), JobStatus{});
    EXPECT_EQ(ToJson(JobStatus{}), "{}");
    for (Phase p : {Phase::Queued, Phase::Starting, Phase::Running, Phase::Suspended,
                    Phase::Stopping, Phase::Succeeded, Phase::Failed, Phase::Stopped}) {
        JobStatus s;
        s.phase = p;
        EXPECT_EQ(Reread(s), s);
        EXPECT_EQ(IsFinal(p), p >= Phase::Succeeded) << ToString(p);
    }
    for (ReasonClass c : {ReasonClass::Wait, ReasonClass::Ask, ReasonClass::Change}) {
        JobStatus s;
        s.pending = Pending{c, "R", "m", kT0};
        EXPECT_EQ(Reread(s), s);
    }
}

TEST(JobStatus, WritesKeysInOneOrder) {
    const boost::json::object o = ToJsonObject(Full());
    std::string keys;
    for (const auto& [key, value] : o)
        keys += std::string(key) + " ";
    EXPECT_EQ(keys,
              "phase message observedGeneration attempt launchedAttempt ready gpus startTime "
              "finishTime roles conditions pending restarts attempts avoidedNodes replaced elastic "
              "failure ");
}

TEST(JobStatus, AbsentValuesAreLeftOut) {
    JobStatus s;
    s.phase = Phase::Queued;
    EXPECT_EQ(ToJson(s), R"({"phase":"Queued","attempt":0,"gpus":0})");
    s.failure = Failure{.pod = "p", .role = "r", .reason = "NodeLost"};
    EXPECT_EQ(boost::json::serialize(ToJsonObject(s).at("failure")),
              R"({"pod":"p","role":"r","index":0,"reason":"NodeLost","cause":"User"})");
}

TEST(JobStatus, CutsLongMessagesBetweenCharacters) {
    JobStatus s;
    s.message = std::string(1023, 'x') + "\xC3\xA4" + "rest";  // an umlaut over the border
    EXPECT_EQ(Reread(s).message, std::string(1023, 'x'));
    s.message = std::string(1022, 'x') + "\xC3\xA4" + "rest";
    EXPECT_EQ(Reread(s).message, std::string(1022, 'x') + "\xC3\xA4");
}

TEST(JobStatus, UnknownPhaseReadsAsNone) {
    EXPECT_EQ(ParseStatus(R"({"status":{"phase":"Dancing"}})")->phase, Phase::None);
    EXPECT_EQ(ParseStatus("{}").value(), JobStatus{});
    EXPECT_FALSE(ParseStatus(R"({"status":{"conditions":{}}})"));
    EXPECT_EQ(ParseStatus(R"({"status":{"startTime":"soon"}})").error(),
              "status.startTime: 'soon' is not a time such as 2026-01-02T03:04:05Z");
}

TEST(StatusMergePatch, HoldsOnlyWhatDiffers) {
    JobStatus was = Full(), now = Full();
    EXPECT_EQ(StatusMergePatch(was, now, "u", "7"), "");
    now.ready = "2/2";
    EXPECT_EQ(StatusMergePatch(was, now, "u", "7"),
              R"({"metadata":{"uid":"u","resourceVersion":"7"},"status":{"ready":"2/2"}})");
    EXPECT_EQ(StatusMergePatch(was, now, "", ""), R"({"status":{"ready":"2/2"}})");
}

TEST(StatusMergePatch, RemovesWithNull) {
    JobStatus was = Full(), now = Full();
    now.pending.reset();
    now.failure->exitCode.reset();
    now.failure->message = "other";
    EXPECT_EQ(StatusMergePatch(was, now, "u", ""),
              R"({"metadata":{"uid":"u"},"status":{"failure":{"message":"other","exitCode":null},)"
              R"("pending":null}})");
}

TEST(StatusMergePatch, SaysNothingForAMessageThatIsCut) {
    JobStatus was = Full(), now = Full();
    now.message = std::string(5000, 'x');
    was = Reread(now);
    EXPECT_EQ(StatusMergePatch(was, now, "u", ""), "");
}

TEST(SetCondition, KeepsTheTimeWhileTheStatusStays) {
    std::vector<Condition> c;
    EXPECT_TRUE(SetCondition(c, {"Running", "False", "A", "a", {}, 1}, kT0));
    EXPECT_EQ(c[0].lastTransitionTime, kT0);
    EXPECT_FALSE(SetCondition(c, {"Running", "False", "A", "a", {}, 1}, kT1));
    EXPECT_TRUE(SetCondition(c, {"Running", "False", "B", "b", {}, 2}, kT1));
    EXPECT_EQ(c[0].lastTransitionTime, kT0);
    EXPECT_EQ(c[0].reason, "B");
    EXPECT_TRUE(SetCondition(c, {"Running", "True", "B", "b", {}, 2}, kT1));
    EXPECT_EQ(c[0].lastTransitionTime, kT1);
    ASSERT_EQ(c.size(), 1U);
    EXPECT_TRUE(IsTrue(c, "Running"));
    EXPECT_FALSE(IsTrue(c, "Finished"));
    EXPECT_EQ(FindCondition(c, "Finished"), nullptr);
}

TEST(SetCondition, FinishedNeverLeavesTrue) {
    std::vector<Condition> c;
    EXPECT_TRUE(SetCondition(c, {"Finished", "False", "NotFinished", "", {}, 1}, kT0));
    EXPECT_TRUE(SetCondition(c, {"Finished", "True", "Failed", "it failed", {}, 1}, kT1));
    const std::vector<Condition> before = c;
    EXPECT_FALSE(SetCondition(c, {"Finished", "False", "NotFinished", "", {}, 2}, kT1));
    EXPECT_FALSE(SetCondition(c, {"Finished", "Unknown", "X", "", {}, 2}, kT1));
    EXPECT_FALSE(SetCondition(c, {"Finished", "True", "Succeeded", "it did not", {}, 2}, kT1));
    EXPECT_EQ(c, before);
}

}  // namespace
}  // namespace dlws::model

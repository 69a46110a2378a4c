// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/detail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>

#include "model/reason.h"
#include "portal/server/jobs/advice.h"
#include "portal/server/jobs/job_table.h"
#include "portal/server/jobs/testing.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;
using testing::JobText;

std::string Timeline(std::string status, std::string spec = R"("image":"i")") {
    JobText text;
    text.status = std::move(status);
    text.spec = std::move(spec);
    std::string line;
    for (const TimelineStep& step : TimelineOf(model::ParseDLJob(text.Json()).value()))
        line += fmt::format(
            "{}{}{}{} ", step.name, step.at ? "@" + model::FormatTime(*step.at).substr(11, 8) : "",
            step.seconds ? fmt::format("+{}", *step.seconds) : "", step.skipped ? " skipped" : "");
    return line;
}

TEST(Timeline, GoesAsFarAsTheJobHas) {
    EXPECT_EQ(Timeline(""), "Submitted@10:00:00 Approved skipped Admitted Running Finished ");
    EXPECT_EQ(Timeline(R"("phase":"Starting","launchTime":"2026-11-29T10:00:05Z")"),
              "Submitted@10:00:00 Approved skipped Admitted@10:00:05+5 Running Finished ");
    EXPECT_EQ(Timeline(R"("phase":"Succeeded","launchTime":"2026-11-29T10:00:05Z",
                  "startTime":"2026-11-29T10:00:07Z","finishTime":"2026-11-29T10:02:07Z")"),
              "Submitted@10:00:00 Approved skipped Admitted@10:00:05+5 Running@10:00:07+2 "
              "Finished@10:02:07+120 ");
}

TEST(Timeline, OfAJobThatEndedSkipsWhatNeverCame) {
    EXPECT_EQ(Timeline(R"("phase":"Stopped","finishTime":"2026-11-29T10:00:09Z")"),
              "Submitted@10:00:00 Approved skipped Admitted skipped Running skipped "
              "Finished@10:00:09+9 ");
}

TEST(Timeline, HasTheApproval) {
    const std::string spec = R"("image":"i","permissions":{"hostNetwork":true})";
    EXPECT_EQ(Timeline("", spec), "Submitted@10:00:00 Approved Admitted Running Finished ");
    EXPECT_EQ(Timeline(R"("conditions":[{"type":"Approved","status":"False",
                  "lastTransitionTime":"2026-11-29T10:00:01Z"}])",
                       spec),
              "Submitted@10:00:00 Approved Admitted Running Finished ");
    EXPECT_EQ(Timeline(R"("conditions":[{"type":"Approved","status":"True","reason":"Approved",
                  "lastTransitionTime":"2026-11-29T10:01:00Z"}])",
                       spec),
              "Submitted@10:00:00 Approved@10:01:00+60 Admitted Running Finished ");
    EXPECT_EQ(Timeline(R"("conditions":[{"type":"Approved","status":"True","reason":"NotRequired",
                  "lastTransitionTime":"2026-11-29T10:01:00Z"}])",
                       spec),
              "Submitted@10:00:00 Approved skipped Admitted Running Finished ");
}

TEST(Timeline, OfARestartedJobIsThatOfItsFirstAttempt) {
    EXPECT_EQ(Timeline(R"("phase":"Running","launchTime":"2026-11-29T11:00:00Z",
                  "startTime":"2026-11-29T10:00:07Z","attempts":[
                  {"attempt":0,"startTime":"2026-11-29T10:00:04Z","failure":{}},
                  {"attempt":1,"failure":{}}])"),
              "Submitted@10:00:00 Approved skipped Admitted@10:00:04+4 Running@10:00:07+3 "
              "Finished ");
    // That attempt is forgotten.
    EXPECT_EQ(Timeline(R"("phase":"Running","launchTime":"2026-11-29T11:00:00Z",
                  "startTime":"2026-11-29T10:00:07Z")"),
              "Submitted@10:00:00 Approved skipped Admitted@10:00:07+7 Running@10:00:07+0 "
              "Finished ");
}

TEST(Detail, IsAsTheContractSays) {
    JobText text;
    text.metadata = R"(,"labels":{"team":"x"})";
    text.spec = R"("image":"i","files":[{"name":"train.py","content":"x<b>","mode":292}])";
    text.status = R"("phase":"Queued","message":"m","conditions":[],
        "pending":{"class":"Wait","reason":"WaitsForRole"})";
    kube::Object object = *text.Object();
    object.raw = JobProjection(object.raw);
    const RowPtr row = MakeRow(object);
    Can can;
    can.change = can.list_pods = true;
    const auto o = json::parse(DetailJson(object, *row, can, "/dlwsdata/x")).as_object();
    EXPECT_EQ(o.at("row"), json::parse(row->json));
    EXPECT_EQ(o.at("spec"),
              json::parse(R"({"image":"i","files":[{"name":"train.py","size":4,"mode":292}],
        "submittedBy":{"username":"alice"}})"));
    EXPECT_EQ(o.at("status").at("pending").at("reason"), "WaitsForRole");
    EXPECT_EQ(o.at("labels"), json::parse(R"({"team":"x"})"));
    EXPECT_EQ(o.at("timeline"), json::parse(R"([{"step":"Submitted","at":"2026-11-29T10:00:00Z"},
        {"step":"Approved","skipped":true},{"step":"Admitted"},{"step":"Running"},{"step":"Finished"}])"));
    EXPECT_EQ(o.at("advice"), "A role waits until those in its startAfter have come so far.");
    EXPECT_EQ(o.at("can"), json::parse(R"({"change":true,"delete":false,"readLogs":false,
        "listPods":true,"approve":false})"));
    EXPECT_EQ(o.at("folder"), "/dlwsdata/x");
}

TEST(Detail, LeavesOutWhatIsNotKnown) {
    kube::Object object =
        *kube::ParseObject(
             R"({"metadata":{"name":"a","namespace":"b","uid":"u"},"spec":{"framework":"Spark"}})")
             .value();
    const auto o = json::parse(DetailJson(object, *MakeRow(object), {}, "")).as_object();
    EXPECT_EQ(o.at("status"), json::object());
    EXPECT_EQ(o.at("timeline"), json::array());
    for (const char* key : {"labels", "advice", "folder"})
        EXPECT_FALSE(o.contains(key)) << key;
}

Row InState(model::Phase phase, std::string_view reason, bool pending) {
    Row row;
    row.phase = phase;
    row.reason = reason;
    if (pending) row.pending = model::ReasonClass::Wait;
    return row;
}

// Nobody who waits, and nobody whose job failed, is left alone.
TEST(Advice, IsThereForEveryReason) {
    using model::ReasonClass;
    std::set<std::string_view> advice;
    for (const model::Reason& reason : model::AllReasons()) {
        if (reason.cls == ReasonClass::Note) continue;
        const bool waits = reason.cls != ReasonClass::Outcome;
        const auto text = AdviceFor(
            InState(waits ? model::Phase::Queued : model::Phase::Failed, reason.name, waits));
        EXPECT_FALSE(text.empty()) << reason.name;
        EXPECT_LE(text.size(), 1024U);
        EXPECT_TRUE(text.ends_with('.')) << reason.name;
        advice.insert(text);
    }
    EXPECT_GT(advice.size(), 30U);
}

TEST(Advice, SaysNothingWhereNothingNeedsToBeDone) {
    using model::Phase;
    EXPECT_EQ(AdviceFor(InState(Phase::Running, "", false)), "");
    EXPECT_EQ(AdviceFor(InState(Phase::Succeeded, "Succeeded", false)), "");
    EXPECT_EQ(AdviceFor(InState(Phase::Stopped, "Stopped", false)), "");
    EXPECT_EQ(AdviceFor(InState(Phase::Restarting, "ExitCode", false)), "");
    EXPECT_EQ(AdviceFor(InState(Phase::Queued, "OfALaterVersion", true)), "");
    EXPECT_EQ(AdviceFor(InState(Phase::Suspended, "", false)), "Resume it to let it go on.");
}

TEST(JobFolderFor, IsWherePeopleFindIt) {
    JobText text;
    text.uid = "0b2cf9a1-3f55-4a5c-8d4f-8f6a3c1f7e0e";
    text.owner = "alice@example.org";
    const auto job = model::ParseDLJob(text.Json()).value();
    model::UserDirectory users;
    users.Put(model::ParseDLUser(R"({"metadata":{"name":"alice","uid":"x"},
        "spec":{"username":"alice@example.org","uid":5001,"gid":5001}})")
                  .value());
    const auto folder = [&](const char* spec) {
        const auto cluster = model::ParseDLCluster(
            fmt::format(R"({{"metadata":{{"name":"cluster","uid":"c"}},"spec":{}}})", spec));
        EXPECT_TRUE(cluster) << cluster.error();
        return JobFolderFor(job, *cluster, users);
    };
    EXPECT_EQ(folder(R"({"sharedFolder":{"hostPath":"/mnt/x"}})"),
              "/dlwsdata/jobfiles/alice/2026-11/digits-0b2cf9a1");
    EXPECT_EQ(folder("{}"), "");
    EXPECT_EQ(
        folder(
            R"({"storages":[{"name":"jobfiles","persistentVolumeClaim":"c","layout":"perJob"}]})"),
        "");
    users.Remove("alice");
    EXPECT_EQ(folder(R"({"sharedFolder":{"hostPath":"/mnt/x"},"unknownUsers":"Refuse"})"), "");
}

}  // namespace
}  // namespace dlws::portal

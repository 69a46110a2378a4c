// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/row.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "portal/server/jobs/testing.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;
using testing::JobText;

json::object Json(const Row& row) {
    return json::parse(row.json).as_object();
}

// The example of the contract.
TEST(Row, IsAsTheContractSays) {
    JobText job;
    job.uid = "0b2cf9a1-3f55-4a5c-8d4f-8f6a3c1f7e0e";
    job.version = 48211;
    job.owner = "alice@example.org";
    job.spec = R"("image":"registry.example/digits:1","framework":"Torch",
        "roles":[{"name":"worker","gpus":8,"gpuType":"A100"}])";
    job.status =
        R"("phase":"Queued","message":"No node has 8 GPUs of type A100 free; 2 nodes have 6.",
        "attempt":0,"ready":"0/1","gpus":8,
        "pending":{"class":"Wait","reason":"Unschedulable","message":"m","since":"2026-11-29T10:00:01Z"})";
    const RowPtr row = MakeRow(*job.Object());
    EXPECT_EQ(json::parse(row->json), json::parse(R"({
        "namespace": "vision", "name": "digits", "uid": "0b2cf9a1-3f55-4a5c-8d4f-8f6a3c1f7e0e",
        "resourceVersion": "48211", "phase": "Queued",
        "why": "No node has 8 GPUs of type A100 free; 2 nodes have 6.",
        "pending": "Wait", "reason": "Unschedulable", "owner": "alice@example.org",
        "framework": "Torch", "image": "registry.example/digits:1", "gpus": 8,
        "gpuTypes": ["A100"], "ready": "0/1", "attempt": 0,
        "createdAt": "2026-11-29T10:00:00Z", "pendingSince": "2026-11-29T10:00:01Z"})"));
    EXPECT_EQ(row->resource_version, 48211U);
    EXPECT_EQ(row->pending, model::ReasonClass::Wait);
    EXPECT_EQ(row->gpus, 8);
    EXPECT_NE(row->text.find("no node has 8 gpus of type a100"), std::string::npos);
}

TEST(Row, HasOptionalFieldsOnlyWhenTheyAreKnown) {
    JobText job;
    job.status = "";
    job.owner = "";
    const json::object fresh = Json(*MakeRow(*job.Object()));
    for (const char* name : {"pending", "reason", "gpuTypes", "restarts", "startedAt", "finishedAt",
                             "pendingSince", "suspend", "stop", "deleting", "storageLost"})
        EXPECT_FALSE(fresh.contains(name)) << name;
    EXPECT_EQ(fresh.at("phase"), "None");
    EXPECT_EQ(fresh.at("owner"), "");
    EXPECT_EQ(fresh.at("ready"), "");
    EXPECT_EQ(fresh.at("why"), "The operator has not seen the job yet.");

    job.spec = R"("image":"i","roles":[{"name":"a","image":"own","gpus":1,"gpuType":"B"},
        {"name":"b","replicas":3,"gpus":2,"gpuType":"A"},{"name":"c","gpuType":"A"}],
        "suspend":true,"stop":true)";
    job.metadata = R"(,"deletionTimestamp":"2026-11-29T11:00:00Z")";
    job.status = R"("phase":"Failed","attempt":3,"startTime":"2026-11-29T10:01:00Z",
        "finishTime":"2026-11-29T10:02:00Z","restarts":{"user":1,"infrastructure":2},
        "failure":{"reason":"ExitCode","cause":"User"},
        "conditions":[{"type":"StorageLost","status":"True"},
                      {"type":"Finished","status":"True","reason":"Failed"}])";
    const json::object full = Json(*MakeRow(*job.Object()));
    EXPECT_EQ(full.at("image"), "own");
    EXPECT_EQ(full.at("gpus"), 7);
    EXPECT_EQ(full.at("gpuTypes"), (json::array{"A", "B"}));
    EXPECT_EQ(full.at("restarts"), 3);
    EXPECT_EQ(full.at("attempt"), 3);
    EXPECT_EQ(full.at("reason"), "ExitCode");
    EXPECT_EQ(full.at("startedAt"), "2026-11-29T10:01:00Z");
    EXPECT_EQ(full.at("finishedAt"), "2026-11-29T10:02:00Z");
    for (const char* name : {"suspend", "stop", "deleting", "storageLost"})
        EXPECT_EQ(full.at(name), true) << name;
}

TEST(Row, SaysTheReasonOfEachState) {
    const auto reason = [](std::string status) {
        JobText job;
        job.status = std::move(status);
        return MakeRow(*job.Object())->reason;
    };
    EXPECT_EQ(reason(R"("phase":"Running")"), "");
    EXPECT_EQ(reason(R"("phase":"Stopped","conditions":[
        {"type":"Finished","status":"True","reason":"Stopped"}])"),
              "Stopped");
    EXPECT_EQ(reason(R"("phase":"Running","conditions":[
        {"type":"Finished","status":"False","reason":"NotFinished"}])"),
              "");
    const std::string failed = R"("attempts":[{"attempt":0,"failure":{"reason":"NodeLost"}}])";
    EXPECT_EQ(reason(R"("phase":"Restarting",)" + failed), "NodeLost");
    EXPECT_EQ(reason(R"("phase":"Running",)" + failed), "");
}

// Whatever people write becomes JSON of at most the contract's lengths.
TEST(Row, TakesHostileTexts) {
    std::string umlauts;
    for (int i = 0; i < 2000; ++i)
        umlauts += "\xc3\xa4";
    const std::string nasty =
        R"(</script>\"\\\n\u0000\u001b[31m\u2028<img src=x onerror=alert(1)>)";
    JobText job;
    job.owner = nasty + umlauts;
    job.spec = R"("image":")" + nasty + umlauts + '"';
    job.status = R"("phase":"Failed","message":")" + nasty + "x" + umlauts +
                 R"(","ready":"<b>/2","failure":{"reason":")" + nasty + umlauts + R"("})";
    const RowPtr row = MakeRow(*job.Object());
    const json::object o = Json(*row);
    for (const auto& [name, most] :
         {std::pair{"owner", 512}, {"image", 512}, {"why", 1024}, {"reason", 64}}) {
        const std::string_view text = o.at(name).as_string();
        EXPECT_LE(text.size(), std::size_t(most)) << name;
        EXPECT_GE(text.size(), std::size_t(most) - 1) << name;  // an ä is not cut in half
        EXPECT_TRUE(text.starts_with(std::string_view("</script>\"\\\n\0\x1b[31m", 17))) << name;
    }
    EXPECT_EQ(o.at("ready"), "");
    EXPECT_EQ(row->owner, o.at("owner").as_string());
    EXPECT_EQ(row->json.find('\0'), std::string::npos);
    EXPECT_EQ(row->json.find('\x1b'), std::string::npos);
}

TEST(Row, OfAJobThatCannotBeReadSaysSo) {
    JobText job;
    job.spec = R"("image":"i","framework":"Spark")";
    const RowPtr row = MakeRow(*job.Object());
    EXPECT_EQ(row->name, "digits");
    EXPECT_EQ(row->uid, "u1");
    EXPECT_EQ(row->resource_version, 1U);
    EXPECT_EQ(Json(*row).at("why"),
              "This version of the portal cannot read the job: spec.framework: this version does "
              "not know the framework Spark.");
    EXPECT_EQ(Json(*row).at("createdAt"), "2026-11-29T10:00:00Z");
}

TEST(Row, OfAnotherControllersJobSaysWhose) {
    JobText job;
    job.spec = R"("image":"i","managedBy":"kueue.x-k8s.io/multikueue")";
    job.status = "";
    EXPECT_EQ(Json(*MakeRow(*job.Object())).at("why"),
              "Another controller manages the job: kueue.x-k8s.io/multikueue.");
}

}  // namespace
}  // namespace dlws::portal

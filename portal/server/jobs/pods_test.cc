// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/pods.h"

#include <tuple>

#include "portal/server/fixture.h"
#include "portal/server/jobs/events.h"
#include "portal/server/jobs/testing.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;
using testing::JobText;

std::string PodText(const std::string& role, int index, int attempt, const std::string& more,
                    const std::string& owner = "u1") {
    return fmt::format(
        R"({{"metadata":{{"name":"digits-{0}-{1}-{2}","namespace":"vision","uid":"{0}{1}{2}",)"
        R"("resourceVersion":"5","labels":{{"dlworkspace.io/job":"digits","dlworkspace.io/role":"{0}",)"
        R"("dlworkspace.io/index":"{1}","dlworkspace.io/attempt":"{2}"}},"ownerReferences":[)"
        R"({{"kind":"DLJob","name":"digits","uid":"{4}","controller":true}}]}},{3}}})",
        role, index, attempt, more, owner);
}

JobText TwoRoles() {
    JobText job;
    job.spec =
        R"("image":"i","roles":[{"name":"ps","replicas":2},{"name":"worker","replicas":3,"gpus":4}])";
    return job;
}

json::object Row(const std::string& more) {
    const auto job = model::ParseDLJob(TwoRoles().Json()).value();
    kube::Object pod = *kube::ParseObject(PodText("worker", 1, 2, more)).value();
    PodCacheSettings().transform(pod);
    const auto row = MakePodRow(pod.raw, job);
    EXPECT_TRUE(row);
    return row ? json::parse(PodJson(*row)).as_object() : json::object();
}

TEST(PodRow, IsAsTheContractSays) {
    EXPECT_EQ(Row(R"("spec":{"nodeName":"gpu-17","containers":[{"name":"main",
                  "resources":{"limits":{"nvidia.com/gpu":"4"},"requests":{"nvidia.com/gpu":"4"}}}]},
                  "status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}],
                  "containerStatuses":[{"name":"side","state":{"running":{"startedAt":"2026-11-29T09:00:00Z"}}},
                  {"name":"main","state":{"running":{"startedAt":"2026-11-29T10:00:07Z"}}}]})"),
              json::parse(R"({"name":"digits-worker-1-2","uid":"worker12","role":"worker","index":1,
                  "rank":3,"attempt":2,"state":"Running","ready":true,"node":"gpu-17","gpus":4,
                  "startedAt":"2026-11-29T10:00:07Z"})"));
}

TEST(PodRow, SaysWhyAndHowItEnded) {
    auto o =
        Row(R"("status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False",
        "reason":"Unschedulable","message":"0/3 nodes are available"}]})");
    EXPECT_EQ(o.at("state"), "Pending");
    EXPECT_EQ(o.at("why"), "0/3 nodes are available");
    o = Row(R"("status":{"phase":"Pending","containerStatuses":[{"name":"main","state":{"waiting":
        {"reason":"ImagePullBackOff","message":"no such image"}}}]})");
    EXPECT_EQ(o.at("why"), "ImagePullBackOff: no such image");
    o = Row(R"("status":{"phase":"Failed","containerStatuses":[{"name":"main","state":{"terminated":
        {"reason":"Error","exitCode":137,"finishedAt":"2026-11-29T10:00:09Z"}}}]})");
    EXPECT_EQ(o.at("state"), "Failed");
    EXPECT_EQ(o.at("exitCode"), 137);
    EXPECT_EQ(o.at("why"), "Error");
    EXPECT_EQ(o.at("finishedAt"), "2026-11-29T10:00:09Z");
    o = Row(
        R"("status":{"phase":"Succeeded","containerStatuses":[{"name":"main","state":{"terminated":
        {"reason":"Completed","exitCode":0}}}]})");
    EXPECT_EQ(o.at("state"), "Succeeded");
    EXPECT_EQ(o.at("exitCode"), 0);
    EXPECT_FALSE(o.contains("why"));
}

TEST(PodRow, IsOfPodsOfTheJobAlone) {
    const auto job = model::ParseDLJob(TwoRoles().Json()).value();
    EXPECT_TRUE(MakePodRow(PodText("ps", 0, 0, R"("status":{})"), job));
    EXPECT_FALSE(MakePodRow(PodText("ps", 0, 0, R"("status":{})", "u2"), job));
    EXPECT_FALSE(MakePodRow(PodText("other", 0, 0, R"("status":{})"), job));
    EXPECT_FALSE(MakePodRow(PodText("ps", -1, 0, R"("status":{})"), job));
    EXPECT_FALSE(MakePodRow("{}", job));
}

TEST(IsPodOf, GoesByTheWholeName) {
    EXPECT_TRUE(IsPodOf("digits-worker-0-1", "digits"));
    EXPECT_TRUE(IsPodOf("digits-2-worker-10-12", "digits-2"));
    for (const char* other :
         {"digits", "digits-", "digits-worker", "digits-worker-0", "digits-worker-0-",
          "digits-worker-0-x", "digits-2-worker-0-1", "digitsworker-0-1", "digits--0-1",
          "digits-0-0-1", "other-worker-0-1"})
        EXPECT_FALSE(IsPodOf(other, "digits")) << other;
}

TEST(ClaimsOf, AreThoseOfItsPodsAndOfItsStorages) {
    EXPECT_TRUE(IsClaimOfPodOf("digits-worker-0-1-scratch", "digits"));
    EXPECT_TRUE(IsClaimOfPodOf("digits-worker-0-1-gpu-x7k2p", "digits"));
    for (const char* other : {"digits-worker-0-1", "digits-worker-0-1-", "digits-worker-0-1x",
                              "digits-2-worker-0-1-scratch", "lab-data"})
        EXPECT_FALSE(IsClaimOfPodOf(other, "digits")) << other;
    JobText text;
    text.spec = R"("image":"i","roles":[{"name":"w"}],"storage":[{"name":"data","mountPath":"/d"},
        {"name":"none","mountPath":"/n"},{"name":"host","mountPath":"/h"}])";
    const model::Storage claim{.name = "data", .claim = "lab-data"};
    const model::Storage host{.name = "host"}, other{.name = "other", .claim = "others"};
    EXPECT_EQ(ClaimsOf(model::ParseDLJob(text.Json()).value(), {other, host, claim}),
              std::vector<std::string>{"lab-data"});
}

TEST(ReadEvent, KnowsBothKindsOfTimes) {
    const auto fresh =
        ReadEvent(R"({"metadata":{"uid":"e1","creationTimestamp":"2026-11-29T10:00:00Z"},
        "eventTime":"2026-11-29T10:00:01.5Z","series":{"count":7,"lastObservedTime":"2026-11-29T10:05:00Z"},
        "type":"Warning","reason":"R","note":"n","regarding":{"kind":"Pod","name":"p","uid":"u"},
        "reportingController":"dlworkspace"})");
    ASSERT_TRUE(fresh);
    EXPECT_EQ(json::parse(EventJson(*fresh)), json::parse(R"({"at":"2026-11-29T10:05:00Z",
        "firstAt":"2026-11-29T10:00:01Z","count":7,"type":"Warning","reason":"R","message":"n",
        "kind":"Pod","name":"p","reporter":"dlworkspace"})"));
    const auto old =
        ReadEvent(R"({"metadata":{"uid":"e1","creationTimestamp":"2026-11-29T10:00:00Z"},
        "eventTime":null,"deprecatedFirstTimestamp":"2026-11-29T10:00:02Z","deprecatedCount":3,
        "deprecatedLastTimestamp":"2026-11-29T10:00:09Z","deprecatedSource":{"component":"kubelet"}})");
    ASSERT_TRUE(old);
    EXPECT_EQ(model::FormatTime(old->at), "2026-11-29T10:00:09Z");
    EXPECT_EQ(model::FormatTime(old->first), "2026-11-29T10:00:02Z");
    EXPECT_EQ(old->count, 3);
    EXPECT_EQ(old->reporter, "kubelet");
    EXPECT_FALSE(ReadEvent("[]"));
}

class PodsTest : public PortalTest {
  protected:
    PodsTest() {
        pods.AddIndex(kPodsByJob, JobKeysOf);
        AddJobPods(router, jobs, pods);
        AddJobEvents(router, jobs);
        const JobText job = TwoRoles();
        store.Put(job.Object());
        table.Apply(testing::Appeared(job));
    }
    Outcome Ask(const std::string& what, const std::string& query = "") {
        auto match = router.Find("GET", "/api/v1/namespaces/vision/jobs/digits/" + what);
        Call call;
        call.caller = As("alice");
        call.path = match->path;
        call.query = kube::ParseHttpQuery(query, match->operation->query).value();
        return kube::testing::Run(io, match->operation->handler(std::move(call)));
    }
    // Names of a page, and whether there is another one.
    std::string Page(const std::string& what, const std::string& query,
                     std::string* next = nullptr) {
        const auto outcome = Ask(what, query);
        if (!outcome) return std::to_string(outcome.error().status);
        const auto o = json::parse(outcome->Body()).as_object();
        std::string line;
        for (const auto& item : o.at("items").as_array())
            line += std::string(item.at(what == "pods" ? "name" : "message").as_string()) + " ";
        if (const auto* total = o.if_contains("total")) line += "of " + json::serialize(*total);
        if (o.contains("nextCursor")) line += " …";
        if (next)
            *next = o.contains("nextCursor") ? std::string(o.at("nextCursor").as_string()) : "";
        return line;
    }

    kube::Store store, pods;
    JobTable table;
    Router router;
    Jobs jobs{backend, table, store, [] { return std::string("r7"); },
              [](const model::DLJob&) { return std::string(); }};
};

TEST_F(PodsTest, ParametersHaveTheirForm) {
    const auto field = [&](const std::string& query) {
        const auto outcome = Ask("pods", query);
        return outcome ? std::string("taken")
                       : std::to_string(outcome.error().status) + " " +
                             outcome.error().errors.at(0).field;
    };
    Allow("alice get dljobs vision/digits");
    Allow("alice list pods vision");
    EXPECT_EQ(field("role=worker&state=Running&state=Failed"), "taken");
    for (const char* role : {"role=", "role=Worker", "role=work-er", "role=abcdefghijklmnop"})
        EXPECT_EQ(field(role), "400 query.role") << role;
    EXPECT_EQ(field("state=Running&state=Running"), "400 query.state");
    EXPECT_EQ(field("state=Running,Failed"), "400 query.state") << "form, exploded";
    EXPECT_EQ(field("cursor=AQ"), "400 query.cursor");
    EXPECT_EQ(Ask("pods", "cursor=AQ").error().reason, "CursorInvalid");
}

TEST_F(PodsTest, AreInTheOrderOfTheirRanks) {
    for (const auto& [role, index, attempt] :
         {std::tuple{"worker", 0, 0}, {"ps", 1, 0}, {"worker", 0, 1}, {"ps", 0, 0}})
        pods.Put(kube::ParseObject(PodText(role, index, attempt,
                                           attempt == 0 ? R"("status":{"phase":"Failed"})"
                                                        : R"("status":{"phase":"Running"})"))
                     .value());
    EXPECT_EQ(Page("pods", ""), "403");
    Allow("alice get dljobs vision/digits");
    now += std::chrono::seconds(61);
    EXPECT_EQ(Page("pods", ""), "403");
    Allow("alice list pods vision");
    now += std::chrono::seconds(61);
    EXPECT_EQ(Page("pods", ""),
              "digits-ps-0-0 digits-ps-1-0 digits-worker-0-0 digits-worker-0-1 of 4");
    EXPECT_EQ(Page("pods", "role=worker&state=Running&state=Ending"), "digits-worker-0-1 of 1");
    std::string next;
    EXPECT_EQ(Page("pods", "limit=3", &next),
              "digits-ps-0-0 digits-ps-1-0 digits-worker-0-0 of 4 …");
    EXPECT_EQ(Page("pods", "limit=3&cursor=" + next), "digits-worker-0-1 of 4");
    EXPECT_EQ(Page("pods", "role=ps&cursor=" + next), "400");
    for (const char* bad : {"state=running", "limit=0", "cursor=x"})
        EXPECT_EQ(Page("pods", bad), "400") << bad;
}

TEST_F(PodsTest, OfAnotherNamespaceIsNoneOfTheJob) {
    // Anybody may write any owner into a pod of their own.
    std::string foreign = PodText("worker", 1, 0, R"("status":{"phase":"Running"})");
    foreign.replace(foreign.find("\"vision\""), 8, "\"of-eve\"");
    pods.Put(kube::ParseObject(foreign).value());
    Allow("alice get dljobs vision/digits");
    Allow("alice list pods vision");
    EXPECT_EQ(Page("pods", ""), "of 0");
    EXPECT_FALSE(MakePodRow(foreign, model::ParseDLJob(TwoRoles().Json()).value()));
    EXPECT_TRUE(pods.ByIndex(kPodsByJob, JobKey("vision", "u1")).empty());
}

std::string EventText(const std::string& uid, int second, const std::string& type,
                      const std::string& regarding) {
    return fmt::format(
        R"({{"metadata":{{"name":"e{0}","uid":"{0}"}},"eventTime":"2026-11-29T10:00:{1:02}Z",)"
        R"("type":"{2}","note":"{0}","regarding":{3}}})",
        uid, second, type, regarding);
}

TEST_F(PodsTest, EventsOfJobPodsAndClaimsAreMergedNewestFirst) {
    const std::string path = "/apis/events.k8s.io/v1/namespaces/vision/events";
    const std::string job = R"({"kind":"DLJob","name":"digits","uid":"u1"})";
    server.When("GET", path, {{"fieldSelector", "regarding.kind=DLJob,regarding.name=digits"}})
        .Reply(200,
               R"({"metadata":{},"items":[)" + EventText("a", 1, "Normal", job) + "," +
                   EventText("b", 9, "Warning", job) + "," +
                   EventText("old", 9, "Normal", R"({"kind":"DLJob","name":"digits","uid":"u0"})") +
                   "]}");
    server.When("GET", path, {{"fieldSelector", "regarding.kind=Pod"}})
        .Reply(200,
               R"({"metadata":{"continue":"more"},"items":[)" +
                   EventText("c", 5, "Normal", R"({"kind":"Pod","name":"digits-worker-0-0"})") +
                   "]}")
        .Reply(200, R"({"metadata":{},"items":[)" +
                        EventText("d", 7, "Warning", R"({"kind":"Pod","name":"digits-ps-0-0"})") +
                        "," +
                        EventText("e", 7, "Normal", R"({"kind":"Pod","name":"digits-2-ps-0-0"})") +
                        "]}");
    const auto claim = [](const char* kind, const char* name) {
        return fmt::format(R"({{"kind":"{}","name":"{}"}})", kind, name);
    };
    server.When("GET", path, {{"fieldSelector", "regarding.kind=PersistentVolumeClaim"}})
        .Reply(200,
               R"({"metadata":{},"items":[)" +
                   EventText("f", 8, "Warning", claim("PersistentVolumeClaim", "lab-data")) + "," +
                   EventText("g", 8, "Warning", claim("PersistentVolumeClaim", "other")) + "]}")
        .Reply(200, R"({"metadata":{},"items":[]})");
    server.When("GET", path, {{"fieldSelector", "regarding.kind=ResourceClaim"}})
        .Reply(200, R"({"metadata":{},"items":[)" +
                        EventText("h", 2, "Normal",
                                  claim("ResourceClaim", "digits-worker-0-0-gpu-x7k2p")) +
                        "]}")
        .Reply(200, R"({"metadata":{},"items":[]})");
    const std::vector<model::Storage> storages{{.name = "data", .claim = "lab-data"}};
    jobs.storages = [&storages]() -> const std::vector<model::Storage>& { return storages; };
    JobText mounts = TwoRoles();
    mounts.spec += R"(,"storage":[{"name":"data","mountPath":"/data"}])";
    store.Put(mounts.Object());
    EXPECT_EQ(Page("events", ""), "403");
    Allow("alice get dljobs vision");
    now += std::chrono::seconds(61);
    EXPECT_EQ(Page("events", ""), "b f d c h a ");
    const auto requests = server.Requests();
    EXPECT_EQ(requests.back().Header("authorization"), "Bearer alice-token");
    server.When("GET", path, {{"fieldSelector", "regarding.kind=Pod"}})
        .Reply(200, R"({"metadata":{},"items":[]})");
    std::string next;
    EXPECT_EQ(Page("events", "limit=1", &next), "b  …");
    EXPECT_EQ(Page("events", "limit=1&cursor=" + next), "a ");
    EXPECT_EQ(Page("events", "type=Warning"), "b ");
    EXPECT_EQ(Page("events", "type=Warning&cursor=" + next), "400");
    EXPECT_EQ(Page("events", "type=Bad"), "400");
    server.When("GET", path)
        .Reply(403, R"({"kind":"Status","reason":"Forbidden","message":"no","code":403})");
    EXPECT_EQ(Page("events", ""), "403");
}

}  // namespace
}  // namespace dlws::portal

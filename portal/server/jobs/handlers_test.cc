// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/handlers.h"

#include "portal/server/fixture.h"
#include "portal/server/jobs/testing.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;
using testing::JobText;

class JobsTest : public PortalTest {
  protected:
    JobsTest() { AddJobs(router, jobs); }

    void Put(const JobText& text) {
        auto object = std::make_shared<kube::Object>(*text.Object());
        JobCacheSettings().transform(*object);
        store.Put(object);
        table.Apply({nullptr, object});
    }
    Outcome Ask(const std::string& who, const std::string& method, const std::string& path,
                const std::string& query = "") {
        auto match = router.Find(method, path);
        if (!match) return std::unexpected(match.error());
        Call call;
        call.caller = As(who);
        call.path = match->path;
        auto parsed = kube::ParseHttpQuery(query, match->operation->query);
        if (!parsed) return std::unexpected(BadRequest("query", parsed.error()));
        call.query = *parsed;
        return kube::testing::Run(io, match->operation->handler(std::move(call)));
    }
    json::object Body(const Outcome& outcome) {
        EXPECT_TRUE(outcome) << outcome.error().detail;
        return outcome ? json::parse(outcome->Body()).as_object() : json::object();
    }

    kube::Store store;
    JobTable table;
    Router router;
    Jobs jobs{backend, table, store, [] { return std::string("r7"); },
              [](const model::DLJob& job) { return "/folder/of/" + job.meta.name; }};
};

TEST_F(JobsTest, AListHasWhatTheCallerMaySee) {
    Allow("alice list dljobs vision");
    Put({.name = "mine", .uid = "u1"});
    Put({.name = "hers", .uid = "u2", .owner = "bob"});
    Put({.ns = "speech", .name = "hidden", .uid = "u3"});
    const auto all = Body(Ask("alice", "GET", "/api/v1/jobs"));
    EXPECT_EQ(all.at("total"), 2);
    EXPECT_EQ(all.at("streamId"), "r7");
    const auto mine = Body(Ask("alice", "GET", "/api/v1/jobs", "mine=true"));
    EXPECT_EQ(mine.at("total"), 1);
    EXPECT_EQ(mine.at("items").at(0).at("name"), "mine");
    EXPECT_EQ(Body(Ask("bob", "GET", "/api/v1/jobs")).at("total"), 0);
    const auto refused = Ask("alice", "GET", "/api/v1/jobs", "namespace=vision&namespace=speech");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 403);
    Allow("root list dljobs");
    EXPECT_EQ(Body(Ask("root", "GET", "/api/v1/jobs")).at("total"), 3);
    EXPECT_EQ(Body(Ask("root", "GET", "/api/v1/jobs", "namespace=speech")).at("total"), 1);
}

TEST_F(JobsTest, AListHasAnETagThatLastsAsLongAsThePage) {
    Allow("alice list dljobs");
    Put({});
    const auto first = Ask("alice", "GET", "/api/v1/jobs");
    const auto again = Ask("alice", "GET", "/api/v1/jobs");
    ASSERT_TRUE(first && again);
    EXPECT_EQ(first->Field("ETag"), again->Field("ETag"));
    Put({.version = 2});
    const auto changed = Ask("alice", "GET", "/api/v1/jobs");
    ASSERT_TRUE(changed);
    EXPECT_NE(first->Field("ETag"), changed->Field("ETag"));
}

TEST_F(JobsTest, AWrongParameterIsNamed) {
    const auto outcome = Ask("alice", "GET", "/api/v1/jobs", "limit=501");
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().status, 400);
    EXPECT_EQ(outcome.error().detail, "limit must be a whole number from 1 to 500.");
    ASSERT_EQ(outcome.error().errors.size(), 1u);
    EXPECT_EQ(outcome.error().errors[0].field, "query.limit");
    EXPECT_EQ(Asked(), 0u);
}

TEST_F(JobsTest, ADetailIsOfWhoMayGetTheJob) {
    Put({.spec = R"("image":"i","files":[{"name":"a","content":"secret"}])"});
    const auto path = "/api/v1/namespaces/vision/jobs/digits";
    const auto refused = Ask("alice", "GET", path);
    const auto unknown = Ask("alice", "GET", "/api/v1/namespaces/vision/jobs/nothing");
    ASSERT_FALSE(refused || unknown);
    EXPECT_EQ(refused.error().status, 403);
    EXPECT_EQ(refused.error().detail, unknown.error().detail);

    Allow("bob get dljobs vision/digits");
    Allow("bob get pods/log vision");
    Allow("bob patch dljobs vision/digits");
    const auto outcome = Ask("bob", "GET", path);
    const auto detail = Body(outcome);
    EXPECT_EQ(detail.at("row").at("name"), "digits");
    EXPECT_EQ(detail.at("folder"), "/folder/of/digits");
    EXPECT_EQ(detail.at("can"), json::parse(R"({"change":true,"delete":false,"readLogs":true,
        "listPods":false,"approve":false})"));
    EXPECT_EQ(outcome->Body().find("secret"), std::string_view::npos);
    EXPECT_FALSE(outcome->Field("ETag").empty());
    Allow("bob get dljobs vision");
    const auto gone = Ask("bob", "GET", "/api/v1/namespaces/vision/jobs/nothing");
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().status, 404);
}

TEST_F(JobsTest, WhoMayApproveMayApproveEachClassAndIsSomebodyElse) {
    Put({.spec = R"("image":"i","permissions":{"hostNetwork":true,"runAsRoot":true})",
         .status = R"("phase":"AwaitingApproval","approval":{"state":"Awaiting",
             "classes":["hostNetwork","runAsRoot"]})"});
    const auto may = [&](const std::string& who) {
        return Body(Ask(who, "GET", "/api/v1/namespaces/vision/jobs/digits"))
            .at("can")
            .at("approve")
            .as_bool();
    };
    for (const char* who : {"alice", "bob", "carol"}) {
        const std::string name(who);
        Allow(name + " get dljobs vision");
        Allow(name + " create dljobapprovals vision");
        Allow(name + " approve dljobs vision");
        Allow(name + " approve permissionclasses vision/hostNetwork");
        if (name != "carol") Allow(name + " approve permissionclasses vision/runAsRoot");
    }
    EXPECT_FALSE(may("alice"));  // it is hers
    EXPECT_TRUE(may("bob"));
    EXPECT_FALSE(may("carol"));
}

}  // namespace
}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/people/handlers.h"

#include "portal/server/fixture.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;

class PeopleTest : public PortalTest {
  protected:
    PeopleTest() { AddPeople(router, people); }
    std::string Namespaces(const std::string& who) {
        Call call;
        call.caller = As(who);
        auto match = router.Find("GET", "/api/v1/namespaces");
        if (!match) return "no such operation";
        const Outcome outcome = kube::testing::Run(io, match->operation->handler(std::move(call)));
        return outcome ? outcome->body : std::to_string(outcome.error().status);
    }
    json::object Me(const std::string& who) {
        auto match = router.Find("GET", "/api/v1/me");
        Call call;
        call.caller = As(who);
        const auto answer = kube::testing::Run(io, match->operation->handler(std::move(call)));
        EXPECT_TRUE(answer);
        return json::parse(answer->Body()).as_object();
    }
    std::size_t RulesAsked() const { return server.Count("POST", kRules); }

    kube::Store users_of_cluster;
    People people{backend, users_of_cluster, [this] { return namespaces; }};
    Router router;
};

TEST_F(PeopleTest, WhoIsOverTheirQuotaHasNothingFree) {
    users_of_cluster.Put(
        kube::ParseObject(
            R"({"metadata":{"name":"al","uid":"u1"},"spec":{"username":"alice","uid":12001,
        "gid":12001},"status":{"state":"Ready","quotas":[
        {"storage":"work","bytesTotal":100,"bytesFree":-7},
        {"storage":"old","bytesTotal":100,"bytesFree":7}]}})")
            .value());
    const json::object me = Me("alice");
    EXPECT_EQ(json::serialize(me.at("user").at("quotas")),
              R"([{"storage":"work","bytesTotal":100,"bytesFree":0},)"
              R"({"storage":"old","bytesTotal":100,"bytesFree":7}])");
    EXPECT_FALSE(Me("bob").contains("user"));
}

TEST_F(PeopleTest, ANamespaceIsOneQuestion) {
    Allow("alice list dljobs vision");
    Allow("alice create dljobs vision");
    Allow("alice create dljobapprovals vision");
    namespaces.clear();
    for (int i = 0; i < 99; ++i)
        namespaces.push_back("team" + std::to_string(i));
    namespaces.push_back("vision");
    const std::string vision =
        R"({"items":[{"name":"vision","rights":["list","submit","approve"]}],"complete":true})";
    EXPECT_EQ(Namespaces("alice"), vision);
    EXPECT_EQ(Asked(), 5u) << "each right in all namespaces";
    EXPECT_EQ(RulesAsked(), 100u);
    EXPECT_EQ(Namespaces("alice"), vision);
    EXPECT_EQ(Asked() + RulesAsked(), 105u) << "within a minute nothing is asked again";
    now += std::chrono::seconds(61);
    Allow("alice list dljobs vision", false);
    EXPECT_EQ(Namespaces("alice"),
              R"({"items":[{"name":"vision","rights":["submit","approve"]}],"complete":true})");
}

TEST_F(PeopleTest, WhoMayDoAllEverywhereIsNotAskedAboutEach) {
    for (const char* right : {"list dljobs", "create dljobs", "patch dljobs",
                              "create dljobapprovals", "create dljobtemplates"})
        Allow(std::string("root ") + right);
    EXPECT_EQ(
        Namespaces("root"),
        R"({"items":[{"name":"vision","rights":["list","submit","change","approve","templates"]},)"
        R"({"name":"speech","rights":["list","submit","change","approve","templates"]}],"complete":true})");
    EXPECT_EQ(Asked(), 5u);
    EXPECT_EQ(RulesAsked(), 0u);
}

// So it is where somebody else than RBAC authorizes too.
TEST_F(PeopleTest, WhereRulesAreIncompleteEachRightIsAsked) {
    incomplete = true;
    Allow("alice list dljobs");
    Allow("alice create dljobs speech");
    EXPECT_EQ(Namespaces("alice"),
              R"({"items":[{"name":"vision","rights":["list"]},)"
              R"({"name":"speech","rights":["list","submit"]}],"complete":true})");
    EXPECT_EQ(RulesAsked(), 2u);
    EXPECT_EQ(Asked(), 5u + 2 * 4) << "not what holds everywhere";
}

TEST_F(PeopleTest, AnApiServerThatIsAwayIsSaid) {
    Answer(500);
    EXPECT_EQ(Namespaces("alice"), "503");
    Answer(0);
    EXPECT_EQ(Namespaces("alice"), R"({"items":[],"complete":true})");
    EndToken("alice");
    now += std::chrono::seconds(61);
    EXPECT_EQ(Namespaces("alice"), "401");
}

}  // namespace
}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/people/handlers.h"

#include "portal/server/fixture.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;

class PeopleTest : public PortalTest {
  protected:
    PeopleTest() { AddPeople(router, people); }
    json::object Me(const std::string& who) {
        auto match = router.Find("GET", "/api/v1/me");
        Call call;
        call.caller = As(who);
        const auto answer = kube::testing::Run(io, match->operation->handler(std::move(call)));
        EXPECT_TRUE(answer);
        return json::parse(answer->Body()).as_object();
    }

    kube::Store known;
    People people{backend, known, [this] { return namespaces; }};
    Router router;
};

TEST_F(PeopleTest, WhoIsOverTheirQuotaHasNothingFree) {
    known.Put(kube::ParseObject(
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

}  // namespace
}  // namespace dlws::portal

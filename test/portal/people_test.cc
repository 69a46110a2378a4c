// SPDX-License-Identifier: Apache-2.0
// Who somebody is, and that nobody sees more than the API server lets them.
#include "test/portal/fixture.h"

namespace dlws::e2e {
namespace {

using ::testing::HasSubstr;

class People : public PortalTest {};

TEST_F(People, AreWhomTheApiServerSays) {
    const Portal::Answer me = As("alice").Get("/api/v1/me");
    ASSERT_EQ(me.code, 200) << me.text;
    EXPECT_EQ(Text(me.body, "username"), Username("alice"));
    EXPECT_THAT(me.text, HasSubstr("system:serviceaccounts:" + ns_));
    EXPECT_THAT(Text(me.body, "userProblem"), HasSubstr("no DLUser"));
    EXPECT_EQ(As("nobody").Get("/api/v1/me").Reason(), "LoginRequired");
    EXPECT_EQ(Portal(Replicas().at(0), "forged").Get("/api/v1/me").Reason(), "LoginExpired");
}

TEST_F(People, TheirOwnDLUserAndNoOther) {
    const auto put = [&](const std::string& name, const std::string& who, int uid) {
        MustShell("echo " +
                  Quoted("{apiVersion: dlworkspace.io/v1, kind: DLUser, metadata: {name: " + name +
                         "}, spec: {username: '" + Username(who) + "', uid: " +
                         std::to_string(uid) + ", gid: " + std::to_string(uid) + "}}") +
                  " | " + kKubectl + " apply -f -");
    };
    put("api-alice", "alice", 7101);
    put("api-bob", "bob", 7102);
    EXPECT_TRUE(Eventually(std::chrono::seconds(10), [&] {
        return As("alice").Get("/api/v1/users/api-alice").code == 200 &&
               Text(As("alice").Get("/api/v1/me").body, "user/uid") == "7101";
    }));
    const Portal::Answer other = As("alice").Get("/api/v1/users/api-bob");
    const Portal::Answer absent = As("alice").Get("/api/v1/users/api-nobody");
    EXPECT_EQ(other.code, 403);
    EXPECT_EQ(absent.code, 403);
    EXPECT_EQ(Text(other.body, "detail"), Text(absent.body, "detail")) << "no oracle";
    MustShell(kKubectl + " delete dluser api-alice api-bob");
}

TEST_F(People, SeeTheNamespacesInWhichTheyMayDoSomething) {
    const auto rights = [&](const std::string& who) -> std::string {
        const Portal::Answer answer = As(who).Get("/api/v1/namespaces");
        for (const Json& ns : List(answer.body, "items"))
            if (Text(ns, "name") == ns_) return Text(ns, "rights");
        return answer.code == 200 ? "" : answer.text;
    };
    EXPECT_EQ(rights("alice"), R"(["list","submit","change","templates"])");
    EXPECT_EQ(rights("carol"), R"(["list","approve"])");
    EXPECT_EQ(rights("victor"), R"(["list"])");
    EXPECT_EQ(rights("mallory"), "");
}

TEST_F(People, FindTheDescriptionWithoutALogin) {
    const Portal::Answer document = As("nobody").Get("/api/v1/openapi.json");
    ASSERT_EQ(document.code, 200);
    EXPECT_EQ(Text(document.body, "openapi"), "3.1.0");
    EXPECT_FALSE(At(document.body, "paths").as_object().empty());
}

TEST_F(People, BrowsersAreToldToTrustNothingElse) {
    const Portal::Answer answer = As("alice").Get("/api/v1/me");
    EXPECT_THAT(answer.fields.at("Content-Security-Policy"), HasSubstr("frame-ancestors 'none'"));
    EXPECT_EQ(answer.fields.at("Cache-Control"), "no-store");
    EXPECT_EQ(As("alice").Get("/api/v1/me", {{"Sec-Fetch-Site", "cross-site"}}).Reason(),
              "CrossSite");
    // By its name the certificate is good.
    const std::string name = "dlworkspace-portal.dlws-system.svc";
    MustShell(kKubectl +
              " -n dlws-system get secret dlworkspace-portal-certificate -o "
              "jsonpath='{.data.tls\\.crt}' | base64 -d > /tmp/portal-" +
              ns_ + ".pem");
    const Output curl = Shell("curl -sS --cacert /tmp/portal-" + ns_ + ".pem --resolve " + name +
                              ":8443:" + Replicas().at(0) + " https://" + name +
                              ":8443/api/v1/openapi.json -o /dev/null -w '%{http_code}'; rm -f "
                              "/tmp/portal-" +
                              ns_ + ".pem");
    EXPECT_THAT(curl.text, HasSubstr("200"));
}

}  // namespace
}  // namespace dlws::e2e

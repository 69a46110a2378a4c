// SPDX-License-Identifier: Apache-2.0
#include "portal/server/callers.h"

#include "portal/server/fixture.h"

namespace dlws::portal {
namespace {

class CallersTest : public PortalTest {
  protected:
    static kube::Awaitable<std::expected<Caller, Problem>> OfCarol() {
        Caller caller;
        caller.token = "carol-token";
        caller.session = "s-1";
        co_return caller;
    }
    std::expected<Caller, Problem> Of(kube::HttpFields fields, bool sessions = true) {
        kube::HttpRequest request;
        request.method = "GET";
        request.fields = std::move(fields);
        Callers::OpenSession open;
        if (sessions)
            open = [this](std::string credential, const kube::HttpRequest&, bool browser) {
                opened = credential + (browser ? " browser" : " program");
                return OfCarol();
            };
        Callers callers(verdicts, std::move(open));
        return kube::testing::Run(io, callers.Of(request));
    }
    std::string Refused(kube::HttpFields fields, bool sessions = true) {
        auto caller = Of(std::move(fields), sessions);
        return caller ? "taken" : std::to_string(caller.error().status) + caller.error().reason;
    }
    std::string opened;
};

TEST_F(CallersTest, ABearerIsWhomTheApiServerSays) {
    for (const char* scheme : {"Bearer ", "bearer ", "BEARER "}) {
        auto caller = Of({{"Authorization", std::string(scheme) + "alice-token"}});
        ASSERT_TRUE(caller);
        EXPECT_EQ(caller->username, "alice");
        EXPECT_EQ(caller->uid, "u-alice");
        EXPECT_EQ(caller->token, "alice-token");
        EXPECT_EQ(caller->key, KeyOf("alice-token"));
        EXPECT_EQ(caller->session, "");
    }
    EXPECT_EQ(opened, "");
}

TEST_F(CallersTest, ASessionByCookieOrByToken) {
    auto browser = Of({{"Cookie", "a=b; __Host-dlws=ID.KEY; __Host-dlws-login=x"}});
    ASSERT_TRUE(browser);
    EXPECT_EQ(opened, "ID.KEY browser");
    EXPECT_EQ(browser->username, "carol");
    EXPECT_EQ(browser->session, "s-1");
    ASSERT_TRUE(Of({{"Authorization", "Bearer dlws1.ID.KEY"}}));
    EXPECT_EQ(opened, "ID.KEY program");
    EXPECT_EQ(Refused({{"Cookie", "__Host-dlws-login=x; x__Host-dlws=y"}}), "401LoginRequired");
    EXPECT_EQ(Refused({{"Cookie", "__Host-dlws=ID.KEY"}}, false), "401LoginRequired");
}

TEST_F(CallersTest, NobodyIsRefused) {
    EXPECT_EQ(Refused({}), "401LoginRequired");
    EXPECT_EQ(Refused({{"Authorization", "Bearer forged"}}), "401LoginExpired");
    for (const char* wrong : {"Basic YWxpY2U6eA==", "Bearer", "Bearer ", "Bearer a b",
                              "Bearer \x01", "Bearer a\xC3\xA4", "alice-token"})
        EXPECT_EQ(Refused({{"Authorization", wrong}}), "400BadRequest") << wrong;
    EXPECT_EQ(Refused({{"Authorization", "Bearer " + std::string(8'193, 'a')}}), "400BadRequest");
    EXPECT_EQ(Refused({{"Authorization", "Bearer alice-token"}, {"Cookie", "__Host-dlws=a.b"}}),
              "400BadRequest");
}

TEST_F(CallersTest, AMadeUpTokenIsShownToTheApiServerOnceInAWhile) {
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(Refused({{"Authorization", "Bearer forged"}}), "401LoginExpired");
    EXPECT_EQ(server.Count("POST", kWho), 1u);
}

TEST_F(CallersTest, WithoutTheApiServerWhoWasKnownStaysSo) {
    ASSERT_TRUE(Of({{"Authorization", "Bearer alice-token"}}));
    Answer(500);
    now += std::chrono::seconds(120);
    EXPECT_TRUE(Of({{"Authorization", "Bearer alice-token"}}));
    EXPECT_EQ(Refused({{"Authorization", "Bearer bob-token"}}), "503ApiServerAway");
}

}  // namespace
}  // namespace dlws::portal

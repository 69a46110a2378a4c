// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/handlers.h"

#include "kube/together.h"
#include "portal/server/session/csrf.h"
#include "portal/server/session/testing/login_fixture.h"

namespace dlws::portal {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(LoginTest, NobodyIsLoggedInWithoutACookie) {
    const auto nobody = kube::testing::Run(io, login.GetSession(With({})));
    EXPECT_EQ(Text(nobody, "loggedIn"), "false");
    EXPECT_EQ(Text(nobody, "methods"), R"(["oidc","token"])");
    EXPECT_THAT(Text(nobody, "tokenCommand"), StartsWith("kubectl -n NAMESPACE create token"));
    EXPECT_EQ(Text(nobody, "version"), "1.2.3");
    EXPECT_EQ(Text(nobody, "features"), R"(["archive"])");
    EXPECT_EQ(Text(nobody, "csrfToken"), "");
    for (const std::string& made_up : {Format(NewSessionKey()), std::string("x")})
        EXPECT_EQ(Text(SessionOf(made_up), "loggedIn"), "false");
}

TEST_F(LoginTest, TheProviderLeadsToASession) {
    TakeIdTokens();
    const auto started = Start();
    EXPECT_EQ(started->status, 303);
    EXPECT_THAT(std::string(started->Field("Location")), StartsWith("https://login.example/auth?"));
    const std::string cookie = LogIn("alice");
    const auto session = SessionOf(cookie);
    EXPECT_EQ(Text(session, "loggedIn"), "true");
    EXPECT_EQ(Text(session, "username"), "alice@example.org");
    EXPECT_EQ(Text(session, "csrfToken"),
              CsrfToken(*ParseSessionKey(cookie, SessionKind::kBrowser)));
    EXPECT_EQ(Text(session, "expiresAt"), "2027-01-16T08:00:00Z");
    const auto caller = Open(cookie);
    ASSERT_TRUE(caller);
    EXPECT_THAT(caller->token, StartsWith("ey"));
    EXPECT_EQ(caller->session, ParseSessionKey(cookie, SessionKind::kBrowser)->id);
    EXPECT_EQ(kube::testing::Run(io, caller->current_token()).value(), caller->token);
}

TEST_F(LoginTest, AnAnswerToAnotherLoginIsNone) {
    TakeIdTokens();
    const std::string mine = Cookie(Start(), kLoginCookie), other = Cookie(Start(), kLoginCookie);
    const std::string state = ParseLoginAttempt(other)->state;
    web.GiveTokens(IdToken("mallory", ParseLoginAttempt(other)->nonce));
    for (const Outcome& another :
         {Finish(mine, "code=c&state=" + state), Finish("", "code=c&state=" + state),
          Finish(mine, "code=c"), Finish(mine, "error=access_denied&state=" + state)}) {
        EXPECT_EQ(Word(another), "303 /login?error=state");
        EXPECT_FALSE(ClearsTheLogin(another)) << "mine is still under way";
    }
    EXPECT_EQ(web.Asked(std::string(testing::kFakeIssuer) + "/token"), 0U);
    // The right state, and an ID token for another login.
    EXPECT_EQ(Word(Finish(mine, "code=c&state=" + ParseLoginAttempt(mine)->state)),
              "303 /login?error=LoginFailed");
    EXPECT_TRUE(secrets.stored.empty());
}

TEST_F(LoginTest, WhatWentWrongIsAWord) {
    const std::string cookie = Cookie(Start(), kLoginCookie);
    const std::string state = "state=" + ParseLoginAttempt(cookie)->state;
    EXPECT_EQ(Word(Finish(cookie, state + "&error=access_denied")),
              "303 /login?error=access_denied");
    EXPECT_EQ(Word(Finish(cookie, state + "&error=x&error_description=<script>")),
              "303 /login?error=LoginFailed");
    web.RefuseTokens("invalid_grant");
    EXPECT_EQ(Word(Finish(cookie, state + "&code=c")), "303 /login?error=LoginFailed");
    web.GiveTokens(IdToken("alice", ParseLoginAttempt(cookie)->nonce));
    // The API server does not know such tokens.
    auto refused = Finish(cookie, state + "&code=c");
    EXPECT_EQ(Word(refused), "303 /login?error=TokenRefused");
    EXPECT_THAT(refused->fields,
                ::testing::Contains(::testing::Pair("Set-Cookie", ClearLoginCookie())));
    EXPECT_EQ(Cookie(refused, kSessionCookie), "");
    web.answers.clear();
    EXPECT_EQ(Word(Finish(cookie, state + "&code=c")), "303 /login?error=LoginAway");
}

TEST_F(LoginTest, AnotherPlaceIsNeverReturnedTo) {
    for (const char* where : {"return=//evil.example", "return=https://evil.example", ""})
        EXPECT_EQ(ParseLoginAttempt(Cookie(Start(where), kLoginCookie))->return_to, "/");
}

TEST_F(LoginTest, APastedTokenIsWhomTheApiServerSays) {
    const auto pasted = Paste("carol-token");
    ASSERT_TRUE(pasted);
    EXPECT_EQ(Text(pasted, "username"), "carol");
    EXPECT_EQ(Text(pasted, "loggedIn"), "true");
    secrets.Tell();
    EXPECT_EQ(Open(Cookie(pasted, kSessionCookie))->token, "carol-token");
    EndToken("dave");
    EXPECT_EQ(Word(Paste("dave-token")), "401 TokenRefused");
    Answer(503);
    EXPECT_EQ(Word(Paste("erin-token")), "503 ApiServerAway");
    EXPECT_EQ(secrets.stored.size(), 1U);
}

TEST_F(LoginTest, APastedTokenEndsWithItself) {
    TakeIdTokens();
    const auto pasted = Paste(IdToken("carol", ""));
    EXPECT_EQ(Text(pasted, "expiresAt"), "2027-01-15T08:05:00Z");
    secrets.Tell();
    const std::string cookie = Cookie(pasted, kSessionCookie);
    time += std::chrono::seconds(300);
    EXPECT_EQ(Open(cookie).error().reason, "LoginExpired");
    EXPECT_THAT(Text(SessionOf(cookie), "why"), HasSubstr("token"));
}

TEST_F(LoginTest, OnlyOurOwnPageLogsIn) {
    Call call = With({{"Origin", "https://evil.example"}});
    call.request.body = R"({"token":"carol-token"})";
    EXPECT_EQ(Word(kube::testing::Run(io, login.LoginWithToken(call))), "403 CrossSite");
    call.request.fields = {};
    EXPECT_EQ(Word(kube::testing::Run(io, login.LoginWithToken(call))), "403 CrossSite");
    call.request.fields = {{"Origin", kOrigin}};
    for (const char* wrong :
         {"{}", "", "[]", R"({"token":"short"})", R"({"token":"white space here"})",
          R"({"token":"carol-token","more":1})", R"({"token":7})"}) {
        call.request.body = wrong;
        call.request.peer = wrong;  // each from somewhere else
        EXPECT_EQ(Word(kube::testing::Run(io, login.LoginWithToken(call))), "400 BadRequest")
            << wrong;
    }
}

TEST_F(LoginTest, TenTriesAMinuteFromOneAddress) {
    EndToken("eve");
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(Word(Paste("eve-token")), "401 TokenRefused");
    EXPECT_EQ(Word(Paste("carol-token")), "429 TooManyRequests");
    EXPECT_TRUE(Paste("carol-token", "192.0.2.2"));
    for (int i = 0; i < 10; ++i)
        EXPECT_TRUE(Paste("carol-token", "2001:db8::" + std::to_string(i)));
    EXPECT_EQ(Word(Paste("carol-token", "2001:db8::ffff")), "429 TooManyRequests");
    EXPECT_TRUE(Paste("carol-token", "2001:db8:0:1::1"));
    time += std::chrono::seconds(60);
    EXPECT_TRUE(Paste("carol-token"));
}

TEST_F(LoginTest, FailedLoginsCountForTheAddress) {
    web.RefuseTokens("invalid_grant");
    const std::string cookie = Cookie(Start(), kLoginCookie);
    const std::string query = "code=c&state=" + ParseLoginAttempt(cookie)->state;
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(Word(Finish(cookie, query)), "303 /login?error=LoginFailed");
    const auto over = Finish(cookie, query);
    EXPECT_EQ(Word(over), "429 TooManyRequests");
    EXPECT_EQ(over.error().retry_after, std::chrono::seconds(60));
    EXPECT_EQ(web.Asked(std::string(testing::kFakeIssuer) + "/token"), 10U);
    time += std::chrono::seconds(60);
    EXPECT_EQ(Word(Finish(cookie, query)), "303 /login?error=LoginFailed");
}

TEST_F(LoginTest, LoginsThatSucceedAndAProviderThatIsAwayCountForNobody) {
    TakeIdTokens();
    for (int i = 0; i < 12; ++i)
        LogIn("alice");
    const std::string cookie = Cookie(Start(), kLoginCookie);
    const std::string query = "code=c&state=" + ParseLoginAttempt(cookie)->state;
    web.answers.erase(std::string(testing::kFakeIssuer) + "/token");
    for (int i = 0; i < 12; ++i)
        EXPECT_EQ(Word(Finish(cookie, query)), "303 /login?error=LoginAway");
}

TEST_F(LoginTest, OnlySoManyCodesAreExchangedAtATime) {
    const std::string cookie = Cookie(Start(), kLoginCookie);
    const std::string query = "code=c&state=" + ParseLoginAttempt(cookie)->state;
    web.answers.erase(std::string(testing::kFakeIssuer) + "/token");
    Call call =
        With({{"Cookie", std::string(kLoginCookie) + "=" + cookie}}, query, {{"code"}, {"state"}});
    std::vector<Outcome> all;
    kube::testing::Run(io, FinishTogether(login, call, 20, all));
    ASSERT_EQ(all.size(), 20U);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(Word(all[i]), "503 LoginAway");
        EXPECT_EQ(all[i].error().retry_after, std::chrono::seconds(2));
    }
    EXPECT_EQ(web.Asked(std::string(testing::kFakeIssuer) + "/token"), 16U);
    EXPECT_EQ(Word(Finish(cookie, query)), "303 /login?error=LoginAway") << "they are given back";
}

TEST(TriesTest, ManyAddressesTakeNoMemory) {
    Tries tries(1, 100);
    const Seconds now{};
    for (int i = 0; i < 1000; ++i)
        EXPECT_EQ(tries.Take(std::to_string(i), now), i < 100);
    EXPECT_EQ(tries.Size(), 100U);
    EXPECT_FALSE(tries.Take("0", now));
    EXPECT_TRUE(tries.Take("new", now + std::chrono::minutes(1)));
    EXPECT_EQ(tries.Size(), 1U);
}

TEST_F(LoginTest, AWriteByCookieMustBeOurPages) {
    const std::string cookie = Cookie(Paste("carol-token"), kSessionCookie);
    const std::string csrf = CsrfToken(*ParseSessionKey(cookie, SessionKind::kBrowser));
    EXPECT_TRUE(Open(cookie, "POST", {{"Origin", kOrigin}, {"X-CSRF-Token", csrf}}));
    for (const kube::HttpFields& fields :
         {kube::HttpFields{}, kube::HttpFields{{"Origin", kOrigin}},
          kube::HttpFields{{"X-CSRF-Token", csrf}},
          kube::HttpFields{{"Origin", "https://evil.example"}, {"X-CSRF-Token", csrf}}})
        for (const char* method : {"POST", "PUT", "DELETE", "PATCH"})
            EXPECT_EQ(Open(cookie, method, fields).error().reason, "CrossSite");
    EXPECT_TRUE(Open(cookie, "GET"));
    // It is no bearer, which needs none of this.
    EXPECT_EQ(Open(cookie, "GET", {}, false).error().reason, "LoginExpired");
    EXPECT_EQ(Open("x").error().reason, "LoginExpired");
    EXPECT_EQ(Open(Format(NewSessionKey())).error().reason, "LoginExpired");
}

TEST_F(LoginTest, LogoutEndsTheSession) {
    TakeIdTokens();
    const std::string cookie = LogIn("alice"), other = LogIn("alice"), bobs = LogIn("bob");
    const auto caller = Open(cookie);
    const auto ended = Logout(cookie);
    ASSERT_TRUE(ended);
    EXPECT_EQ(kube::testing::Run(io, caller->current_token()).error().status, 401);
    EXPECT_THAT(Text(ended, "next"), StartsWith("https://login.example/end?client_id=portal"));
    EXPECT_THAT(ended->fields,
                ::testing::Contains(::testing::Pair("Set-Cookie", ClearSessionCookie())));
    EXPECT_EQ(Open(cookie).error().reason, "LoginExpired");
    EXPECT_TRUE(Open(other));
    EXPECT_TRUE(Open(bobs));
    EXPECT_EQ(secrets.stored.size(), 2U);
}

TEST_F(LoginTest, LogoutEverywhereEndsAllOfOnePerson) {
    TakeIdTokens();
    const std::string cookie = LogIn("alice"), other = LogIn("alice"), bobs = LogIn("bob");
    ASSERT_TRUE(Logout(cookie, "everywhere=true"));
    EXPECT_FALSE(Open(cookie));
    EXPECT_FALSE(Open(other));
    EXPECT_TRUE(Open(bobs));
    EXPECT_EQ(Word(Logout(cookie, "everywhere=true")), "401 LoginExpired");
    EXPECT_EQ(Word(Logout(bobs, "everywhere=maybe")), "400 BadRequest");
    const kube::HttpFields bearer{{"Authorization", "Bearer carol-token"}};
    EXPECT_EQ(Word(LogoutWith(bearer)), "400 BadRequest");
}

TEST_F(LoginTest, ATokenOfTheApiServersEndsAllOfItsUser) {
    const std::string carols = Cookie(Paste("carol-token"), kSessionCookie);
    const std::string daves = Cookie(Paste("dave-token"), kSessionCookie);
    EXPECT_EQ(Word(LogoutWith({{"Authorization", "Bearer forged"}}, "everywhere=true")),
              "401 LoginExpired");
    EXPECT_TRUE(LogoutWith({{"Authorization", "Bearer carol-token"}}, "everywhere=true"));
    EXPECT_FALSE(Open(carols));
    EXPECT_TRUE(Open(daves));
    EXPECT_EQ(secrets.stored.size(), 1U);
}

TEST_F(LoginTest, LogoutWorksWhenTheTokenHasEndedAndTheProviderIsAway) {
    TakeIdTokens();
    const std::string cookie = LogIn("alice"), other = LogIn("alice"), ended = LogIn("alice");
    web.RefuseTokens("invalid_grant");
    time += std::chrono::seconds(301);
    EXPECT_EQ(Open(ended).error().reason, "LoginExpired");
    web.answers.clear();
    time += std::chrono::minutes(30);
    EXPECT_EQ(Open(cookie).error().reason, "LoginAway");
    Answer(503);  // and nobody says whom a token belongs to
    for (const std::string& each : {cookie, ended}) {
        const auto answer = Logout(each);
        EXPECT_EQ(Word(answer), "200 ");
        EXPECT_EQ(Cookie(answer, kSessionCookie), "");
        EXPECT_THAT(answer->fields,
                    ::testing::Contains(::testing::Pair("Set-Cookie", ClearSessionCookie())));
    }
    EXPECT_EQ(secrets.stored.size(), 1U);
    EXPECT_TRUE(Logout(other, "everywhere=true"));
    EXPECT_TRUE(secrets.stored.empty());
}

TEST_F(LoginTest, LogoutOfASessionThatHasGoneClearsTheCookie) {
    const std::string cookie = Cookie(Paste("carol-token"), kSessionCookie);
    secrets.stored.clear();
    secrets.Tell();
    time += std::chrono::seconds(61);
    for (const std::string& each : {cookie, Format(NewSessionKey()), std::string("x")})
        EXPECT_THAT(Logout(each)->fields,
                    ::testing::Contains(::testing::Pair("Set-Cookie", ClearSessionCookie())));
    EXPECT_EQ(Word(LogoutWith({})), "401 LoginRequired");
    secrets.fails = 503;
    EXPECT_EQ(Word(Logout(Format(NewSessionKey()))), "503 LoginAway") << "it may be there";
}

TEST_F(LoginTest, OnlyOurOwnPageLogsOut) {
    const std::string cookie = Cookie(Paste("carol-token"), kSessionCookie);
    const std::string field = std::string(kSessionCookie) + "=" + cookie;
    const std::string csrf = CsrfToken(*ParseSessionKey(cookie, SessionKind::kBrowser));
    EXPECT_EQ(Word(LogoutWith({{"Cookie", field}})), "403 CrossSite");
    EXPECT_EQ(Word(LogoutWith({{"Cookie", field}, {"Origin", kOrigin}})), "403 CrossSite");
    EXPECT_EQ(Word(LogoutWith(
                  {{"Cookie", field}, {"Origin", "https://evil.example"}, {"X-CSRF-Token", csrf}})),
              "403 CrossSite");
    EXPECT_EQ(secrets.stored.size(), 1U);
}

TEST_F(LoginTest, ASessionIsRenewedWhileItIsUsed) {
    TakeIdTokens();
    const std::string cookie = LogIn("alice");
    const std::string before = Open(cookie)->token;
    time += std::chrono::seconds(301);
    web.GiveTokens(IdToken("alice", ""), "refresh-2");
    const auto after = Open(cookie);
    ASSERT_TRUE(after);
    EXPECT_NE(after->token, before);
    // And when the provider has ended the login, that is said.
    time += std::chrono::seconds(301);
    web.RefuseTokens("invalid_grant");
    EXPECT_THAT(Open(cookie).error().detail, HasSubstr("the provider has ended this login"));
    EXPECT_EQ(Text(SessionOf(cookie), "why"), "the provider has ended this login");
}

TEST_F(LoginTest, WithoutTheStoreNobodyIsLoggedOut) {
    const std::string cookie = Cookie(Paste("carol-token"), kSessionCookie);
    time += std::chrono::seconds(61);  // not in memory any more
    secrets.fails = 503;
    EXPECT_EQ(Open(cookie).error().reason, "LoginAway");
    EXPECT_EQ(Word(SessionOf(cookie)), "503 LoginAway");
    EXPECT_EQ(Word(Paste("carol-token")), "503 LoginAway");
    secrets.fails = 0;
    EXPECT_TRUE(Open(cookie));
}

}  // namespace
}  // namespace dlws::portal

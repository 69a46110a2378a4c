// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/cli_login.h"

#include "portal/server/session/crypto.h"
#include "portal/server/session/testing/login_fixture.h"

namespace dlws::portal {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;

// The pair of RFC 7636, appendix B.
constexpr const char* kVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
constexpr const char* kChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
constexpr const char* kHere = "http://127.0.0.1:40123/?code=";

class CliLoginTest : public LoginTest {
  protected:
    CliLoginTest() {
        TakeIdTokens();
        secrets.Watch([this](const kube::Change& change) { other_store.Observe(change); });
    }

    static std::string Query(const std::string& port, const std::string& challenge = kChallenge) {
        return "cliPort=" + port + "&cliChallenge=" + challenge;
    }
    // The login that waits: the cookie's value.
    std::string Wait(const std::string& who = "alice") {
        const std::string attempt = Cookie(Start(Query("40123")), kLoginCookie);
        web.GiveTokens(IdToken(who, ParseLoginAttempt(attempt)->nonce), "refresh");
        const auto finished = Finish(attempt, "code=c&state=" + ParseLoginAttempt(attempt)->state);
        secrets.Tell();
        EXPECT_EQ(Word(finished), "303 /");
        EXPECT_EQ(Cookie(finished, kSessionCookie), "") << "it is no login of the browser's";
        return Cookie(finished, kCliCookie);
    }
    static std::string Field(const std::string& cookie) {
        return std::string(kCliCookie) + "=" + cookie;
    }
    static kube::HttpFields OurPage(const std::string& cookie) {
        const auto key = ParseSessionKey(cookie, SessionKind::kCliCode);
        return {{"Cookie", Field(cookie)},
                {"Origin", kOrigin},
                {"X-CSRF-Token", key ? CsrfToken(*key) : ""}};
    }
    Outcome ConfirmAt(CliLogin& at, kube::HttpFields fields, const std::string& query = "") {
        Call call = With(std::move(fields), query, {{"deny"}});
        call.request.method = "POST";
        return kube::testing::Run(io, at.Confirm(std::move(call)));
    }
    Outcome ConfirmWith(kube::HttpFields fields, const std::string& query = "") {
        return ConfirmAt(login.Cli(), std::move(fields), query);
    }
    std::string Confirm(const std::string& cookie) {
        const auto confirmed = ConfirmWith(OurPage(cookie));
        const std::string next = confirmed ? Text(confirmed, "next") : Word(confirmed);
        EXPECT_THAT(next, StartsWith(kHere));
        return next.substr(std::min(next.size(), std::string(kHere).size()));
    }
    Outcome RedeemAt(CliLogin& at, const std::string& body) {
        Call call = With({});
        call.request.method = "POST";
        call.request.body = body;
        return kube::testing::Run(io, at.Redeem(std::move(call)));
    }
    static std::string Body(const std::string& code, const std::string& verifier = kVerifier) {
        return json::serialize(json::object{{"code", code}, {"verifier", verifier}});
    }
    Outcome Redeem(const std::string& code, const std::string& verifier = kVerifier) {
        return RedeemAt(login.Cli(), Body(code, verifier));
    }
    // The whole of it; what comes after "dlws1.".
    std::string Bearer(const std::string& who = "alice") {
        const auto redeemed = Redeem(Confirm(Wait(who)));
        secrets.Tell();
        EXPECT_EQ(Word(redeemed), "200 ");
        const std::string token = redeemed ? Text(redeemed, "token") : "";
        EXPECT_THAT(token, StartsWith("dlws1."));
        return token.substr(std::min<std::size_t>(token.size(), 6));
    }
    std::string ReasonOf(const std::string& credential, bool browser) {
        const auto opened = Open(credential, "GET", {}, browser);
        return opened ? "opened" : opened.error().reason;
    }
    Outcome SessionOfCookies(const std::string& cookies) {
        return kube::testing::Run(io, login.GetSession(With({{"Cookie", cookies}})));
    }

    SessionStore other_store{secrets, StoreSettings()};
    CliLogin other{other_store, {kOrigin, {}, [this] { return time; }}};
};

TEST_F(CliLoginTest, TheCommandLineActsAsWhoSaysYes) {
    const std::string waits = Wait();
    const auto question = SessionOfCookies(Field(waits));
    EXPECT_EQ(Text(question, "loggedIn"), "true");
    EXPECT_EQ(Text(question, "cliWaits"), "true");
    EXPECT_EQ(Text(question, "username"), "alice@example.org");
    const auto confirmed = ConfirmWith({{"Cookie", Field(waits)},
                                        {"Origin", kOrigin},
                                        {"X-CSRF-Token", Text(question, "csrfToken")}});
    ASSERT_EQ(Word(confirmed), "200 ");
    EXPECT_THAT(confirmed->fields, Contains(Pair("Set-Cookie", ClearCliCookie())));
    const std::string next = Text(confirmed, "next");
    ASSERT_THAT(next, StartsWith(kHere));
    const auto redeemed = Redeem(next.substr(std::string(kHere).size()));
    secrets.Tell();
    ASSERT_EQ(Word(redeemed), "200 ");
    EXPECT_EQ(Text(redeemed, "username"), "alice@example.org");
    EXPECT_EQ(Text(redeemed, "expiresAt"), "2027-01-16T08:00:00Z");
    const std::string token = Text(redeemed, "token");
    EXPECT_LE(token.size(), 256U);
    ASSERT_THAT(token, StartsWith("dlws1."));
    // No browser sends it by itself, so a write needs nothing more.
    const auto caller = Open(token.substr(6), "POST", {}, false);
    ASSERT_TRUE(caller);
    EXPECT_THAT(caller->token, StartsWith("ey"));
    EXPECT_EQ(secrets.stored.size(), 1U) << "the code is gone";
}

TEST_F(CliLoginTest, WhatIsWantedIsAPortOfAProgramAndAChallenge) {
    for (const char* port : {"", "0", "80", "1023", "65536", "-40123", "+40123", "40123x", "0x9c3b",
                             "4e4", "40123.0", "localhost", "127.0.0.1:40123"}) {
        const auto refused = Start(Query(port));
        EXPECT_EQ(Word(refused), "400 BadRequest") << port;
        EXPECT_EQ(refused.error().errors.at(0).field, "query.cliPort");
        EXPECT_THAT(refused.error().errors.at(0).message, HasSubstr("1024 to 65535"));
    }
    for (const std::string& challenge :
         {std::string(), std::string("short"), std::string(kChallenge) + "A", std::string(44, 'A'),
          std::string(42, 'A') + "."})
        EXPECT_EQ(Start(Query("40123", challenge)).error().errors.at(0).field, "query.cliChallenge")
            << challenge;
    EXPECT_EQ(Word(Start("cliPort=40123")), "400 BadRequest");
    EXPECT_EQ(Word(Start(std::string("cliChallenge=") + kChallenge)), "400 BadRequest");
    for (const char* port : {"1024", "65535"})
        EXPECT_EQ(Start(Query(port))->status, 303) << port;
}

TEST_F(CliLoginTest, AnotherSiteDoesNotBeginIt) {
    const auto start = [&](const std::string& site, const std::string& query) {
        return Word(kube::testing::Run(
            io, login.StartLogin(With({{"Sec-Fetch-Site", site}}, query,
                                      {{"return"}, {"cliPort"}, {"cliChallenge"}}))));
    };
    for (const char* site : {"cross-site", "same-site"}) {
        EXPECT_EQ(start(site, Query("40123")), "403 CrossSite") << site;
        EXPECT_THAT(start(site, ""), StartsWith("303 ")) << "a link to the portal is fine";
    }
    // As xdg-open and a pasted address do it.
    EXPECT_THAT(start("none", Query("40123")), StartsWith("303 "));
}

TEST_F(CliLoginTest, OnlyOurOwnPageSaysYes) {
    const std::string waits = Wait();
    const std::string csrf = CsrfToken(*ParseSessionKey(waits, SessionKind::kCliCode));
    for (const kube::HttpFields& fields :
         {kube::HttpFields{{"Cookie", Field(waits)}},
          kube::HttpFields{{"Cookie", Field(waits)}, {"Origin", kOrigin}},
          kube::HttpFields{{"Cookie", Field(waits)}, {"X-CSRF-Token", csrf}},
          kube::HttpFields{{"Cookie", Field(waits)},
                           {"Origin", "https://evil.example"},
                           {"X-CSRF-Token", csrf}}})
        for (const char* query : {"", "deny=true"})
            EXPECT_EQ(Word(ConfirmWith(fields, query)), "403 CrossSite");
    EXPECT_EQ(Word(ConfirmWith({})), "401 LoginRequired");
    // A session of the browser's own is not what waits.
    const std::string session = LogIn("alice");
    EXPECT_EQ(Word(ConfirmWith(
                  {{"Cookie", std::string(kSessionCookie) + "=" + session},
                   {"Origin", kOrigin},
                   {"X-CSRF-Token", CsrfToken(*ParseSessionKey(session, SessionKind::kBrowser))}})),
              "401 LoginRequired");
    EXPECT_EQ(Word(ConfirmWith(OurPage(session))), "401 LoginExpired");
    EXPECT_EQ(Word(ConfirmWith(OurPage(waits), "deny=perhaps")), "400 BadRequest");
    Confirm(waits);
}

TEST_F(CliLoginTest, WhoSaysNoLeavesNothing) {
    const std::string waits = Wait();
    const auto denied = ConfirmWith(OurPage(waits), "deny=true");
    EXPECT_EQ(Text(denied, "next"), "http://127.0.0.1:40123/?error=access_denied");
    EXPECT_THAT(denied->fields, Contains(Pair("Set-Cookie", ClearCliCookie())));
    EXPECT_TRUE(secrets.stored.empty());
    EXPECT_EQ(Word(ConfirmWith(OurPage(waits))), "401 LoginExpired");
    EXPECT_EQ(Word(Redeem(waits)), "401 LoginExpired");
}

TEST_F(CliLoginTest, NobodyHasSaidYesYet) {
    EXPECT_EQ(Word(Redeem(Wait())), "401 LoginExpired");
}

TEST_F(CliLoginTest, ACodeIsGoodOnce) {
    const std::string code = Confirm(Wait());
    ASSERT_EQ(Word(Redeem(code)), "200 ");
    EXPECT_EQ(Word(Redeem(code)), "401 LoginExpired");
    time += std::chrono::seconds(11);  // it was not kept as refused only
    EXPECT_EQ(Word(Redeem(code)), "401 LoginExpired");
    EXPECT_EQ(secrets.stored.size(), 1U);
}

TEST_F(CliLoginTest, ACodeIsForWhoHasTheVerifier) {
    const std::string code = Confirm(Wait());
    for (const std::string& verifier : {std::string(kChallenge), std::string(43, 'a')})
        EXPECT_EQ(Word(Redeem(code, verifier)), "401 LoginExpired");
    EXPECT_EQ(Word(Redeem(code)), "200 ");
}

TEST_F(CliLoginTest, ACodeIsGoodForAMinute) {
    const std::string code = Confirm(Wait()), later = Confirm(Wait());
    time += std::chrono::seconds(59);
    EXPECT_EQ(Word(Redeem(code)), "200 ");
    time += std::chrono::seconds(1);
    EXPECT_EQ(Word(Redeem(later)), "401 LoginExpired");
}

TEST_F(CliLoginTest, AnAnswerIsAwaitedForTenMinutes) {
    TakeIdTokens();
    const std::string waits = Wait(), later = Wait();
    time += std::chrono::seconds(299);  // the token, which nothing renews, ends after 300
    EXPECT_EQ(Text(SessionOfCookies(Field(waits)), "cliWaits"), "true");
    Confirm(waits);
    time += std::chrono::seconds(301);
    EXPECT_EQ(Text(SessionOfCookies(Field(later)), "loggedIn"), "false");
    EXPECT_EQ(Word(ConfirmWith(OurPage(later))), "401 LoginExpired");
}

TEST_F(CliLoginTest, EachStepMayBeAnotherReplicas) {
    const std::string waits = Wait();
    // It has it in memory as it was.
    ASSERT_TRUE(
        kube::testing::Run(io, other_store.Read(*ParseSessionKey(waits, SessionKind::kCliCode))));
    const std::string code = Confirm(waits);
    EXPECT_EQ(Word(RedeemAt(other, Body(code))), "200 ");
    EXPECT_EQ(Word(Redeem(code)), "401 LoginExpired");
}

TEST_F(CliLoginTest, OfTwoReplicasOneGivesTheToken) {
    const std::string code = Confirm(Wait());
    // After both have read it the other deletes it first.
    secrets.before_write = [&](const std::string& verb) {
        if (verb == "delete") secrets.stored.clear();
        return true;
    };
    EXPECT_EQ(Word(Redeem(code)), "401 LoginExpired");
    EXPECT_TRUE(secrets.stored.empty());
}

TEST_F(CliLoginTest, AnotherAnswerWasFirst) {
    const std::string waits = Wait();
    EXPECT_EQ(Word(ConfirmAt(other, OurPage(waits))), "200 ");
    // The watch has not told it here yet.
    const auto again = ConfirmWith(OurPage(waits));
    EXPECT_EQ(Word(again), "401 LoginExpired");
    EXPECT_THAT(again.error().detail, HasSubstr("it was answered"));
}

TEST_F(CliLoginTest, WhatIsInACookieIsNoBearerAndTheOtherWayRound) {
    const std::string session = LogIn("alice"), bearer = Bearer(), waits = Wait();
    EXPECT_EQ(ReasonOf(session, true), "opened");
    EXPECT_EQ(ReasonOf(session, false), "LoginExpired");
    EXPECT_EQ(ReasonOf(bearer, false), "opened");
    EXPECT_EQ(ReasonOf(bearer, true), "LoginExpired");
    for (const bool browser : {true, false})
        EXPECT_EQ(ReasonOf(waits, browser), "LoginExpired") << browser;
    const std::string code = Confirm(waits);
    for (const bool browser : {true, false})
        EXPECT_EQ(ReasonOf(code, browser), "LoginExpired") << browser;
    for (const std::string& other_kind : {session, bearer}) {
        EXPECT_EQ(Word(Redeem(other_kind)), "401 LoginExpired");
        EXPECT_EQ(Text(SessionOfCookies(Field(other_kind)), "loggedIn"), "false");
    }
    EXPECT_EQ(Text(SessionOf(bearer), "loggedIn"), "false");
}

TEST_F(CliLoginTest, TheBrowsersOwnSessionStaysAsItIs) {
    const std::string session = std::string(kSessionCookie) + "=" + LogIn("bob");
    const std::string waits = Wait("alice");
    const auto both = SessionOfCookies(session + "; " + Field(waits));
    EXPECT_EQ(Text(both, "username"), "alice@example.org") << "whom it is asked about";
    Confirm(waits);
    const auto afterwards = SessionOfCookies(session + "; " + Field(waits));
    EXPECT_EQ(Text(afterwards, "username"), "bob@example.org");
    EXPECT_EQ(Text(afterwards, "cliWaits"), "");
}

TEST_F(CliLoginTest, ALogoutEndsItAndSoDoesOneEverywhere) {
    const std::string bearer = Bearer();
    EXPECT_EQ(Word(LogoutWith({{"Authorization", "Bearer dlws1." + bearer}})), "200 ");
    EXPECT_EQ(ReasonOf(bearer, false), "LoginExpired");
    const std::string another = Bearer(), session = LogIn("alice");
    ASSERT_TRUE(Logout(session, "everywhere=true"));
    EXPECT_EQ(ReasonOf(another, false), "LoginExpired");
    // What is no bearer ends nothing either.
    const std::string last = LogIn("alice");
    EXPECT_EQ(Word(LogoutWith({{"Authorization", "Bearer dlws1." + last}})), "200 ");
    EXPECT_EQ(ReasonOf(last, true), "opened");
}

TEST_F(CliLoginTest, ItIsRenewedAndEndsAfterThirtyDays) {
    const std::string bearer = Bearer();
    const Seconds began = time;
    int renewals = 0;
    for (; time < began + std::chrono::days(30); time += std::chrono::hours(20), ++renewals) {
        web.GiveTokens(IdToken("alice", ""), "refresh-" + std::to_string(renewals));
        ASSERT_EQ(ReasonOf(bearer, false), "opened") << renewals;
    }
    EXPECT_EQ(renewals, 36);
    EXPECT_THAT(Open(bearer, "GET", {}, false).error().detail, HasSubstr("30 days"));
}

TEST_F(CliLoginTest, OtherBodiesAreNotRead) {
    const std::string code(32, 'a'), verifier(43, 'a');
    for (const std::string& body :
         {std::string(), std::string("{}"), std::string("[]"), std::string("{"),
          std::string(R"({"code":"aaaaaaaaaaaaaaaa"})"), Body("short", verifier),
          Body(std::string(257, 'a'), verifier), Body(code + "~", verifier),
          Body(code, std::string(42, 'a')), Body(code, std::string(129, 'a')),
          Body(code, verifier + "+"), std::string(R"({"code":1,"verifier":2})"),
          json::serialize(json::object{{"code", code}, {"verifier", verifier}, {"more", true}})})
        EXPECT_EQ(Word(RedeemAt(login.Cli(), body)), "400 BadRequest") << body;
}

TEST_F(CliLoginTest, TenWrongCodesAMinuteFromOneAddress) {
    const std::string good = Confirm(Wait());
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(Word(Redeem(Format(NewSessionKey()))), "401 LoginExpired");
    EXPECT_EQ(Word(Redeem(good)), "429 TooManyRequests");
    time += std::chrono::seconds(59);
    EXPECT_EQ(Word(Redeem(good)), "429 TooManyRequests");
}

TEST_F(CliLoginTest, WithoutTheStoreItIsSaid) {
    const std::string waits = Wait(), code = Confirm(Wait());
    secrets.fails = 503;
    EXPECT_EQ(Word(ConfirmWith(OurPage(waits))), "503 LoginAway");
    EXPECT_EQ(Word(Redeem(code)), "503 LoginAway");
    secrets.fails = 0;
    EXPECT_EQ(Word(Redeem(code)), "200 ") << "nothing was used up";
}

}  // namespace
}  // namespace dlws::portal

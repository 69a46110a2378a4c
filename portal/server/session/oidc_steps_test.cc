// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/oidc_steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "portal/server/session/crypto.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

constexpr std::string_view kIssuer = "https://login.example/realm";
constexpr std::int64_t kNow = 1'800'000'000;

OidcClient Client() {
    OidcClient client;
    client.issuer = kIssuer;
    client.client_id = "dlws portal";
    client.client_secret = Secret("s:e/c ret");
    client.scopes = {"email", "groups"};
    client.redirect_uri = "https://portal.example/auth/callback";
    return client;
}

json::object Document() {
    return {{"issuer", kIssuer},
            {"authorization_endpoint", "https://login.example/auth"},
            {"token_endpoint", "https://login.example/token"},
            {"jwks_uri", "https://login.example/jwks"},
            {"end_session_endpoint", "https://login.example/end"},
            {"scopes_supported", {"openid", "offline_access"}},
            {"code_challenge_methods_supported", {"plain", "S256"}},
            {"authorization_response_iss_parameter_supported", true}};
}
Discovery Known() {
    return ParseDiscovery(json::serialize(Document()), kIssuer).value();
}

TEST(OidcDiscoveryTest, ItIsAtTheIssuer) {
    EXPECT_EQ(DiscoveryUrl("https://a.example"),
              "https://a.example/.well-known/openid-configuration");
    EXPECT_EQ(DiscoveryUrl("https://a.example/realm/"),
              "https://a.example/realm/.well-known/openid-configuration");
}

TEST(OidcDiscoveryTest, ItIsRead) {
    const Discovery known = Known();
    EXPECT_EQ(known.authorization_endpoint, "https://login.example/auth");
    EXPECT_EQ(known.token_endpoint, "https://login.example/token");
    EXPECT_EQ(known.jwks_uri, "https://login.example/jwks");
    EXPECT_EQ(known.end_session_endpoint, "https://login.example/end");
    EXPECT_TRUE(known.offers_offline);
    EXPECT_TRUE(known.names_itself);
    EXPECT_TRUE(known.takes_basic);
    json::object plain = Document();
    for (const char* optional :
         {"end_session_endpoint", "scopes_supported", "code_challenge_methods_supported",
          "authorization_response_iss_parameter_supported"})
        plain.erase(optional);
    plain["token_endpoint_auth_methods_supported"] = json::array{"client_secret_post"};
    const auto least = ParseDiscovery(json::serialize(plain), kIssuer);
    ASSERT_TRUE(least) << least.error();
    EXPECT_EQ(least->end_session_endpoint, "");
    EXPECT_FALSE(least->offers_offline);
    EXPECT_FALSE(least->names_itself);
    EXPECT_FALSE(least->takes_basic);
}

TEST(OidcDiscoveryTest, AnotherIssuerIsRefused) {
    for (const char* other : {"https://login.example/realm/", "https://login.example",
                              "https://evil.example/realm", "", "http://login.example/realm"}) {
        json::object document = Document();
        document["issuer"] = other;
        EXPECT_FALSE(ParseDiscovery(json::serialize(document), kIssuer)) << other;
    }
}

TEST(OidcDiscoveryTest, EachEndpointMustBeHttps) {
    for (const char* name :
         {"authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"})
        for (const char* url : {"http://login.example/x", "http://127.0.0.1/x",
                                "file:///etc/passwd", "x", "https://user:pass@login.example/x",
                                "https:///x", "javascript:alert(1)", "https://login.example/x#y"}) {
            json::object document = Document();
            document[name] = url;
            EXPECT_FALSE(ParseDiscovery(json::serialize(document), kIssuer)) << name << url;
        }
    for (const char* name : {"authorization_endpoint", "token_endpoint", "jwks_uri"}) {
        json::object document = Document();
        document.erase(name);
        EXPECT_FALSE(ParseDiscovery(json::serialize(document), kIssuer)) << name;
    }
}

TEST(OidcDiscoveryTest, WithoutPkceOrJsonItIsRefused) {
    json::object document = Document();
    document["code_challenge_methods_supported"] = json::array{"plain"};
    EXPECT_FALSE(ParseDiscovery(json::serialize(document), kIssuer));
    for (const std::string& text : {std::string(), std::string("[]"), std::string("<html>"),
                                    std::string(kMaxDiscovery + 1, ' ')})
        EXPECT_FALSE(ParseDiscovery(text, kIssuer));
}

TEST(OidcStepsTest, TheBrowserIsSentWithStateNonceAndChallenge) {
    LoginAttempt attempt = NewLoginAttempt("/");
    // RFC 7636, appendix B.
    attempt.verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const std::string url = AuthorizationUrl(Known(), Client(), attempt);
    EXPECT_THAT(url, ::testing::StartsWith("https://login.example/auth?response_type=code&"));
    for (const std::string& part :
         {std::string("client_id=dlws%20portal"), "state=" + attempt.state,
          "nonce=" + attempt.nonce, std::string("code_challenge_method=S256"),
          std::string("code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
          std::string("redirect_uri=https%3A%2F%2Fportal.example%2Fauth%2Fcallback"),
          std::string("scope=openid%20email%20groups%20offline_access"),
          std::string("prompt=consent")})
        EXPECT_THAT(url, HasSubstr("&" + part)) << part;
    EXPECT_THAT(url, Not(HasSubstr(attempt.verifier)));
    EXPECT_THAT(url, Not(HasSubstr("ret")));  // of the secret
    Discovery plain = Known();
    plain.offers_offline = false;
    plain.authorization_endpoint = "https://login.example/auth?tenant=1";
    EXPECT_THAT(AuthorizationUrl(plain, Client(), attempt),
                ::testing::AllOf(
                    ::testing::StartsWith("https://login.example/auth?tenant=1&response_type=code"),
                    Not(HasSubstr("offline_access"))));
}

class OidcCallbackTest : public ::testing::Test {
  protected:
    LoginAttempt attempt_ = NewLoginAttempt("/");
    Callback good_{"code", attempt_.state, std::string(kIssuer), "", ""};
    Checked<std::string> Check(const Callback& callback) const {
        return CheckCallback(callback, attempt_, Known());
    }
};

TEST_F(OidcCallbackTest, ItsCodeIsTaken) {
    EXPECT_EQ(Check(good_), "code");
    Discovery silent = Known();
    silent.names_itself = false;
    Callback without = good_;
    without.iss = "";
    EXPECT_TRUE(CheckCallback(without, attempt_, silent));
    without.iss = "https://evil.example";
    EXPECT_FALSE(CheckCallback(without, attempt_, silent));
}

TEST_F(OidcCallbackTest, AnotherStateIsRefused) {
    Callback swapped = good_;
    for (const std::string& state :
         {NewLoginAttempt("/").state, std::string(), attempt_.state + "A", attempt_.nonce}) {
        swapped.state = state;
        EXPECT_FALSE(Check(swapped));
    }
}

TEST_F(OidcCallbackTest, AnotherProviderIsRefused) {
    Callback other = good_;
    for (const char* iss : {"", "https://evil.example", "https://login.example/realm/"}) {
        other.iss = iss;
        EXPECT_FALSE(Check(other)) << iss;
    }
}

TEST_F(OidcCallbackTest, ARefusalIsSaidInWords) {
    Callback refused = good_;
    refused.error = "invalid_scope";
    refused.error_description = "not\r\nallowed";
    EXPECT_THAT(Check(refused).error(), HasSubstr("invalid_scope (not  allowed)"));
    refused.error = "access_denied";
    EXPECT_FALSE(Check(refused));
    refused.state = "";  // a page of somebody else's words about our login
    EXPECT_THAT(Check(refused).error(), Not(HasSubstr("denied")));
    Callback empty = good_;
    empty.code = "";
    EXPECT_FALSE(Check(empty));
}

TEST(OidcStepsTest, TokensAreAskedForWithTheVerifier) {
    const TokenRequest request = CodeRequest(Known(), Client(), "co/de", "verifier");
    EXPECT_EQ(request.form,
              "grant_type=authorization_code&code=co%2Fde&redirect_uri=https%3A%2F%2Fportal."
              "example%2Fauth%2Fcallback&code_verifier=verifier");
    ASSERT_EQ(request.fields.size(), 1U);
    // base64("dlws%20portal:s%3Ae%2Fc%20ret")
    EXPECT_EQ(request.fields[0].second, "Basic ZGx3cyUyMHBvcnRhbDpzJTNBZSUyRmMlMjByZXQ=");
    Discovery post = Known();
    post.takes_basic = false;
    const TokenRequest posted = RefreshRequest(post, Client(), Secret("re=fresh"));
    EXPECT_EQ(posted.form,
              "grant_type=refresh_token&refresh_token=re%3Dfresh&client_id=dlws%20"
              "portal&client_secret=s%3Ae%2Fc%20ret");
    EXPECT_TRUE(posted.fields.empty());
    OidcClient open = Client();
    open.client_secret = Secret();
    const TokenRequest without = RefreshRequest(Known(), open, Secret("r"));
    EXPECT_THAT(without.form, HasSubstr("client_id=dlws%20portal"));
    EXPECT_TRUE(without.fields.empty());
}

TEST(OidcStepsTest, TheTokenEndpointsAnswerIsRead) {
    const auto both = ParseTokens(200, R"({"id_token":"a.b.c","refresh_token":"r"})");
    ASSERT_TRUE(both);
    EXPECT_EQ(both->id_token.Reveal(), "a.b.c");
    EXPECT_EQ(both->refresh_token.Reveal(), "r");
    EXPECT_TRUE(ParseTokens(200, R"({"id_token":"a.b.c"})")->refresh_token.Empty());
    EXPECT_TRUE(ParseTokens(200, R"({"access_token":"a"})").error().final);
    EXPECT_FALSE(ParseTokens(200, "<html>").error().final);
}

TEST(OidcStepsTest, OnlyAWordOfRefusalIsFinal) {
    EXPECT_TRUE(ParseTokens(400, R"({"error":"invalid_grant"})").error().final);
    EXPECT_TRUE(ParseTokens(401, R"({"error":"invalid_client"})").error().final);
    EXPECT_FALSE(ParseTokens(400, "<html>").error().final);
    EXPECT_FALSE(ParseTokens(503, R"({"error":"invalid_grant"})").error().final);
    EXPECT_FALSE(ParseTokens(429, R"({"error":"slow_down"})").error().final);
    EXPECT_FALSE(ParseTokens(302, "").error().final);
}

class IdTokenTest : public ::testing::Test {
  protected:
    json::object good_{{"iss", kIssuer},    {"sub", "alice"},  {"aud", "dlws portal"},
                       {"exp", kNow + 300}, {"iat", kNow - 5}, {"nonce", "nonce"}};
    Expected expected_{std::string(kIssuer), "dlws portal", "nonce", "",
                       Seconds(std::chrono::seconds(kNow))};

    Checked<Claims> Check(const json::object& claims) const {
        return CheckIdToken(json::serialize(claims), expected_);
    }
    Checked<Claims> With(std::string_view name, json::value value) const {
        json::object claims = good_;
        claims[name] = std::move(value);
        return Check(claims);
    }
};

TEST_F(IdTokenTest, AGoodOneIsTaken) {
    const auto claims = Check(good_);
    ASSERT_TRUE(claims) << claims.error();
    EXPECT_EQ(claims->subject, "alice");
    EXPECT_EQ(claims->ends.time_since_epoch().count(), kNow + 300);
    EXPECT_EQ(claims->issued.time_since_epoch().count(), kNow - 5);
    EXPECT_TRUE(With("aud", {"dlws portal"}));
    EXPECT_TRUE(With("azp", "dlws portal"));
    EXPECT_TRUE(With("exp", static_cast<double>(kNow) + 300.5));
}

TEST_F(IdTokenTest, NoFieldMayBeMissing) {
    for (const char* name : {"iss", "sub", "aud", "exp", "iat", "nonce"}) {
        json::object claims = good_;
        claims.erase(name);
        EXPECT_FALSE(Check(claims)) << name;
    }
    EXPECT_FALSE(CheckIdToken("[]", expected_));
    EXPECT_FALSE(CheckIdToken("", expected_));
}

TEST_F(IdTokenTest, EachFieldWrongOnceIsNoticed) {
    for (const char* iss : {"https://evil.example", "https://login.example/realm/", ""})
        EXPECT_FALSE(With("iss", iss)) << iss;
    EXPECT_FALSE(With("iss", {kIssuer}));
    EXPECT_FALSE(With("sub", ""));
    EXPECT_FALSE(With("sub", 7));
    for (const json::value& aud : {json::value("other"), json::value{"other"}, json::value(1),
                                   json::value(nullptr), json::value{"dlws"}})
        EXPECT_FALSE(With("aud", aud)) << json::serialize(aud);
    EXPECT_FALSE(With("nonce", "another"));
    EXPECT_FALSE(With("nonce", ""));
    EXPECT_FALSE(With("azp", "other"));
    EXPECT_FALSE(With("azp", 7));
}

TEST_F(IdTokenTest, OfSeveralAudiencesTheOneItWasMadeForMustBeUs) {
    json::object claims = good_;
    claims["aud"] = {"dlws portal", "kubernetes"};
    EXPECT_FALSE(Check(claims));
    claims["azp"] = "kubernetes";
    EXPECT_FALSE(Check(claims));
    claims["azp"] = "dlws portal";
    EXPECT_TRUE(Check(claims));
}

TEST_F(IdTokenTest, TimesCountToAMinute) {
    EXPECT_TRUE(With("exp", kNow - 59));
    EXPECT_FALSE(With("exp", kNow - 60));
    EXPECT_TRUE(With("iat", kNow + 60));
    EXPECT_FALSE(With("iat", kNow + 61));
    EXPECT_TRUE(With("iat", kNow - 660));
    EXPECT_FALSE(With("iat", kNow - 661));
    for (const json::value& no_time :
         {json::value("1800000300"), json::value(-1), json::value(1e300), json::value(nullptr)}) {
        EXPECT_FALSE(With("exp", no_time)) << json::serialize(no_time);
        EXPECT_FALSE(With("iat", no_time)) << json::serialize(no_time);
    }
}

TEST_F(IdTokenTest, ARenewedOneIsOfTheSamePersonAndNeedsNoNonce) {
    expected_.nonce = "";
    expected_.subject = "alice";
    json::object claims = good_;
    claims.erase("nonce");
    claims["iat"] = kNow - 4000;
    EXPECT_TRUE(Check(claims));
    claims["sub"] = "bob";
    EXPECT_FALSE(Check(claims));
    EXPECT_FALSE(With("iss", "https://evil.example"));
    EXPECT_FALSE(With("aud", "other"));
    EXPECT_FALSE(With("exp", kNow - 60));
}

TEST(OidcStepsTest, TheSessionAtTheProviderEndsWithoutAToken) {
    EXPECT_EQ(EndSessionUrl(Known(), Client(), "https://portal.example/"),
              "https://login.example/end?client_id=dlws%20portal&post_logout_redirect_uri=https%3A%"
              "2F%2Fportal.example%2F");
    Discovery none = Known();
    none.end_session_endpoint = "";
    EXPECT_EQ(EndSessionUrl(none, Client(), "https://portal.example/"), "");
}

}  // namespace
}  // namespace dlws::portal

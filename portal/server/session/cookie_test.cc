// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/cookie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/base64.h"
#include "portal/server/session/crypto.h"

namespace dlws::portal {
namespace {

using testing::HasSubstr;

TEST(CookieTest, AKeyReadsAsItWasWritten) {
    const SessionKey key = NewSessionKey();
    const std::string text = Format(key);
    EXPECT_EQ(text.size(), 32 + 1 + 43U);
    const auto read = ParseSessionKey(text, SessionKind::kCli);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->id, key.id);
    EXPECT_EQ(read->key.Reveal(), key.key.Reveal());
    EXPECT_EQ(read->kind, SessionKind::kCli);
    EXPECT_NE(NewSessionKey().id, key.id);
}

TEST(CookieTest, AnythingElseIsNoKey) {
    const std::string good(Format(NewSessionKey()));
    std::string upper = good, other = good, stray = good;
    upper[0] = 'A';
    other[5] = '/';
    stray.back() = '-';  // two bits behind the 32nd byte
    for (const std::string& wrong : {std::string(), std::string("."), upper, other, stray,
                                     good + "A", good.substr(1), "x" + good, good + "="})
        EXPECT_FALSE(ParseSessionKey(wrong, SessionKind::kBrowser)) << wrong;
}

TEST(CookieTest, ACookieStaysWithThisHostAndOutOfScripts) {
    for (const std::string& cookie :
         {SetSessionCookie(NewSessionKey(), std::chrono::hours(1)), ClearSessionCookie(),
          SetCliCookie(NewSessionKey()), ClearCliCookie()}) {
        EXPECT_THAT(cookie, ::testing::MatchesRegex("__Host-dlws(-cli)?=.*"));
        for (const char* part : {"; Path=/;", "; Secure", "; HttpOnly", "; SameSite=Strict"})
            EXPECT_THAT(cookie, HasSubstr(part));
        EXPECT_THAT(cookie, Not(HasSubstr("Domain")));
    }
    EXPECT_THAT(SetSessionCookie(NewSessionKey(), std::chrono::hours(1)),
                HasSubstr("; Max-Age=3600;"));
    EXPECT_THAT(SetLoginCookie(NewLoginAttempt("/")), HasSubstr("; SameSite=Lax"));
    EXPECT_THAT(SetLoginCookie(NewLoginAttempt("/")), HasSubstr("; HttpOnly"));
    EXPECT_THAT(ClearLoginCookie(), HasSubstr("Max-Age=0"));
}

std::string ValueOf(const std::string& set_cookie) {
    return set_cookie.substr(set_cookie.find('=') + 1,
                             set_cookie.find(';') - set_cookie.find('=') - 1);
}

TEST(CookieTest, ALoginAttemptReadsAsItWasWritten) {
    LoginAttempt attempt = NewLoginAttempt("/jobs?q=a%20b&sort=-created");
    attempt.cli_port = 40123;
    attempt.cli_challenge = kube::EncodeBase64Url(RandomBytes(32));
    const auto read = ParseLoginAttempt(ValueOf(SetLoginCookie(attempt)));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->state, attempt.state);
    EXPECT_EQ(read->nonce, attempt.nonce);
    EXPECT_EQ(read->verifier, attempt.verifier);
    EXPECT_EQ(read->return_to, attempt.return_to);
    EXPECT_EQ(read->cli_port, attempt.cli_port);
    EXPECT_EQ(read->cli_challenge, attempt.cli_challenge);
    EXPECT_NE(attempt.state, NewLoginAttempt("/").state);
}

TEST(CookieTest, ALoginAttemptOfTheLongestPathFitsIntoACookie) {
    EXPECT_LE(SetLoginCookie(NewLoginAttempt(SafeReturn("/" + std::string(2047, 'a')))).size(),
              4096U);
}

TEST(CookieTest, ALoginAttemptThatSomebodyMadeUpIsNone) {
    LoginAttempt no_state = NewLoginAttempt("/"), half = NewLoginAttempt("/");
    no_state.state = "";
    half.cli_port = 40123;
    for (const std::string& wrong :
         {std::string(), kube::EncodeBase64Url("{}"), kube::EncodeBase64Url("[]"), std::string("%"),
          kube::EncodeBase64Url("{"), ValueOf(SetLoginCookie(no_state)),
          ValueOf(SetLoginCookie(half))})
        EXPECT_FALSE(ParseLoginAttempt(wrong)) << wrong;
    LoginAttempt elsewhere = NewLoginAttempt("//evil.example");
    EXPECT_EQ(ParseLoginAttempt(ValueOf(SetLoginCookie(elsewhere)))->return_to, "/");
}

TEST(CookieTest, OnlyOwnPathsAreReturnedTo) {
    for (const char* fine : {"/", "/jobs", "/jobs/vision/digits?tab=logs#line-3", "/a//b"})
        EXPECT_EQ(SafeReturn(fine), fine);
    for (const char* elsewhere :
         {"", "jobs", "//evil.example", "/\\evil.example", "https://evil.example", "/a\\b",
          "/\t/evil.example", "/\n/evil.example", "javascript:alert(1)", " /", "/\x7f",
          "/\xc3\xa4"})
        EXPECT_EQ(SafeReturn(elsewhere), "/") << elsewhere;
    EXPECT_EQ(SafeReturn("/" + std::string(2048, 'a')), "/");
}

}  // namespace
}  // namespace dlws::portal

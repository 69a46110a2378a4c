// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "kube/testing/run.h"
#include "kube/together.h"
#include "portal/server/session/testing/fake_web.h"

namespace dlws::portal {
namespace {

using kube::Awaitable;
using testing::ClaimsOf;
using testing::FakeWeb;
using testing::Signer;

class ProviderTest : public ::testing::Test {
  protected:
    ProviderTest() { web_.Serve(signer_); }
    static OidcClient Client() {
        OidcClient client;
        client.issuer = testing::kFakeIssuer;
        client.client_id = "portal";
        client.client_secret = Secret("secret");
        client.redirect_uri = "https://portal.example/auth/callback";
        return client;
    }
    Renewed Redeem(const std::string& code = "code") {
        LoginAttempt attempt = attempt_;
        return kube::testing::Run(io_, provider_.Redeem(code, attempt));
    }
    Renewed Renew(const std::string& subject = "alice") {
        Secret token("refresh");
        return kube::testing::Run(io_, provider_.Renew(token, subject));
    }
    std::size_t AskedFor(const std::string& path) const {
        return web_.Asked(testing::kFakeIssuer + path);
    }
    static Awaitable<void> KnownInto(Provider& provider, int& known) {
        auto found = co_await provider.Known();
        known += found.has_value();
    }
    static Awaitable<void> AskTogether(Provider& provider, int times, int& known) {
        std::vector<Awaitable<void>> tasks;
        for (int i = 0; i < times; ++i)
            tasks.push_back(KnownInto(provider, known));
        co_await kube::Together(std::move(tasks));
    }

    boost::asio::io_context io_;
    Seconds now_{std::chrono::seconds(1'800'000'000)};
    FakeWeb web_;
    Signer signer_{"ES256", "key-1"};
    LoginAttempt attempt_ = NewLoginAttempt("/");
    Provider provider_{io_.get_executor(), web_, Client(), [this] { return now_; }};
    const std::string discovery_ = "/.well-known/openid-configuration";
};

TEST_F(ProviderTest, ItIsReadOnceForAllAndAgainEachHour) {
    int known = 0;
    kube::testing::Run(io_, AskTogether(provider_, 10, known));
    EXPECT_EQ(known, 10);
    EXPECT_EQ(AskedFor(discovery_), 1U);
    EXPECT_EQ(AskedFor("/jwks"), 1U);
    now_ += std::chrono::minutes(59);
    EXPECT_TRUE(kube::testing::Run(io_, provider_.Known()));
    EXPECT_EQ(AskedFor(discovery_), 1U);
    now_ += std::chrono::minutes(1);
    EXPECT_TRUE(kube::testing::Run(io_, provider_.Known()));
    EXPECT_EQ(AskedFor(discovery_), 2U);
    EXPECT_EQ(AskedFor("/jwks"), 2U);
}

TEST_F(ProviderTest, TheLastGoodOneStays) {
    ASSERT_TRUE(kube::testing::Run(io_, provider_.Known()));
    now_ += std::chrono::hours(2);
    web_.answers.clear();
    EXPECT_TRUE(kube::testing::Run(io_, provider_.Known()));
    web_.Serve(signer_);
    web_.answers[testing::kFakeIssuer + discovery_].body = R"({"issuer":"https://evil.example"})";
    now_ += std::chrono::hours(2);
    auto known = kube::testing::Run(io_, provider_.Known());
    ASSERT_TRUE(known);
    EXPECT_EQ(known->issuer, testing::kFakeIssuer);
}

TEST_F(ProviderTest, AfterAFailureItRestsForAMoment) {
    web_.answers.clear();
    for (int i = 0; i < 5; ++i)
        EXPECT_FALSE(kube::testing::Run(io_, provider_.Known()));
    EXPECT_EQ(AskedFor(discovery_), 1U);
    EXPECT_FALSE(kube::testing::Run(io_, provider_.Prepare()));
    web_.Serve(signer_);
    now_ += std::chrono::seconds(5);
    EXPECT_TRUE(kube::testing::Run(io_, provider_.Prepare()));
}

TEST_F(ProviderTest, ACodeBecomesTokens) {
    web_.GiveTokens(signer_.Sign(ClaimsOf("alice", now_, attempt_.nonce)), "refresh");
    const auto redeemed = Redeem();
    ASSERT_TRUE(redeemed) << redeemed.error().message;
    EXPECT_EQ(redeemed->claims.subject, "alice");
    EXPECT_EQ(redeemed->claims.ends, now_ + std::chrono::seconds(300));
    EXPECT_EQ(redeemed->tokens.refresh_token.Reveal(), "refresh");
    const Web::Request& asked = web_.requests.back();
    EXPECT_THAT(asked.form, ::testing::HasSubstr("code_verifier=" + attempt_.verifier));
    EXPECT_EQ(asked.fields.at(0).first, "Authorization");
}

TEST_F(ProviderTest, AnIdTokenThatIsWrongIsRefused) {
    const Signer other("ES256", "key-1");
    for (const std::string& token :
         {signer_.Sign(ClaimsOf("alice", now_, "another login")),
          signer_.Sign(ClaimsOf("alice", now_ - std::chrono::hours(1), attempt_.nonce)),
          other.Sign(ClaimsOf("alice", now_, attempt_.nonce)), std::string("opaque")}) {
        web_.GiveTokens(token);
        EXPECT_FALSE(Redeem());
    }
    web_.RefuseTokens("invalid_grant");
    EXPECT_TRUE(Redeem().error().final);
    web_.answers.erase(std::string(testing::kFakeIssuer) + "/token");
    EXPECT_FALSE(Redeem().error().final);
}

TEST_F(ProviderTest, ANewKeyIsReadOnceAMinute) {
    ASSERT_TRUE(kube::testing::Run(io_, provider_.Known()));
    const Signer next("ES384", "key-2");
    web_.Serve(next);
    web_.GiveTokens(next.Sign(ClaimsOf("alice", now_, attempt_.nonce)));
    EXPECT_FALSE(Redeem());  // the keys are a moment old
    EXPECT_EQ(AskedFor("/jwks"), 1U);
    now_ += std::chrono::seconds(60);
    web_.GiveTokens(next.Sign(ClaimsOf("alice", now_, attempt_.nonce)));
    EXPECT_TRUE(Redeem());
    EXPECT_EQ(AskedFor("/jwks"), 2U);
    // Tokens of keys that nobody has do not make us ask again and again.
    web_.GiveTokens(Signer("ES256", "nobody's").Sign(ClaimsOf("alice", now_, attempt_.nonce)));
    for (int i = 0; i < 5; ++i)
        EXPECT_FALSE(Redeem());
    EXPECT_EQ(AskedFor("/jwks"), 2U);
}

TEST_F(ProviderTest, ARenewalIsOfTheSamePerson) {
    ASSERT_TRUE(kube::testing::Run(io_, provider_.Prepare()));
    web_.GiveTokens(signer_.Sign(ClaimsOf("alice", now_, "")), "next");
    const auto renewed = Renew();
    ASSERT_TRUE(renewed) << renewed.error().message;
    EXPECT_EQ(renewed->tokens.refresh_token.Reveal(), "next");
    EXPECT_THAT(web_.requests.back().form, ::testing::HasSubstr("refresh_token=refresh"));
    const auto other = Renew("bob");
    ASSERT_FALSE(other);
    EXPECT_TRUE(other.error().final);
    web_.RefuseTokens("invalid_grant");
    EXPECT_TRUE(Renew().error().final);
}

}  // namespace
}  // namespace dlws::portal

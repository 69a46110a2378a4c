// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/csrf.h"

#include <gtest/gtest.h>

namespace dlws::portal {
namespace {

constexpr std::string_view kOwn = "https://portal.example";

TEST(CsrfTest, ATokenIsOfOneSession) {
    const SessionKey one = NewSessionKey(), two = NewSessionKey();
    EXPECT_EQ(CsrfToken(one), CsrfToken(one));
    EXPECT_EQ(CsrfToken(one).size(), 43U);
    EXPECT_NE(CsrfToken(one), CsrfToken(two));
    SessionKey mixed = one;
    mixed.id = two.id;
    EXPECT_NE(CsrfToken(mixed), CsrfToken(one));
}

TEST(CsrfTest, AnOriginIsWrittenAsBrowsersDo) {
    EXPECT_EQ(OriginOf("https://portal.example"), "https://portal.example");
    EXPECT_EQ(OriginOf("HTTPS://Portal.Example:443/jobs"), "https://portal.example");
    EXPECT_EQ(OriginOf("https://portal.example:8443/"), "https://portal.example:8443");
    EXPECT_EQ(OriginOf("https://[::1]:8443"), "https://[::1]:8443");
    for (const char* wrong : {"", "portal.example", "http://portal.example", "https://",
                              "https://user@portal.example", "ftp://portal.example"})
        EXPECT_EQ(OriginOf(wrong), std::nullopt) << wrong;
}

TEST(CsrfTest, AWriteWithACookieNeedsAllThree) {
    const SessionKey key = NewSessionKey();
    const kube::HttpFields good{{"Sec-Fetch-Site", "same-origin"},
                                {"Origin", std::string(kOwn)},
                                {"X-CSRF-Token", CsrfToken(key)}};
    EXPECT_EQ(WhyForged(good, kOwn, key), "");
    const auto with = [&good](std::size_t which, std::string value) {
        kube::HttpFields fields = good;
        fields[which].second = std::move(value);
        return fields;
    };
    EXPECT_NE(WhyForged(with(0, "cross-site"), kOwn, key), "");
    for (const char* origin : {"https://evil.example", "null", "", "https://portal.example:8443",
                               "http://portal.example", "https://portal.example/",
                               "https://portal.example.evil.example"})
        EXPECT_NE(WhyForged(with(1, origin), kOwn, key), "") << origin;
    EXPECT_NE(WhyForged(with(2, CsrfToken(NewSessionKey())), kOwn, key), "");
    EXPECT_NE(WhyForged(with(2, ""), kOwn, key), "");
    for (const std::size_t missing : {1U, 2U}) {
        kube::HttpFields fields = good;
        fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(missing));
        EXPECT_NE(WhyForged(fields, kOwn, key), "") << missing;
        kube::HttpFields twice = good;
        twice.push_back(good[missing]);
        EXPECT_NE(WhyForged(twice, kOwn, key), "") << missing;
    }
}

TEST(CsrfTest, AWriteWithoutASessionNeedsTheOrigin) {
    EXPECT_EQ(WhyNotOwnOrigin({{"Origin", std::string(kOwn)}}, kOwn), "");
    EXPECT_NE(WhyNotOwnOrigin({}, kOwn), "");
    EXPECT_NE(WhyNotOwnOrigin({{"Origin", "https://evil.example"}}, kOwn), "");
    EXPECT_NE(
        WhyNotOwnOrigin({{"Origin", std::string(kOwn)}, {"Sec-Fetch-Site", "same-site"}}, kOwn),
        "");
}

}  // namespace
}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "webhook/certificate_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace dlws::webhook {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

const std::string kName = "dlworkspace-webhook.dlws-system.svc";
constexpr std::chrono::seconds kLife = 24h * 90;
constexpr Moment kBegin{std::chrono::seconds(1'800'000'000)};

// What the API server makes of a Secret when it is patched.
std::string Patched(const std::string& secret, const std::string& patch) {
    json::object document = json::parse(secret).as_object();
    json::object& data = document["data"].is_object() ? document["data"].as_object()
                                                      : document["data"].emplace_object();
    const json::value change = json::parse(patch);
    for (const auto& [key, value] : change.at("data").as_object()) {
        if (value.is_null())
            data.erase(key);
        else
            data[key] = value;
    }
    return json::serialize(document);
}

class Secret {
  public:
    KeptCertificates Read() const { return ReadSecret(bytes_, kName); }
    void Renew(Moment now) {
        bytes_ = Patched(bytes_, SecretPatch(Read(), Issue(kName, now, kLife), "7"));
    }

  private:
    std::string bytes_ = R"({"metadata":{"name":"s"}})";
};

TEST(CertificatePlan, AnEmptySecretGetsACertificateThatIsShownAtOnce) {
    Secret secret;
    EXPECT_TRUE(IsDue(secret.Read(), kBegin, kLife));
    EXPECT_EQ(ToShow(secret.Read(), kBegin, kLife), nullptr);
    secret.Renew(kBegin);
    const KeptCertificates kept = secret.Read();
    ASSERT_TRUE(kept.newer);
    EXPECT_FALSE(kept.older);
    EXPECT_FALSE(IsDue(kept, kBegin, kLife));
    EXPECT_EQ(ToShow(kept, kBegin, kLife), &*kept.newer);
    EXPECT_EQ(Bundle(kept), kept.newer->authority);
    EXPECT_EQ(kept.newer->validity.to, kBegin + kLife);
    EXPECT_LT(kept.newer->validity.from, kBegin) << "clocks differ";
}

TEST(CertificatePlan, TheNextIsMadeAtTwoThirdsAndTrustedBeforeItIsShown) {
    Secret secret;
    secret.Renew(kBegin);
    const Moment due = kBegin + kLife * 2 / 3;
    EXPECT_FALSE(IsDue(secret.Read(), due - 1s, kLife));
    EXPECT_TRUE(IsDue(secret.Read(), due, kLife));
    const std::string first = secret.Read().newer->pair.certificate;
    secret.Renew(due);
    const KeptCertificates kept = secret.Read();
    ASSERT_TRUE(kept.newer && kept.older);
    EXPECT_EQ(kept.older->pair.certificate, first);
    EXPECT_EQ(Bundle(kept), kept.newer->authority + kept.older->authority);
    EXPECT_EQ(ToShow(kept, due, kLife), &*kept.older);
    EXPECT_EQ(ToShow(kept, due + Overlap(kLife) - 1s, kLife), &*kept.older);
    EXPECT_EQ(ToShow(kept, due + Overlap(kLife), kLife), &*kept.newer);
    EXPECT_FALSE(IsDue(kept, due, kLife));
    // Whoever reads the Secret as late as may be has the newer before it is shown.
    EXPECT_GE(Overlap(kLife), 2 * RereadAfter(kLife));
    EXPECT_GE(Overlap(40s), 2 * RereadAfter(40s));
}

TEST(CertificatePlan, AfterALongSleepWhatHoldsIsShown) {
    Secret secret;
    secret.Renew(kBegin);
    secret.Renew(kBegin + 2 * kLife);
    const KeptCertificates kept = secret.Read();
    EXPECT_EQ(ToShow(kept, kBegin + 2 * kLife, kLife), &*kept.newer) << "the older has ended";
}

TEST(CertificatePlan, AShortLifeOfBeforeIsNotTakenForALongOne) {
    const Certificate brief = Issue(kName, kBegin, 60s);
    const KeptCertificates kept{brief, std::nullopt};
    EXPECT_FALSE(IsDue(kept, kBegin + 39s, kLife));
    EXPECT_TRUE(IsDue(kept, kBegin + 40s, kLife));
    EXPECT_TRUE(IsDue({Issue(kName, kBegin, kLife), std::nullopt}, kBegin + 40s, 60s))
        << "a shorter one is wanted by now";
    // Its successor has a long life, and is shown before the brief one ends.
    const KeptCertificates next{Issue(kName, kBegin + 40s, kLife), brief};
    EXPECT_EQ(ToShow(next, kBegin + 40s, kLife), &*next.newer);
}

TEST(CertificatePlan, WhatCannotBeUsedCountsAsAbsent) {
    for (const char* secret :
         {"", "[]", "{}", R"({"data":null})", R"({"data":{"tls.crt":"!","tls.key":7}})"})
        EXPECT_FALSE(ReadSecret(secret, kName).newer) << secret;
    const std::string patch = SecretPatch({}, Issue("other.ns.svc", kBegin, kLife), "7");
    EXPECT_FALSE(ReadSecret(Patched("{}", patch), kName).newer) << "it is for another name";
    EXPECT_TRUE(ReadSecret(Patched("{}", patch), "other.ns.svc").newer);
    EXPECT_EQ(json::parse(patch).at_pointer("/metadata/resourceVersion"), "7");
}

}  // namespace
}  // namespace dlws::webhook

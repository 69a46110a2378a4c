// SPDX-License-Identifier: Apache-2.0
#include "webhook/certificate_keeper.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "kube/base64.h"
#include "kube/client.h"
#include "kube/testing/imposter.h"
#include "kube/testing/run.h"

namespace dlws::webhook {
namespace {

namespace json = boost::json;
using kube::testing::Imposter;

const std::string kSecretPath = "/api/v1/namespaces/dlws-system/secrets/hook";
const std::string kConfigurations = "/apis/admissionregistration.k8s.io/v1/";
const std::string kMutatingPath = kConfigurations + "mutatingwebhookconfigurations/hook";
const std::string kValidatingPath = kConfigurations + "validatingwebhookconfigurations/hook";

// Two webhooks, of which one trusts `bundle` already.
std::string Configuration(const std::string& bundle) {
    return fmt::format(
        R"({{"metadata":{{"name":"hook","uid":"c","resourceVersion":"5"}},"webhooks":[)"
        R"({{"name":"a","clientConfig":{{"caBundle":"{}"}}}},{{"name":"b","clientConfig":{{}}}}]}})",
        kube::EncodeBase64(bundle));
}

class CertificateKeeperTest : public ::testing::Test {
  protected:
    CertificateKeeperTest() {
        // A Secret that keeps what is written to it.
        server_.When("GET", kSecretPath).Call([this](const auto&) {
            return kube::testing::Answer{.body = secret_};
        });
        server_.When("PATCH", kSecretPath).Call([this](const kube::testing::Request& request) {
            json::object document = json::parse(secret_).as_object();
            document["data"] = json::parse(request.body).at("data");
            secret_ = json::serialize(document);
            return kube::testing::Answer{.body = secret_};
        });
        for (const std::string& path : {kMutatingPath, kValidatingPath}) {
            server_.When("GET", path).Reply(200, Configuration("old"));
            server_.When("PATCH", path).Reply(200, Configuration("old"));
        }
    }
    bool Look() { return kube::testing::Run(io_, keeper_.Look()); }

    std::string secret_ =
        R"({"metadata":{"name":"hook","namespace":"dlws-system","uid":"s","resourceVersion":"3"}})";
    Moment now_{std::chrono::seconds(1'800'000'000)};
    Imposter server_;
    boost::asio::io_context io_{1};
    kube::Client client_{io_.get_executor(), server_.ClientConfig()};
    kube::ServerTls tls_;
    CertificateKeeper keeper_{client_,
                              tls_,
                              {.secret = {"dlws-system", "hook"},
                               .dns_name = "hook.dlws-system.svc",
                               .configuration = "hook",
                               .lifetime = std::chrono::seconds(1000),
                               .now = [this] { return now_; }}};
};

TEST_F(CertificateKeeperTest, IssuesHasItTrustedAndShowsIt) {
    EXPECT_FALSE(keeper_.Ready());
    EXPECT_TRUE(Look());
    EXPECT_TRUE(keeper_.Ready());
    EXPECT_TRUE(tls_.Current());
    EXPECT_EQ(keeper_.Expires(), now_ + std::chrono::seconds(1000));
    const auto kept = ReadSecret(secret_, "hook.dlws-system.svc");
    ASSERT_TRUE(kept.newer);
    EXPECT_EQ(server_.Count("PATCH", kValidatingPath), 1u);
    json::value patch;
    for (const auto& request : server_.Requests())
        if (request.method == "PATCH" && request.path == kMutatingPath)
            patch = json::parse(request.body);
    ASSERT_EQ(patch.as_array().size(), 3u);
    EXPECT_EQ(patch.at_pointer("/0/path"), "/metadata/resourceVersion");
    EXPECT_EQ(patch.at_pointer("/2/path"), "/webhooks/1/clientConfig/caBundle");
    EXPECT_EQ(patch.at_pointer("/2/value"), json::value(kube::EncodeBase64(kept.newer->authority)));

    // The second look of this process, and the first of another one, write nothing to the Secret.
    EXPECT_TRUE(Look());
    EXPECT_EQ(server_.Count("PATCH", kSecretPath), 1u);
}

TEST_F(CertificateKeeperTest, ATrustedCertificateCostsNoWrites) {
    EXPECT_TRUE(Look());
    const std::string bundle = Bundle(ReadSecret(secret_, "hook.dlws-system.svc"));
    std::string trusted = Configuration(bundle);
    const std::string empty = R"("clientConfig":{}})";
    trusted.replace(
        trusted.find(empty), empty.size(),
        fmt::format(R"("clientConfig":{{"caBundle":"{}"}}}})", kube::EncodeBase64(bundle)));
    for (const std::string& path : {kMutatingPath, kValidatingPath})
        server_.When("GET", path).Reply(200, trusted);
    EXPECT_TRUE(Look());
    EXPECT_EQ(server_.Count("PATCH", kMutatingPath), 1u);
}

TEST_F(CertificateKeeperTest, TheNewOneIsTrustedLongBeforeItIsShown) {
    EXPECT_TRUE(Look());
    const auto first = tls_.Current();
    now_ += std::chrono::seconds(700);
    EXPECT_TRUE(Look());
    EXPECT_EQ(server_.Count("PATCH", kSecretPath), 2u);
    EXPECT_EQ(tls_.Current(), first);
    now_ += Overlap(std::chrono::seconds(1000));
    EXPECT_TRUE(Look());
    EXPECT_NE(tls_.Current(), first);
    EXPECT_GT(keeper_.Expires(), now_ + std::chrono::seconds(800));
}

TEST_F(CertificateKeeperTest, NotReadyWhileTheApiServerCannotBeTold) {
    server_.When("PATCH", kValidatingPath)
        .Reply(403, R"({"kind":"Status","code":403,"reason":"Forbidden"})");
    EXPECT_FALSE(Look());
    EXPECT_FALSE(keeper_.Ready());
}

TEST_F(CertificateKeeperTest, WhoComesSecondTakesWhatTheFirstHasMade) {
    server_.When("PATCH", kSecretPath)
        .Reply(409, R"({"kind":"Status","code":409,"reason":"Conflict"})");
    EXPECT_FALSE(Look());
    EXPECT_FALSE(tls_.Current());
    EXPECT_EQ(server_.Count("PATCH", kMutatingPath), 0u);
}

}  // namespace
}  // namespace dlws::webhook

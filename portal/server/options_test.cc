// SPDX-License-Identifier: Apache-2.0
#include "portal/server/options.h"

#include <gtest/gtest.h>

namespace dlws::portal {
namespace {

TEST(Options, OfThePortal) {
    auto options = ParseOptions({"--port=9", "--certificate-folder", "/c", "--drain-seconds=0"});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->port, 9);
    EXPECT_EQ(options->certificate_folder, "/c");
    EXPECT_EQ(options->drain_seconds, 0);
    EXPECT_FALSE(ParseOptions({"--port=70000"}));
    auto both = ParseOptions({"--plain=true", "--certificate-folder=/c"});
    ASSERT_FALSE(both);
    EXPECT_NE(both.error().find("exclude each other"), std::string::npos);
}

TEST(Options, OfProxiesInFront) {
    EXPECT_TRUE(ParseOptions({})->trusted_proxies.empty());
    auto options = ParseOptions({"--trusted-proxies=10.0.0.0/8,fd00::/8"});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->trusted_proxies.size(), 2u);
    auto wrong = ParseOptions({"--trusted-proxies=10.0.0.0/8,ingress"});
    ASSERT_FALSE(wrong);
    EXPECT_NE(wrong.error().find("\"ingress\""), std::string::npos);
}

TEST(Options, OfTheLogin) {
    EXPECT_TRUE(ParseOptions({"--url=https://dlws.example.org"}));
    EXPECT_TRUE(ParseOptions({"--url=https://198.18.5.1:8443"}));
    for (const char* wrong : {"dlws.example.org", "http://dlws.example.org", "https://",
                              "https://dlws.example.org/", "https://dlws.example.org/portal"})
        EXPECT_FALSE(ParseOptions({std::string("--url=") + wrong})) << wrong;
    const std::string url = "--url=https://dlws.example.org", id = "--oidc-client-id=dlws",
                      issuer = "--oidc-issuer=https://login.example.org";
    auto options = ParseOptions({url, id, issuer, "--oidc-scopes=email,groups"});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->oidc_scopes.size(), 2u);
    EXPECT_FALSE(ParseOptions({url, issuer}));
    EXPECT_FALSE(ParseOptions({id, issuer}));
    EXPECT_FALSE(ParseOptions({url, id, "--oidc-issuer=http://login.example.org"}));
}

TEST(Options, OfPrometheus) {
    const std::string url = "--prometheus-url=";
    for (const char* right : {"https://prometheus.example.org", "http://10.0.0.1:9090/",
                              "http://[fd00::1]:9090/prometheus"})
        EXPECT_TRUE(ParseOptions({url + right})) << right;
    for (const char* wrong :
         {"prometheus:9090", "https://", "ftp://prometheus", "http://a:b@prometheus",
          "http://prometheus/?query=up", "http://prometheus/#a", "http://pro metheus"})
        EXPECT_FALSE(ParseOptions({url + wrong})) << wrong;
    const std::string token = "--prometheus-token-file=/token/token";
    EXPECT_TRUE(ParseOptions({url + "https://prometheus", token}));
    EXPECT_NE(ParseOptions({url + "http://prometheus", token}).error().find("https://"),
              std::string::npos);
    EXPECT_TRUE(ParseOptions({"--prometheus-labels=cluster=a-1,region=eu"}));
    for (const char* wrong : {"cluster", "=a", "cluster=", "1a=b", "cluster=a\"}", "a b=c"})
        EXPECT_FALSE(ParseOptions({std::string("--prometheus-labels=") + wrong})) << wrong;
}

}  // namespace
}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/trusted_proxies.h"

#include <gtest/gtest.h>

namespace dlws::portal {
namespace {

// Of a request from `peer` with such fields.
std::string From(const std::string& peer, const std::vector<std::string>& forwarded,
                 const std::vector<std::string>& trusted) {
    kube::HttpRequest request;
    request.peer = peer;
    for (const std::string& value : forwarded)
        request.fields.emplace_back("x-forwarded-for", value);
    return TrustedProxies::Parse(trusted).value().AddressOf(request);
}

TEST(TrustedProxiesTest, NobodyIsBelievedUnlessNamed) {
    EXPECT_EQ(From("192.0.2.1", {"198.51.100.1"}, {}), "192.0.2.1");
    EXPECT_EQ(From("192.0.2.1", {"198.51.100.1"}, {"10.0.0.0/8"}), "192.0.2.1");
    EXPECT_EQ(From("10.1.2.3", {}, {"10.0.0.0/8"}), "10.1.2.3");
}

TEST(TrustedProxiesTest, TheLastHopThatIsNotOursIsTheCaller) {
    const std::vector<std::string> ours{"10.0.0.0/8", "192.168.1.7"};
    EXPECT_EQ(From("10.1.2.3", {"198.51.100.1"}, ours), "198.51.100.1");
    // What stands before it the caller may have written.
    EXPECT_EQ(From("10.1.2.3", {"203.0.113.9, 198.51.100.1"}, ours), "198.51.100.1");
    EXPECT_EQ(From("10.1.2.3", {"10.9.9.9, 198.51.100.1, 10.4.5.6,192.168.1.7"}, ours),
              "198.51.100.1");
    EXPECT_EQ(From("10.1.2.3", {"203.0.113.9", "198.51.100.1", "10.4.5.6"}, ours), "198.51.100.1");
    EXPECT_EQ(From("10.1.2.3", {"192.168.1.8"}, ours), "192.168.1.8");
    EXPECT_EQ(From("10.1.2.3", {"10.4.5.6"}, ours), "10.4.5.6");
}

TEST(TrustedProxiesTest, WhatCannotBeReadEndsTheTrust) {
    const std::vector<std::string> ours{"10.0.0.0/8"};
    for (const char* wrong :
         {"", "unknown", "_hidden", "198.51.100.1, ,10.4.5.6", "[", "]", "198.51.100.1, x"}) {
        const std::string from = From("10.1.2.3", {wrong}, ours);
        EXPECT_TRUE(from == "10.1.2.3" || from == "10.4.5.6") << wrong << " " << from;
    }
    EXPECT_EQ(From("10.1.2.3", {"198.51.100.1:4711"}, ours), "198.51.100.1");
    EXPECT_EQ(From("10.1.2.3", {"[2001:db8::1]:4711"}, ours), "2001:db8::");
    EXPECT_EQ(From("10.1.2.3", {"::ffff:198.51.100.1"}, ours), "198.51.100.1");
}

TEST(TrustedProxiesTest, Ipv6IsCountedByTheNetworkThatOneCallerHas) {
    EXPECT_EQ(From("2001:db8:0:1::1", {}, {}), From("2001:db8:0:1:ffff::2", {}, {}));
    EXPECT_NE(From("2001:db8:0:1::1", {}, {}), From("2001:db8:0:2::1", {}, {}));
    EXPECT_EQ(From("fd00::1", {"2001:db8:0:1::1"}, {"fd00::/8"}), "2001:db8:0:1::");
    EXPECT_EQ(From("fd00::2", {"2001:db8:0:1::1"}, {"fd00::1"}), "fd00::");
}

TEST(TrustedProxiesTest, OnlyNetworksAreTaken) {
    for (const char* wrong : {"", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "proxy.example.org",
                              "/8", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-1"})
        EXPECT_FALSE(TrustedProxies::Parse({wrong})) << wrong;
    EXPECT_TRUE(TrustedProxies::Parse({"10.1.2.3/8", "::/0", "192.0.2.1", "fd00::1"}));
}

}  // namespace
}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/access/jwt.h"

#include <gtest/gtest.h>

#include "kube/base64.h"

namespace dlws::portal {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

std::string Token(std::string_view claims) {
    return "e30." + kube::EncodeBase64Url(claims) + ".x";
}

TEST(JwtTest, SaysWhenItEnds) {
    EXPECT_EQ(EndOfJwt(Token(R"({"exp":1800000000})")), sys_seconds(seconds(1'800'000'000)));
    EXPECT_EQ(EndOfJwt(Token(R"({"exp":1800000000.9})")), sys_seconds(seconds(1'800'000'000)));
    EXPECT_EQ(EndOfJwt(Token(R"({"exp":1.8e9})")), sys_seconds(seconds(1'800'000'000)));
    EXPECT_EQ(EndOfJwt(Token(R"({"exp":0})")), sys_seconds());
    EXPECT_EQ(EndOfJwt(Token(R"({"exp":-9223372036854775808})")), sys_seconds());
    EXPECT_EQ(EndOfJwt(Token(R"({"exp":-1e300})")), sys_seconds());
}

TEST(JwtTest, WhatSaysNothingOfItHasNoEnd) {
    for (const char* claims :
         {"", "{}", "[]", "7", "{", R"({"exp":"1800000000"})", R"({"exp":null})",
          R"({"exp":1e300})", R"({"exp":9223372036854775807})", R"({"iat":1800000000})"})
        EXPECT_EQ(EndOfJwt(Token(claims)), std::nullopt) << claims;
    for (const char* token : {"", ".", "..", "a.b", "opaque", "a.%.c", "a.e30", "a.e30=.c"})
        EXPECT_EQ(EndOfJwt(token), std::nullopt) << token;
}

}  // namespace
}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "model/exit_codes.h"

#include <gtest/gtest.h>

namespace dlws::model {
namespace {

TEST(ExitCodes, NumbersAndRanges) {
    const auto codes = ParseExitCodes("3,40-42,255");
    ASSERT_TRUE(codes) << codes.error();
    EXPECT_EQ(codes->count(), 5U);
    for (int code : {3, 40, 41, 42, 255})
        EXPECT_TRUE(codes->test(std::size_t(code))) << code;
}

TEST(ExitCodes, ARangeOfOneAndOverlapsAreFine) {
    EXPECT_EQ(ParseExitCodes("7-7")->count(), 1U);
    EXPECT_EQ(ParseExitCodes("1-9,5-12")->count(), 12U);
}

TEST(ExitCodes, WhatIsNoExitCodeIsNamed) {
    for (const char* text : {"", "0", "256", "9-3", "3,", ",3", "3 ", "a", "1-", "-1", "1-2-3"}) {
        const auto codes = ParseExitCodes(text);
        ASSERT_FALSE(codes) << text;
        EXPECT_NE(codes.error().find("write, for example"), std::string::npos);
    }
}

}  // namespace
}  // namespace dlws::model

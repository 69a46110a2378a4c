// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/cursor.h"

#include <gtest/gtest.h>

namespace dlws::portal {
namespace {

TEST(Cursor, ComesBackAsItWas) {
    for (const Cursor& cursor :
         {Cursor{}, Cursor{1, -5, "", "u1"},
          Cursor{~0ULL, INT64_MIN, std::string("a\0\xff", 3), "u"},
          Cursor{7, INT64_MAX, std::string(640, 'x'), std::string(64, 'u')}}) {
        const std::string text = EncodeCursor(cursor);
        EXPECT_LE(text.size(), 1024U);
        EXPECT_EQ(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789-_"),
                  std::string::npos);
        EXPECT_EQ(DecodeCursor(text), cursor);
    }
}

TEST(Cursor, RefusesAllElse) {
    const std::string good = EncodeCursor({1, 2, "three", "u4"});
    ASSERT_TRUE(DecodeCursor(good));
    for (const std::string& bad :
         {std::string(), std::string("A"), std::string(1025, 'A'), good + "=", good + "!",
          " " + good, good.substr(0, 12), "B" + good.substr(1), std::string("eyJhIjoiMSJ9")})
        EXPECT_FALSE(DecodeCursor(bad)) << bad;
    // Bits behind the last byte count for nothing, so they must be 0: of each cursor there is one.
    int taken = 0;
    for (const char last : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
        taken += DecodeCursor(EncodeCursor({1, 2, "", "u"}).substr(0, 25) + last).has_value();
    EXPECT_LE(taken, 16);
    EXPECT_GE(taken, 1);
}

TEST(Fnv, IsTheKnownOne) {
    EXPECT_EQ(Fnv(""), 0xcbf29ce484222325U);
    EXPECT_EQ(Fnv("foobar"), 0x85944171f73967e8U);
}

}  // namespace
}  // namespace dlws::portal

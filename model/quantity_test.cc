// SPDX-License-Identifier: Apache-2.0
#include "model/quantity.h"

#include <gtest/gtest.h>

namespace dlws::model {
namespace {

std::int64_t Milli(std::string_view text) {
    const auto q = ParseQuantity(text);
    EXPECT_TRUE(q) << text << ": " << q.error();
    return q ? q->milli : -1;
}

TEST(Quantity, ReadsEverySuffix) {
    EXPECT_EQ(Milli("0"), 0);
    EXPECT_EQ(Milli("1"), 1000);
    EXPECT_EQ(Milli("+1"), 1000);
    EXPECT_EQ(Milli("-1.5"), -1500);
    EXPECT_EQ(Milli("100m"), 100);
    EXPECT_EQ(Milli("0.5"), 500);
    EXPECT_EQ(Milli(".5"), 500);
    EXPECT_EQ(Milli("5."), 5000);
    EXPECT_EQ(Milli("2k"), 2'000'000);
    EXPECT_EQ(Milli("2M"), 2'000'000'000);
    EXPECT_EQ(Milli("1Ki"), 1'024'000);
    EXPECT_EQ(Milli("1.5Gi"), 1'610'612'736'000);
    EXPECT_EQ(Milli("16Gi"), 17'179'869'184'000);
    EXPECT_EQ(Milli("1e3"), 1'000'000);
    EXPECT_EQ(Milli("1E3"), 1'000'000);
    EXPECT_EQ(Milli("15e-1"), 1500);
    EXPECT_EQ(Milli("8Pi"), 9'007'199'254'740'992'000);
    EXPECT_EQ(Milli("5000000u"), 5000);
}

TEST(Quantity, RoundsUpWhatIsFinerThanAThousandth) {
    EXPECT_EQ(Milli("1u"), 1);
    EXPECT_EQ(Milli("1n"), 1);
    EXPECT_EQ(Milli("1.0001"), 1001);
    EXPECT_EQ(Milli("0.00000000000000000000000000000000001"), 1);
    EXPECT_EQ(Milli("1.00000000000000000000000000000000000"), 1000);
    EXPECT_EQ(ParseQuantity("100m")->Value(), 1);
    EXPECT_EQ(ParseQuantity("2")->Value(), 2);
    EXPECT_EQ(ParseQuantity("2001m")->Value(), 3);
}

TEST(Quantity, RefusesWhatIsNone) {
    for (std::string_view text : {"", " ", "m", "Gi", "1 Gi", "1gi", "1.2.3", "1e", "1e+", "--1",
                                  "0x1", "1Ei1", "1 ", "abc", "1K", "1mi"})
        EXPECT_FALSE(ParseQuantity(text)) << text;
    EXPECT_EQ(ParseQuantity("ten").error(),
              "'ten' is not a quantity; write, for example, 500m, 2 or 16Gi");
}

TEST(Quantity, NeverWraps) {
    for (std::string_view text : {"9223372036854775808", "16Ei", "10E", "1e400", "9Pi",
                                  "99999999999999999999999999999999999999999", "1e99999999999999"})
        EXPECT_FALSE(ParseQuantity(text)) << text;
    EXPECT_EQ(Milli("9223372036854775.807"), INT64_MAX);
    EXPECT_FALSE(ParseQuantity("9223372036854775.808"));
    EXPECT_EQ(Milli("0e99999"), 0);
    EXPECT_FALSE(Add({INT64_MAX}, {1}));
    EXPECT_EQ(Add({1}, {2})->milli, 3);
}

TEST(Quantity, Compares) {
    EXPECT_LT(*ParseQuantity("1Gi"), *ParseQuantity("1.1G"));
    EXPECT_EQ(*ParseQuantity("1024Mi"), *ParseQuantity("1Gi"));
    EXPECT_GT(*ParseQuantity("1"), *ParseQuantity("999m"));
}

}  // namespace
}  // namespace dlws::model

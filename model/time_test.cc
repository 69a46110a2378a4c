// SPDX-License-Identifier: Apache-2.0
#include "model/time.h"

#include <gtest/gtest.h>

namespace dlws::model {
namespace {

TEST(TimeText, GoesBothWays) {
    for (std::string_view text : {"1970-01-01T00:00:00Z", "2026-01-02T03:04:05Z",
                                  "2024-02-29T23:59:59Z", "2100-12-31T00:00:00Z"}) {
        const auto t = ParseTime(text);
        ASSERT_TRUE(t) << text;
        EXPECT_EQ(FormatTime(*t), text);
    }
    EXPECT_EQ(ParseTime("1970-01-02T00:00:01Z")->time_since_epoch().count(), 86401);
}

TEST(TimeText, TakesFractionsAndOffsets) {
    EXPECT_EQ(FormatTime(*ParseTime("2026-01-02T03:04:05.999999Z")), "2026-01-02T03:04:05Z");
    EXPECT_EQ(FormatTime(*ParseTime("2026-01-02T03:04:05+02:30")), "2026-01-02T00:34:05Z");
    EXPECT_EQ(FormatTime(*ParseTime("2025-12-31T23:00:00-02:00")), "2026-01-01T01:00:00Z");
}

TEST(TimeText, RefusesOthers) {
    for (std::string_view text :
         {"", "now", "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z",
          "2026-02-29T03:04:05Z", "2026-01-02T24:04:05Z", "2026-01-02T03:04:05.Z",
          "2026-01-02T03:04:05Zx", "2026-01-02T03:04:05+0200", "-026-01-02T03:04:05Z"})
        EXPECT_FALSE(ParseTime(text)) << text;
}

}  // namespace
}  // namespace dlws::model

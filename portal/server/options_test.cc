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

}  // namespace
}  // namespace dlws::portal

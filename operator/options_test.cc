// SPDX-License-Identifier: Apache-2.0
#include "operator/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dlws {
namespace {

using ::testing::HasSubstr;

TEST(Options, BothWaysOfWriting) {
    auto o = ParseOptions({"--namespace=a", "--health-port", "9", "--leader-elect=false"});
    ASSERT_TRUE(o) << o.error();
    EXPECT_EQ(o->ns, "a");
    EXPECT_EQ(o->health_port, 9);
    EXPECT_FALSE(o->leader_elect);
}

TEST(Options, WatchesAllNamespacesUnlessToldWhich) {
    EXPECT_EQ(ParseOptions({})->watch_namespace, "");
    EXPECT_EQ(ParseOptions({"--watch-namespace=vision"})->watch_namespace, "vision");
    EXPECT_THAT(HelpText(), HasSubstr("--watch-namespace"));
}

TEST(Options, MistakesSayWhatToWrite) {
    EXPECT_THAT(ParseOptions({"--nmespace=a"}).error(), HasSubstr("no flag --nmespace"));
    EXPECT_THAT(ParseOptions({"namespace"}).error(), HasSubstr("--name=value"));
    EXPECT_THAT(ParseOptions({"--workers=0"}).error(), HasSubstr("from 1 to 256"));
    EXPECT_THAT(ParseOptions({"--workers=4x"}).error(), HasSubstr("\"4x\""));
    EXPECT_THAT(ParseOptions({"--lease"}).error(), HasSubstr("needs a value"));
    EXPECT_THAT(ParseOptions({"--log-level=loud"}).error(), HasSubstr("debug, info"));
}

TEST(Options, HelpListsEveryFlag) {
    EXPECT_TRUE(ParseOptions({"--help"})->help);
    EXPECT_THAT(HelpText(), HasSubstr("--lease-seconds"));
}

}  // namespace
}  // namespace dlws

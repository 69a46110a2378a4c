// SPDX-License-Identifier: Apache-2.0
#include "portal/server/access/rights.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <string>

namespace dlws::portal {
namespace {

std::string Told(const std::string& status) {
    const ToldRights told = RightsIn(boost::json::parse("{\"status\":" + status + "}"));
    std::string names = told.complete ? "all:" : "some:";
    for (std::size_t i = 0; i < kRights.size(); ++i)
        if (told.rights[i]) names += " " + std::string(kRights[i].name);
    return names;
}
std::string Rule(const std::string& rule) {
    return Told(R"({"incomplete":false,"nonResourceRules":[],"resourceRules":[)" + rule + "]}");
}

TEST(Rights, OfRules) {
    EXPECT_EQ(Rule(""), "all:");
    EXPECT_EQ(
        Rule(
            R"({"verbs":["get","list"],"apiGroups":["dlworkspace.io"],"resources":["dljobs","x"]})"),
        "all: list");
    EXPECT_EQ(Rule(R"({"verbs":["create"],"apiGroups":["*"],"resources":["dljobapprovals"]},
                      {"verbs":["patch"],"apiGroups":["dlworkspace.io"],"resources":["dljobs"]})"),
              "all: change approve");
    EXPECT_EQ(Rule(R"({"verbs":["*"],"apiGroups":["*"],"resources":["*"]})"),
              "all: list submit change approve templates");
}

TEST(Rights, NotWhatOnlyLooksLikeThem) {
    EXPECT_EQ(Rule(R"({"verbs":["list"],"apiGroups":["apps"],"resources":["dljobs"]})"), "all:");
    EXPECT_EQ(
        Rule(R"({"verbs":["list"],"apiGroups":["dlworkspace.io"],"resources":["dljobs/status"]})"),
        "all:");
    EXPECT_EQ(
        Rule(
            R"({"verbs":["list"],"apiGroups":["dlworkspace.io"],"resources":["dljobs"],"resourceNames":["a"]})"),
        "all:");
    EXPECT_EQ(
        Rule(
            R"({"verbs":["list"],"apiGroups":["dlworkspace.io"],"resources":["dljobs"],"resourceNames":[]})"),
        "all: list");
}

TEST(Rights, WhatIsNoReviewIsNotComplete) {
    for (const char* status : {"{}", R"({"incomplete":false})", R"({"resourceRules":[]})", "null",
                               R"({"resourceRules":[1,{},{"verbs":1}],"incomplete":true})"})
        EXPECT_EQ(Told(status), "some:") << status;
}

}  // namespace
}  // namespace dlws::portal

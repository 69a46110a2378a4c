// SPDX-License-Identifier: Apache-2.0
#include "operator/admission/policies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace dlws::admission {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

const std::string kPolicy = R"({"kind":"ValidatingAdmissionPolicy","metadata":{"name":"p"},"spec":{
    "failurePolicy":"Fail","matchConstraints":{"resourceRules":[
        {"apiGroups":[""],"apiVersions":["v1"],"resources":["pods"],"operations":["CREATE"]}]},
    "validations":[{"expression":"false","message":"no"}]}})";
const std::string kBinding = R"({"kind":"ValidatingAdmissionPolicyBinding","metadata":{"name":"p"},
    "spec":{"policyName":"p","validationActions":["Deny"]}})";

TEST(ParseExpected, KnowsPoliciesAndBindings) {
    const auto expected = ParseExpected("[" + kPolicy + "," + kBinding + "]");
    ASSERT_TRUE(expected) << expected.error();
    EXPECT_EQ(expected->policies.size(), 1U);
    EXPECT_EQ(expected->bindings.size(), 1U);
    for (const char* wrong :
         {"", "{}", "[]", R"([{"kind":"Pod","metadata":{"name":"x"},"spec":{}}])",
          R"([{"kind":"ValidatingAdmissionPolicy"}])"})
        EXPECT_FALSE(ParseExpected(wrong)) << wrong;
}

class DeviationTest : public ::testing::Test {
  protected:
    // What is found when the API server has the policy with `value` at `key` of the object at `at`.
    std::string With(std::string_view at, std::string_view key, json::value value) {
        json::value stored = json::parse(kPolicy);
        stored.at_pointer(at).as_object()[key] = std::move(value);
        return Deviation(expected_, json::serialize(stored));
    }
    json::object expected_ = json::parse(kPolicy).as_object();
};

TEST_F(DeviationTest, DefaultsAreNone) {
    EXPECT_EQ(Deviation(expected_, kPolicy), "");
    EXPECT_EQ(With("/spec/matchConstraints", "matchPolicy", "Equivalent"), "");
    EXPECT_EQ(With("/spec/matchConstraints", "namespaceSelector", json::object{}), "");
    EXPECT_EQ(With("/spec/matchConstraints/resourceRules/0", "scope", "*"), "");
    EXPECT_EQ(With("/metadata", "labels", json::object{{"a", "b"}}), "");
}

TEST_F(DeviationTest, WhatWeakensAPolicyIsFound) {
    EXPECT_EQ(With("/spec", "failurePolicy", "Ignore"), "spec.failurePolicy");
    EXPECT_EQ(With("/spec", "matchConditions", json::array{json::object{{"expression", "false"}}}),
              "spec.matchConditions");
    EXPECT_EQ(With("/spec/validations/0", "expression", "true"), "spec.validations[0].expression");
    EXPECT_EQ(With("/spec", "validations", json::array{}), "spec.validations");
    EXPECT_EQ(With("/spec/matchConstraints", "excludeResourceRules", json::array{1}),
              "spec.matchConstraints.excludeResourceRules");
    EXPECT_EQ(With("/spec/matchConstraints", "namespaceSelector",
                   json::object{{"matchLabels", json::object{{"a", "b"}}}}),
              "spec.matchConstraints.namespaceSelector");
    EXPECT_EQ(With("/spec/matchConstraints", "matchPolicy", "Exact"),
              "spec.matchConstraints.matchPolicy");
    EXPECT_EQ(With("/spec/matchConstraints/resourceRules/0", "scope", "Cluster"),
              "spec.matchConstraints.resourceRules[0].scope");
    EXPECT_EQ(With("/metadata", "deletionTimestamp", "2026-01-01T00:00:00Z"),
              "metadata.deletionTimestamp");
    EXPECT_EQ(Deviation(expected_, "nonsense"), "spec");
}

TEST(ConfigurationProblem, SaysWhatWouldLetARequestPass) {
    const auto with = [](const std::string& more) {
        return ConfigurationProblem(R"({"webhooks":[{"name":"dljobs.dlworkspace.io")" + more +
                                    "}]}");
    };
    const std::string bundle = R"(,"clientConfig":{"caBundle":"Q0E="})";
    EXPECT_EQ(with(R"(,"failurePolicy":"Fail")" + bundle), "");
    EXPECT_THAT(with(R"(,"failurePolicy":"Ignore")" + bundle), HasSubstr("failurePolicy"));
    EXPECT_THAT(with(R"(,"failurePolicy":"Fail")"), HasSubstr("certificate"));
    EXPECT_THAT(
        with(R"(,"failurePolicy":"Fail","matchConditions":[{"expression":"false"}])" + bundle),
        HasSubstr("matchConditions"));
    EXPECT_EQ(ConfigurationProblem(R"({"webhooks":[]})"), "it has no webhooks");
    EXPECT_EQ(ConfigurationProblem(R"({"webhooks":[{"name":"audit.dlworkspace.io",
        "failurePolicy":"Ignore","clientConfig":{"caBundle":"Q0E="}}]})"),
              "")
        << "what only tells of deletions";
}

}  // namespace
}  // namespace dlws::admission

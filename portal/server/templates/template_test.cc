// SPDX-License-Identifier: Apache-2.0
#include "portal/server/templates/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "portal/server/templates/testing.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;
using testing::TemplateText;

TEST(TemplateJson, IsTheRowAndTheJob) {
    const auto row = TemplateJson(TemplateText().Json(), false);
    ASSERT_TRUE(row);
    EXPECT_EQ(json::value(*row), json::parse(R"({"namespace":"vision","name":"digits","uid":"t1",
        "title":"Digits","description":"Two pods.","changedAt":"2026-11-29T10:00:00Z"})"));
    const auto whole = TemplateJson(TemplateText().Json(), true);
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->at("job"), json::parse(R"({"spec":{"image":"registry.example/digits:1"}})"));
    TemplateText bare;
    bare.description = "";
    EXPECT_FALSE(TemplateJson(bare.Json(), false)->contains("description"));
}

TEST(TemplateJson, ChangedWhenItWasSavedHere) {
    const auto changed = [](const std::string& saved_at) {
        TemplateText text;
        text.metadata = R"(,"annotations":{"dlworkspace.io/saved-at":")" + saved_at + "\"}";
        return TemplateJson(text.Json(), false)->at("changedAt");
    };
    EXPECT_EQ(changed("2026-11-30T11:00:00Z"), "2026-11-30T11:00:00Z");
    EXPECT_EQ(changed("yesterday"), "2026-11-29T10:00:00Z") << "anybody may write annotations";
}

TEST(TemplateJson, OfWhatIsNoneIsNothing) {
    for (const char* raw : {"", "[]", "{}", R"({"metadata":{},"spec":{}})",
                            R"({"metadata":{},"spec":{"job":[]}})", R"({"spec":{"job":{}}})"})
        EXPECT_FALSE(TemplateJson(raw, true)) << raw;
}

TEST(TemplateSpec, LeavesOutWhatIsOfOneJobAlone) {
    const auto spec = TemplateSpec(json::parse(R"({"title":"Digits","description":"d","job":{
        "apiVersion":"dlworkspace.io/v1","kind":"DLJob","status":{"phase":"Running"},
        "metadata":{"name":"digits","namespace":"vision","annotations":{"a":"b",
            "kubectl.kubernetes.io/last-applied-configuration":"{\"TOKEN\":\"x\"}"}},
        "spec":{"image":"i","what":["ever"]}}})"));
    ASSERT_TRUE(spec) << spec.error().detail;
    EXPECT_EQ(json::value(*spec), json::parse(R"({"title":"Digits","description":"d","job":{
        "metadata":{"name":"digits","annotations":{"a":"b"}},
        "spec":{"image":"i","what":["ever"]}}})"));
    // What the definition says a word about goes to the API server as it is.
    const auto odd =
        TemplateSpec(json::parse(R"({"title":"","job":{"metadata":{"annotations":1},"spec":{}}})"));
    ASSERT_TRUE(odd) << odd.error().detail;
}

TEST(TemplateSpec, SaysWhatIsWrong) {
    const auto wrong = [](const char* body) {
        const auto spec = TemplateSpec(json::parse(body));
        return spec ? "nothing" : spec.error().errors.at(0).field + ": " + spec.error().detail;
    };
    EXPECT_EQ(wrong("[]"), "body: body must be an object.");
    EXPECT_EQ(wrong("{}"), "title: body title is missing.");
    EXPECT_EQ(wrong(R"({"title":"t"})"), "job: body job is missing.");
    EXPECT_EQ(wrong(R"({"title":1,"job":{"spec":{}}})"), "title: body title must be text.");
    EXPECT_EQ(wrong(R"({"title":"t","job":[]})"), "job: body job must be an object.");
    EXPECT_EQ(wrong(R"({"title":"t","job":{}})"), "job.spec: body job.spec is missing.");
    EXPECT_EQ(wrong(R"({"title":"t","job":{"spec":[]}})"),
              "job.spec: body job.spec must be an object.");
    EXPECT_EQ(wrong(R"({"title":"t","job":{"kind":"Pod","spec":{}}})"),
              "job.kind: body job.kind must be DLJob.");
    EXPECT_EQ(wrong(R"({"title":"t","job":{"apiVersion":"v1","spec":{}}})"),
              "job.apiVersion: body job.apiVersion must be dlworkspace.io/v1.");
    EXPECT_EQ(wrong(R"({"title":"t","job":{"spec":{},"more":1}})"),
              "job.more: body job.more is no field here.");
    EXPECT_EQ(wrong(R"({"title":"t","job":{"spec":{}},"uid":"u"})"),
              "uid: body uid is no field here.");
}

TEST(FindInBody, ErrorsAreOfTheBody) {
    Problem invalid(422, "Invalid", "t");
    invalid.errors.push_back({.field = "spec.job.spec.env[0].value", .message = "m"});
    invalid.errors.push_back({.field = "metadata.name", .message = "m"});
    FindInBody(invalid);
    EXPECT_EQ(invalid.errors[0].field, "job.spec.env[0].value");
    EXPECT_EQ(invalid.errors[1].field, "metadata.name");
    Problem unknown(400, "BadRequest", "t", R"(strict: unknown field "spec.job.metadata.uid")");
    FindInBody(unknown);
    ASSERT_EQ(unknown.errors.size(), 1u);
    EXPECT_EQ(unknown.errors[0].field, "job.metadata.uid");
}

}  // namespace
}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "kube/object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/decode.h"

namespace dlws::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(ParseObjectTest, ReadsTheHeader) {
    const auto object = ParseObject(
        R"({"kind":"Pod","spec":{"name":"not-me","metadata":{"name":"nor-me"}},"metadata":)"
        R"({"name":"a","namespace":"n","uid":"u","resourceVersion":"18446744073709551615",)"
        R"("generation":7,"deletionTimestamp":"2026-01-01T00:00:00Z","labels":{"k":"v","e":""},)"
        R"("ownerReferences":[{"kind":"Other","name":"o1","uid":"x"},)"
        R"({"apiVersion":"v1","kind":"DLJob","name":"job","uid":"j","controller":true}]}})");
    ASSERT_TRUE(object) << object.error().message;
    const Meta& meta = (*object)->meta;
    EXPECT_EQ(meta.name, "a");
    EXPECT_EQ(meta.ns, "n");
    EXPECT_EQ(meta.uid, "u");
    EXPECT_EQ(meta.resource_version, 18446744073709551615ULL);
    EXPECT_EQ(meta.generation, 7);
    EXPECT_TRUE(meta.deleting);
    EXPECT_EQ(meta.labels, (std::map<std::string, std::string>{{"k", "v"}, {"e", ""}}));
    EXPECT_EQ(meta.controller_uid, "j");
    EXPECT_EQ(meta.controller_kind, "DLJob");
    EXPECT_EQ(meta.controller_name, "job");
    EXPECT_EQ(meta.Key().ToString(), "n/a");
}

TEST(ParseObjectTest, AbsentAndNullFieldsAreTheirDefaults) {
    const auto object = ParseObject(
        R"({"metadata":{"name":"a","labels":null,"ownerReferences":null,"deletionTimestamp":null}})");
    ASSERT_TRUE(object) << object.error().message;
    EXPECT_FALSE((*object)->meta.deleting);
    EXPECT_EQ((*object)->meta.resource_version, 0U);
    EXPECT_THAT((*object)->meta.labels, IsEmpty());
    EXPECT_THAT((*object)->meta.controller_uid, IsEmpty());
}

TEST(ParseObjectTest, KeepsNoSpaceAroundTheObject) {
    const auto object = ParseObject("\n {\"metadata\":{\"name\":\"a\",\"managedFields\":[]}}\r\n ");
    ASSERT_TRUE(object);
    EXPECT_EQ((*object)->raw, R"({"metadata":{"name":"a"}})");
}

TEST(ParseObjectTest, UnescapesText) {
    const auto object =
        ParseObject(R"({"metadata":{"name":"a","labels":{"q\"\u00e9":"x\ty\u0041"}}})");
    ASSERT_TRUE(object);
    EXPECT_EQ((*object)->meta.labels, (std::map<std::string, std::string>{{"q\"é", "x\tyA"}}));
}

struct CutCase {
    const char* text;
    const char* kept;
};

class ManagedFieldsTest : public ::testing::TestWithParam<CutCase> {};

INSTANTIATE_TEST_SUITE_P(
    Places, ManagedFieldsTest,
    ::testing::Values(
        CutCase{R"({"metadata":{"managedFields":[{"a":[1,"]"]}],"name":"a"},"x":1})",
                R"({"metadata":{"name":"a"},"x":1})"},
        CutCase{R"({"metadata":{"name":"a","managedFields":[{"f":{}}],"uid":"u"}})",
                R"({"metadata":{"name":"a","uid":"u"}})"},
        CutCase{R"({"metadata":{"name":"a","managedFields":[{"f":{}}]},"x":1})",
                R"({"metadata":{"name":"a"},"x":1})"},
        CutCase{R"({"metadata":{"name":"a","managedFields":[]}})", R"({"metadata":{"name":"a"}})"},
        CutCase{"{ \"metadata\" : {\n \"name\" : \"a\" ,\n \"managedFields\" : [ 1 ] \n}\n} \n",
                "{ \"metadata\" : {\n \"name\" : \"a\"  \n}\n}"},
        // Only metadata's own: a user may call a field of theirs so.
        CutCase{R"({"metadata":{"name":"a","annotations":{"managedFields":"x"}},)"
                R"("managedFields":[1]})",
                R"({"metadata":{"name":"a","annotations":{"managedFields":"x"}},)"
                R"("managedFields":[1]})"}));

TEST_P(ManagedFieldsTest, AreCutOut) {
    const auto object = ParseObject(GetParam().text);
    ASSERT_TRUE(object) << object.error().message;
    EXPECT_EQ((*object)->raw, GetParam().kept);
    EXPECT_EQ((*object)->meta.name, "a");
    const auto again = ParseObject((*object)->raw);
    EXPECT_TRUE(again) << "what is kept must be JSON itself";
    // The same in a list and in a watch.
    std::string list = std::string(R"({"items":[)") + GetParam().text + "," + GetParam().text +
                       R"(],"metadata":{"resourceVersion":"4"}})";
    const auto page = internal::DecodeList(list);
    ASSERT_TRUE(page) << page.error().message;
    ASSERT_EQ(page->items.size(), 2U);
    EXPECT_EQ(page->items[0]->raw, GetParam().kept);
    EXPECT_EQ(page->items[1]->raw, GetParam().kept);
    std::string line = std::string(R"({"type":"MODIFIED","object":)") + GetParam().text + "}";
    const std::size_t size = line.size();
    line.resize(size + internal::kPadding);
    const auto event = internal::DecodeWatchLine(line.data(), size, line.size());
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->object->raw, GetParam().kept);
}

TEST(ParseObjectTest, RefusesWhatIsNoObject) {
    for (const char* text :
         {"",
          " ",
          "null",
          "[]",
          "7",
          "\"x\"",
          "{",
          "{}",
          R"({"metadata":{}})",
          R"({"metadata":{"name":""}})",
          R"({"metadata":[]})",
          R"({"metadata":{"name":7}})",
          R"({"metadata":{"name":"a")",
          R"({"metadata":{"name":"a"})",
          R"({"metadata":{"name":"a","labels":{"x":1}}})",
          R"({"metadata":{"name":"a","labels":[]}})",
          R"({"metadata":{"name":"a","ownerReferences":[{"controller":"yes"}]}})",
          R"({"metadata":{"name":"a","generation":"1"}})",
          "{\"metadata\":{\"name\":\"\xff\"}}",
          R"({"metadata":{"name":"a"}}{)",
          R"({"metadata":{"name":"a"}} x)"}) {
        const auto object = ParseObject(text);
        ASSERT_FALSE(object) << text;
        EXPECT_EQ(object.error().kind, ErrorKind::kProtocol) << text;
        EXPECT_THAT(object.error().message, HasSubstr("not a Kubernetes object"));
    }
}

TEST(ParseObjectTest, SurvivesEveryTruncation) {
    const std::string whole =
        R"({"metadata":{"name":"a","managedFields":[{"x":{}}],"labels":{"k":"v"},)"
        R"("ownerReferences":[{"uid":"j","controller":true}]},"spec":{"a":[1,{"b":null}]}})";
    ASSERT_TRUE(ParseObject(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(ParseObject(whole.substr(0, size))) << size;
    }
}

TEST(DecodeListTest, RefusesWhatIsNoList) {
    for (const char* text :
         {"", "[]", "{}", R"({"kind":"Status"})", R"({"items":{}})", R"({"items":[7]})",
          R"({"items":[{}]})", R"({"items":[{"metadata":{"name":"a"}})",
          R"({"items":[{"metadata":{"name":"a"}}])",
          R"({"metadata":{"resourceVersion":7},"items":[]})"}) {
        std::string body(text);
        const auto page = internal::DecodeList(body);
        ASSERT_FALSE(page) << text;
        EXPECT_EQ(page.error().kind, ErrorKind::kProtocol);
    }
}

TEST(DecodeListTest, ManyItems) {
    std::string body = R"({"metadata":{"resourceVersion":"5","continue":""},"items":[)";
    for (int i = 0; i < 2000; ++i) {
        body += (i == 0 ? "" : ",") + std::string(R"({"metadata":{"name":"p)") + std::to_string(i) +
                R"(","managedFields":[{}]},"spec":{"x":")" + std::string(100, 'y') + R"("}})";
    }
    body += "]}";
    const auto page = internal::DecodeList(body);
    ASSERT_TRUE(page) << page.error().message;
    ASSERT_EQ(page->items.size(), 2000U);
    EXPECT_EQ(page->items[1999]->meta.name, "p1999");
    EXPECT_THAT(page->items[1999]->raw, Not(HasSubstr("managedFields")));
    EXPECT_TRUE(page->continue_token.empty());
}

TEST(DecodeStatusTest, SpeaksOnlyWhereTheStatusCodeIsMissing) {
    const auto error = internal::DecodeStatus(
        "GET /x", 0, R"({"kind":"Status","code":410,"reason":"Expired","message":"too old"})");
    EXPECT_EQ(error.code, 410);
    EXPECT_TRUE(error.IsExpired());
    EXPECT_EQ(error.message, "GET /x: too old (410 Expired)");
    EXPECT_EQ(internal::DecodeStatus("GET /x", 500, R"({"code":200})").code, 500);
    EXPECT_EQ(internal::DecodeStatus("GET /x", 500, "").message,
              "GET /x: the server gave no reason (500)");
}

}  // namespace
}  // namespace dlws::kube

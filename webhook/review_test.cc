// SPDX-License-Identifier: Apache-2.0
#include "webhook/review.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "kube/base64.h"
#include "webhook/testing.h"

namespace dlws::webhook {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ParseReview, ReadsWhoAsksForWhat) {
    const auto review = ParseReview(ReviewBody("UPDATE", Job(kByAlice), Job()));
    ASSERT_TRUE(review) << review.error();
    EXPECT_EQ(review->uid, "r1");
    EXPECT_EQ(review->operation, "UPDATE");
    EXPECT_EQ(review->group, "dlworkspace.io");
    EXPECT_EQ(review->resource, "dljobs");
    EXPECT_EQ(review->subresource, "");
    EXPECT_EQ(review->ns, "vision");
    EXPECT_EQ(review->name, "digits");
    EXPECT_EQ(review->user, (model::User{"alice", "u-1"}));
    EXPECT_THAT(review->groups, ElementsAre("lab", "system:authenticated"));
    EXPECT_THAT(review->object, HasSubstr("submittedBy"));
    EXPECT_EQ(review->old_object, Job());
}

struct Bad {
    std::string body, why;
};

class BadReview : public ::testing::TestWithParam<Bad> {};

TEST_P(BadReview, IsRefusedWithWhatIsWrong) {
    const auto review = ParseReview(GetParam().body);
    ASSERT_FALSE(review) << GetParam().body;
    EXPECT_THAT(review.error(), HasSubstr("not an AdmissionReview: "));
    EXPECT_THAT(review.error(), HasSubstr(GetParam().why));
}

std::string Replaced(std::string text, const std::string& what, const std::string& with) {
    return text.replace(text.find(what), what.size(), with);
}
std::string Create() {
    return ReviewBody("CREATE", Job());
}

INSTANTIATE_TEST_SUITE_P(
    Reviews, BadReview,
    ::testing::Values(
        Bad{"", ""}, Bad{"{", ""}, Bad{"[]", "kind"}, Bad{"{}", "kind"}, Bad{"null", "kind"},
        Bad{Replaced(Create(), "admission.k8s.io/v1", "admission.k8s.io/v1beta1"), "kind"},
        Bad{Replaced(Create(), R"("uid":"r1",)", ""), "request.uid is missing"},
        Bad{Replaced(Create(), R"("uid":"r1",)", R"("uid":7,)"), "request.uid must be text"},
        Bad{Replaced(Create(), R"("username":"alice",)", ""), "username is missing"},
        Bad{Replaced(Create(), R"("resource":"dljobs")", R"("resource":null)"), "is missing"},
        Bad{Replaced(Create(), R"(["lab","system:authenticated"])", R"(["lab",1])"),
            "groups must be a list of texts"},
        Bad{Replaced(Create(), R"("dryRun":false)", R"("dryRun":"no")"), "must be true or false"},
        Bad{ReviewBody("CREATE", ""), "request.object is missing"},
        Bad{ReviewBody("CREATE", R"("text")"), "request.object must be an object"},
        Bad{ReviewBody("UPDATE", Job()), "request.oldObject is missing"},
        // Which of the two counts would be a matter of taste.
        Bad{Replaced(Create(), R"("uid":"r1",)", R"("uid":"r1","uid":"r2",)"), "uid occurs twice"},
        Bad{ReviewBody("CREATE", Job(R"(,"image":"evil:1")")), "image occurs twice"},
        Bad{Replaced(Create(), "vision", "vis\xff\xfe"), ""}, Bad{Create() + "{}", ""},
        Bad{Replaced(Create(), "digits", std::string("a\0b", 3)), ""},
        Bad{ReviewBody("CREATE", std::string(100, '[') + std::string(100, ']')), ""},
        Bad{std::string(100'000, '['), ""}));

TEST(AnswerReview, RefusesWithCodeReasonAndMessage) {
    Verdict verdict;
    verdict.allowed = false;
    verdict.code = 422;
    verdict.reason = "Invalid";
    verdict.message = "write \"less\"";
    EXPECT_EQ(AnswerReview("r1", verdict),
              R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{)"
              R"("uid":"r1","allowed":false,"status":{"code":422,"reason":"Invalid",)"
              R"("message":"write \"less\""}}})");
}

TEST(AnswerReview, CarriesPatchAndWarnings) {
    const auto answer =
        boost::json::parse(AnswerReview("r1", {.patch = "[]", .warnings = {"it waits"}}));
    const auto& response = answer.at("response");
    EXPECT_EQ(response.at("allowed"), true);
    EXPECT_EQ(response.at("patchType"), "JSONPatch");
    EXPECT_EQ(kube::DecodeBase64(std::string_view(response.at("patch").as_string())), "[]");
    EXPECT_EQ(response.at("warnings").at(0), "it waits");
    EXPECT_FALSE(response.as_object().contains("status"));
}

}  // namespace
}  // namespace dlws::webhook

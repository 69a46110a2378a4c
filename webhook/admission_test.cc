// SPDX-License-Identifier: Apache-2.0
#include "webhook/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/client.h"
#include "kube/testing/imposter.h"
#include "kube/testing/run.h"
#include "webhook/testing.h"

namespace dlws::webhook {
namespace {

using namespace testing;
using ::testing::HasSubstr;

class AdmissionTest : public ::testing::Test {
  protected:
    kube::HttpAnswer Post(const std::string& path, std::string body,
                          const std::string& type = "application/json") {
        kube::HttpRequest request;
        request.method = "POST";
        request.path = path;
        request.fields = {{"Content-Type", type}};
        request.body = std::move(body);
        return kube::testing::Run(io_, admission_.Answer(std::move(request)));
    }

    boost::asio::io_context io_{1};
    kube::testing::Imposter server_;
    kube::Client client_{io_.get_executor(), server_.ClientConfig()};
    kube::Metrics metrics_;
    Admission admission_{client_, metrics_, [] { return nullptr; }};
};

TEST_F(AdmissionTest, AnswersBothQuestions) {
    const auto mutated = Post("/mutate", ReviewBody("CREATE", Job()));
    EXPECT_EQ(mutated.status, 200);
    EXPECT_EQ(mutated.content_type, "application/json");
    EXPECT_THAT(mutated.body, HasSubstr(R"("allowed":true,"patchType":"JSONPatch")"));
    const auto refused = Post("/validate", ReviewBody("CREATE", Job(kByBob)));
    EXPECT_EQ(refused.status, 200);
    EXPECT_THAT(refused.body, HasSubstr(R"("allowed":false)"));
    EXPECT_THAT(metrics_.Text(),
                HasSubstr(R"(dlws_admission_refusals_total{reason="Forbidden"} 1)"));
    EXPECT_THAT(metrics_.Text(), HasSubstr(R"(webhook="/mutate")"));
}

TEST_F(AdmissionTest, WhatIsNoReviewIsAnHttpError) {
    EXPECT_EQ(Post("/validate", "{}").status, 400);
    EXPECT_EQ(Post("/validate", "{}", "text/yaml").status, 415);
    EXPECT_EQ(Post("/elsewhere", "{}").status, 404);
    EXPECT_THAT(metrics_.Text(), ::testing::Not(HasSubstr("/elsewhere")));
    kube::HttpRequest get;
    get.method = "GET";
    get.path = "/mutate";
    EXPECT_EQ(kube::testing::Run(io_, admission_.Answer(std::move(get))).status, 405);
}

}  // namespace
}  // namespace dlws::webhook

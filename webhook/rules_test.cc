// SPDX-License-Identifier: Apache-2.0
#include "webhook/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "webhook/testing.h"

namespace dlws::webhook {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Review Of(const std::string& operation, const std::string& object, const std::string& old = "") {
    auto review = ParseReview(ReviewBody(operation, object, old));
    EXPECT_TRUE(review) << review.error();
    return review.value_or(Review{});
}

const std::string kStamp =
    R"([{"op":"add","path":"/spec/submittedBy","value":{"username":"alice","uid":"u-1"}}])";

TEST(Stamp, IsWhoCreatesTheJobWhateverTheRequestSays) {
    EXPECT_EQ(Mutate(Of("CREATE", Job())).patch, kStamp);
    EXPECT_EQ(Mutate(Of("CREATE", Job(kByBob))).patch, kStamp);
    EXPECT_EQ(Mutate(Of("CREATE", Job(kByAlice))).patch, "") << "it is there already";
    EXPECT_EQ(Mutate(Of("CREATE", Job(R"(,"submittedBy":null)"))).patch, kStamp);
}

TEST(Stamp, WithoutAUidHasTheNameAlone) {
    Review review = Of("CREATE", Job());
    review.user.uid.clear();
    EXPECT_THAT(Mutate(review).patch, HasSubstr(R"("value":{"username":"alice"})"));
}

TEST(Stamp, StaysWhenSomebodyElseUpdatesTheJob) {
    EXPECT_EQ(Mutate(Of("UPDATE", Job(kByBob), Job(kByBob))).patch, "");
    for (const std::string& changed : {std::string(), kByAlice})
        EXPECT_EQ(Mutate(Of("UPDATE", Job(changed), Job(kByBob))).patch,
                  R"([{"op":"add","path":"/spec/submittedBy","value":{"username":"bob"}}])");
}

TEST(Stamp, OfAJobWithoutOneIsNotInvented) {
    EXPECT_EQ(Mutate(Of("UPDATE", Job(), Job())).patch, "");
    EXPECT_EQ(Mutate(Of("UPDATE", Job(kByAlice), Job())).patch,
              R"([{"op":"remove","path":"/spec/submittedBy"}])");
}

TEST(Stamp, OtherKindsSubresourcesAndBrokenSpecsAreLeftAlone) {
    Review other = Of("CREATE", Job());
    other.resource = "dlqueues";
    EXPECT_EQ(Mutate(other).patch, "");
    Review scale = Of("UPDATE", Job(kByAlice), Job());
    scale.subresource = "scale";
    EXPECT_EQ(Mutate(scale).patch, "");
    EXPECT_EQ(Mutate(Of("CREATE", R"({"spec":"text"})")).patch, "");
    EXPECT_EQ(Mutate(Of("CREATE", "{}")).patch, "");
}

model::DLCluster WithFolder() {
    model::DLCluster cluster;
    cluster.storages = model::SharedFolder("/srv/dlws");
    return cluster;
}

TEST(Validate, AGoodJobPasses) {
    const auto cluster = WithFolder();
    const Verdict verdict = Validate(Of("CREATE", Job(kByAlice)), &cluster);
    EXPECT_TRUE(verdict.allowed) << verdict.message;
    EXPECT_TRUE(verdict.warnings.empty());
    EXPECT_EQ(verdict.patch, "");
}

TEST(Validate, AForgedStampIsRefused) {
    for (const std::string& stamp : {std::string(), kByBob}) {
        const Verdict verdict = Validate(Of("CREATE", Job(stamp)), nullptr);
        EXPECT_FALSE(verdict.allowed);
        EXPECT_EQ(verdict.code, 403);
        EXPECT_THAT(verdict.message, HasSubstr("leave it out"));
    }
    EXPECT_FALSE(Validate(Of("UPDATE", Job(kByAlice), Job(kByBob)), nullptr).allowed);
}

// A role that waits for itself through another one: no rule of the CRD sees circles.
const std::string kCircle =
    R"(,"roles":[{"name":"a","startAfter":[{"role":"b"}]},{"name":"b","startAfter":[{"role":"a"}]}])";
std::string Circle(const std::string& more = kByAlice) {
    std::string job = Job(kCircle + more);
    const std::string first = R"(,"roles":[{"name":"worker","replicas":2}])";
    return job.replace(job.find(R"("roles":[{"name":"worker","replicas":2}],)"), first.size(), "");
}

TEST(Validate, AJobThatCanNeverRunIsRefused) {
    const Verdict verdict = Validate(Of("CREATE", Circle()), nullptr);
    EXPECT_FALSE(verdict.allowed);
    EXPECT_EQ(verdict.code, 422);
    EXPECT_EQ(verdict.reason, "Invalid");
    EXPECT_THAT(verdict.message, HasSubstr("startAfter"));
}

TEST(Validate, WhatIsWrongAlreadyCanStillBeStopped) {
    const std::string old = Circle();
    EXPECT_TRUE(Validate(Of("UPDATE", Circle(kByAlice + R"(,"stop":true)"), old), nullptr).allowed);
    EXPECT_FALSE(Validate(Of("UPDATE", Circle(), Job(kByAlice)), nullptr).allowed);
}

TEST(Validate, AJobThatWaitsForAnAdministratorIsAllowedWithAWarning) {
    const std::string job = Job(kByAlice + R"(,"storage":[{"name":"data","mountPath":"/data"}])");
    const Verdict verdict = Validate(Of("CREATE", job), nullptr);
    EXPECT_TRUE(verdict.allowed);
    EXPECT_THAT(verdict.warnings, ElementsAre(HasSubstr("the job will wait: ")));
    const auto cluster = WithFolder();
    EXPECT_TRUE(Validate(Of("CREATE", job), &cluster).warnings.empty());
}

TEST(Validate, OtherOperationsPass) {
    EXPECT_TRUE(Validate(Of("DELETE", "", Job()), nullptr).allowed);
    EXPECT_TRUE(Validate(Of("UPDATE", Job(), Job()), nullptr).allowed);
}

}  // namespace
}  // namespace dlws::webhook

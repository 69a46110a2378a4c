// SPDX-License-Identifier: Apache-2.0
#include "portal/server/stream/topic.h"

#include <gtest/gtest.h>

namespace dlws::portal {
namespace {

std::string ErrorOf(const std::string& text) {
    const auto topic = ParseTopic(text);
    return topic ? "(none)" : topic.error();
}

TEST(ParseTopic, ReadsEachKind) {
    const auto jobs = ParseTopic("jobs?mine=true&q=a%20b&sort=name&limit=7&cursor=what");
    ASSERT_TRUE(jobs) << jobs.error();
    const Filter& filter = std::get<JobsTopic>(jobs->what).filter;
    EXPECT_TRUE(filter.mine);
    EXPECT_EQ(filter.words, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(jobs->text, "jobs?mine=true&q=a%20b&sort=name&limit=7&cursor=what");
    EXPECT_EQ(std::get<JobsTopic>(ParseTopic("jobs")->what).filter, Filter());
    EXPECT_EQ(std::get<JobsTopic>(ParseTopic("jobs?")->what).filter, Filter());
    const auto job = ParseTopic("job/vision/digits");
    ASSERT_TRUE(job);
    EXPECT_EQ(std::get<JobTopic>(job->what).ns, "vision");
    EXPECT_EQ(std::get<JobTopic>(job->what).name, "digits");
    EXPECT_TRUE(std::holds_alternative<ClusterTopic>(ParseTopic("cluster")->what));
    EXPECT_TRUE(std::holds_alternative<ApprovalsTopic>(ParseTopic("approvals")->what));
}

TEST(ParseTopic, SaysWhatToWriteInstead) {
    for (const char* bad :
         {"", "job", "job/", "job/vision", "job/vision/", "job/vision/Digits", "job/Vision/digits",
          "job/vision/a/b", "job/vision/a%2Fb", "jobsx", "clusters", " jobs"})
        EXPECT_EQ(ErrorOf(bad),
                  "must be jobs, jobs? and parameters of ListJobs, job/NAMESPACE/NAME, cluster or "
                  "approvals")
            << bad;
    EXPECT_EQ(ErrorOf("jobs?phase=running").substr(0, 44),
              "of jobs cannot be read: phase must be one of");
    EXPECT_EQ(ErrorOf("jobs?colour=red").substr(0, 23), "of jobs cannot be read:");
    EXPECT_EQ(ErrorOf("jobs?q=" + std::string(600, 'x')), "must have at most 512 bytes");
}

TEST(ParseTopics, AreOneToEight) {
    EXPECT_EQ(ParseTopics({"jobs", "cluster"})->size(), 2U);
    EXPECT_EQ(ParseTopics({}).error(), "must be given 1 to 8 times");
    EXPECT_EQ(ParseTopics(std::vector<std::string>(9, "jobs")).error(),
              "must be given 1 to 8 times");
    EXPECT_EQ(ParseTopics({"jobs", "jobs"}).error(), "must not name anything twice");
    EXPECT_FALSE(ParseTopics({"jobs", "x"}));
}

}  // namespace
}  // namespace dlws::portal

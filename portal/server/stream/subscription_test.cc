// SPDX-License-Identifier: Apache-2.0
#include "portal/server/stream/subscription.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "portal/server/jobs/testing.h"

namespace dlws::portal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::JobText;

RowPtr RowOf(const JobText& text) {
    return MakeRow(*text.Object());
}

Visible In(std::set<std::string, std::less<>> namespaces) {
    Visible visible;
    visible.namespaces = std::move(namespaces);
    return visible;
}

Subscription To(const testing::Parameters& filter, Visible visible = In({"vision"})) {
    return Subscription("jobs?x=\"1\"", testing::ParseFilter(filter).value(), "alice",
                        std::move(visible));
}

// Events in short: "row u1 7", "gone u1", "reset WHY".
std::vector<std::string> Short(const std::vector<std::string>& events) {
    std::vector<std::string> all;
    for (const std::string& event : events) {
        const std::size_t end = event.find('\n');
        const std::string name = event.substr(7, end - 7);
        EXPECT_TRUE(event.starts_with("event: ") && event.ends_with('\n')) << event;
        EXPECT_EQ(event.substr(end + 1, 6), "data: ");
        EXPECT_EQ(event.find('\n', end + 1), event.size() - 1);
        const auto data = boost::json::parse(event.substr(end + 7)).as_object();
        EXPECT_EQ(data.at("topic"), "jobs?x=\"1\"");
        const auto text = [](const boost::json::value& v) { return std::string(v.as_string()); };
        if (name == "row")
            all.push_back("row " + text(data.at("row").at("uid")) + " " +
                          text(data.at("row").at("resourceVersion")));
        else if (name == "gone")
            all.push_back("gone " + text(data.at("uid")));
        else
            all.push_back(name + " " + text(data.at("why")));
    }
    return all;
}

TEST(Subscription, TellsWhatFitsAndWhatNoLongerDoes) {
    Subscription to = To({{"phase", "Queued"}});
    JobText job;
    const RowPtr queued = RowOf(job);
    to.Changed(nullptr, queued);
    EXPECT_TRUE(to.Waits());
    EXPECT_THAT(Short(to.Take()), ElementsAre("row u1 1"));
    EXPECT_FALSE(to.Waits());
    EXPECT_THAT(to.Take(), IsEmpty());
    job.status = R"("phase":"Running")";
    job.version = 2;
    const RowPtr running = RowOf(job);
    to.Changed(queued, running);
    EXPECT_THAT(Short(to.Take()), ElementsAre("gone u1"));
    to.Changed(running, nullptr);
    EXPECT_FALSE(to.Waits());
    to.Changed(queued, nullptr);
    EXPECT_THAT(Short(to.Take()), ElementsAre("gone u1"));
}

TEST(Subscription, TellsNothingOfOtherNamespaces) {
    Subscription to = To({});
    JobText job;
    job.ns = "speech";
    to.Changed(nullptr, RowOf(job));
    to.Changed(RowOf(job), nullptr);
    to.Tell(RowOf(job));
    to.TellGone(RowOf(job));
    EXPECT_FALSE(to.Waits());
    Subscription filtered = To({{"namespace", "speech"}}, In({"vision", "speech"}));
    job.ns = "vision";
    filtered.Changed(nullptr, RowOf(job));
    filtered.Tell(RowOf(job));
    filtered.TellGone(RowOf(job));
    EXPECT_FALSE(filtered.Waits());
}

// One who does not read holds no more than the newest state of each job, and at last nothing.
TEST(Subscription, DoesNotGrowForASlowReader) {
    Subscription to = To({});
    JobText job;
    RowPtr before;
    for (int i = 1; i <= 5000; ++i) {
        job.version = std::uint64_t(i);
        const RowPtr after = RowOf(job);
        to.Changed(before, after);
        before = after;
    }
    EXPECT_EQ(to.Waiting(), 1U);
    EXPECT_THAT(Short(to.Take()), ElementsAre("row u1 5000"));
    for (std::size_t i = 0; i < Subscription::kMostWaiting; ++i) {
        job.uid = "u" + std::to_string(i);
        to.Changed(nullptr, RowOf(job));
    }
    EXPECT_EQ(to.Waiting(), Subscription::kMostWaiting);
    job.uid = "one more";
    to.Changed(nullptr, RowOf(job));
    to.Changed(nullptr, RowOf(job));
    EXPECT_EQ(to.Waiting(), 0U);
    EXPECT_THAT(Short(to.Take()), ElementsAre("reset More than 1000 jobs have changed."));
    to.Changed(nullptr, RowOf(job));
    EXPECT_EQ(Short(to.Take()).size(), 1U);
}

TEST(Subscription, KeepsTheOrderOfTheFirstChange) {
    Subscription to = To({});
    for (const auto& [uid, version] : {std::pair{"a", 1}, {"b", 2}, {"a", 3}})
        to.Changed(nullptr, RowOf({.uid = uid, .version = std::uint64_t(version)}));
    EXPECT_THAT(Short(to.Take()), ElementsAre("row a 3", "row b 2"));
}

TEST(Subscription, GoesOnWithRowsAndWhatMayHaveFittedBefore) {
    Subscription to = To({{"mine", "true"}, {"phase", "Queued"}});
    JobText job;
    to.Tell(RowOf(job));
    job.uid = "u2";
    job.status = R"("phase":"Running")";
    to.Tell(RowOf(job));
    job.uid = "u3";
    job.owner = "bob";
    to.Tell(RowOf(job));
    to.TellGone(RowOf(job));
    EXPECT_THAT(Short(to.Take()), ElementsAre("row u1 1", "gone u2"));
}

TEST(Subscription, FollowsWhatTheCallerMaySee) {
    JobTable jobs;
    jobs.Apply(testing::Appeared({.uid = "u1"}));
    jobs.Apply(testing::Appeared({.ns = "speech", .uid = "u2"}));
    jobs.Apply(testing::Appeared({.ns = "speech", .name = "bobs", .uid = "u3", .owner = "bob"}));
    jobs.Apply(testing::Appeared({.ns = "other", .uid = "u4"}));
    Subscription to = To({{"mine", "true"}}, In({"vision"}));
    to.SetVisible(In({"speech"}), jobs);
    EXPECT_THAT(Short(to.Take()), ::testing::UnorderedElementsAre("gone u1", "row u2 1"));
    to.Changed(nullptr, jobs.ByUid("u1"));
    EXPECT_FALSE(to.Waits());
    Visible all;
    all.everywhere = true;
    to.SetVisible(all, jobs);
    EXPECT_THAT(Short(to.Take()), ::testing::UnorderedElementsAre("row u1 1", "row u4 1"));
}

}  // namespace
}  // namespace dlws::portal

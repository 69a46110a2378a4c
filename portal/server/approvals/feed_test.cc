// SPDX-License-Identifier: Apache-2.0
#include "portal/server/approvals/feed.h"

#include "portal/server/fixture.h"
#include "portal/server/jobs/testing.h"

namespace dlws::portal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::JobText;

JobText Asking(const std::string& name, const std::string& ns = "vision",
               const std::string& state = "Awaiting") {
    return {.ns = ns,
            .name = name,
            .uid = "u-" + name,
            .status = fmt::format(R"("phase":"{}","approval":{{"state":"{}","templateHash":"a",)"
                                  R"("classes":["hostNetwork"],"asks":[],"mounts":[],"diff":""}})",
                                  state == "Awaiting" ? "AwaitingApproval" : "Queued", state)};
}

class ApprovalsFeedTest : public PortalTest {
  protected:
    ApprovalsFeedTest() {
        for (const char* right : {"list dljobs vision", "create dljobapprovals vision",
                                  "approve dljobs vision", "approve permissionclasses vision"})
            Allow(std::string("carol ") + right);
        carol = As("carol");
        carol.uid = "u-carol";
        feed = MakeApprovalsFeed(approvals, *ParseTopic("approvals"));
        EXPECT_TRUE(kube::testing::Run(io, feed->AskAgain(carol)));
        feed->Begin(hub, std::nullopt, [this] { ++woken; });
    }
    void Put(const kube::Change& change) {
        questions.Apply(change);
        table.Apply(change);
    }
    std::vector<std::string> Take() { return kube::testing::Run(io, feed->Take(carol)); }
    static std::string Waiting(int number) {
        return fmt::format("event: approvals\ndata: {{\"topic\":\"approvals\",\"waiting\":{}}}\n",
                           number);
    }

    JobTable table;
    Hub hub{table};
    QuestionTable questions;
    Approvals approvals{backend, questions};
    Caller carol;
    std::unique_ptr<Feed> feed;
    int woken = 0;
};

TEST_F(ApprovalsFeedTest, TellsHowManyWaitWhenThatChanges) {
    ASSERT_TRUE(feed->Waits());
    EXPECT_THAT(Take(), ElementsAre(Waiting(0)));
    EXPECT_FALSE(feed->Waits());
    Put(testing::Appeared(Asking("one")));
    EXPECT_EQ(woken, 1);
    ASSERT_TRUE(feed->Waits());
    EXPECT_THAT(Take(), ElementsAre(Waiting(1)));
    Put(testing::Appeared(Asking("elsewhere", "speech")));
    EXPECT_THAT(Take(), IsEmpty()) << "she does not see it";
    Put({Asking("one").Object(), Asking("one", "vision", "Approved").Object()});
    ASSERT_TRUE(feed->Waits());
    EXPECT_THAT(Take(), ElementsAre(Waiting(0)));
}

TEST_F(ApprovalsFeedTest, OnesOwnAreNotCounted) {
    JobText own = Asking("own");
    own.owner = "carol";
    Put(testing::Appeared(own));
    Put(testing::Appeared(Asking("others")));
    EXPECT_THAT(Take(), ElementsAre(Waiting(1)));
}

TEST_F(ApprovalsFeedTest, IsToldAnewWhenRightsChange) {
    Put(testing::Appeared(Asking("one", "speech")));
    EXPECT_THAT(Take(), ElementsAre(Waiting(0)));
    for (const char* right : {"list dljobs speech", "create dljobapprovals speech",
                              "approve dljobs speech", "approve permissionclasses speech"})
        Allow(std::string("carol ") + right);
    now += std::chrono::seconds(61);
    EXPECT_TRUE(kube::testing::Run(io, feed->AskAgain(carol)));
    ASSERT_TRUE(feed->Waits());
    EXPECT_THAT(Take(), ElementsAre(Waiting(1)));
}

}  // namespace
}  // namespace dlws::portal

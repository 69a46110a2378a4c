// SPDX-License-Identifier: Apache-2.0
#include "portal/server/access/visible.h"

#include "portal/server/fixture.h"

namespace dlws::portal {
namespace {

using ::testing::ElementsAre;

class VisibleTest : public PortalTest {
  protected:
    std::expected<Visible, Problem> Of(const std::string& who,
                                       std::vector<std::string> wanted = {}) {
        const Caller caller = As(who);
        return kube::testing::Run(io, visibility.Of(caller, "list", "dljobs", std::move(wanted)));
    }
};

TEST_F(VisibleTest, EverywhereIsOneQuestion) {
    Allow("alice list dljobs");
    auto visible = Of("alice");
    ASSERT_TRUE(visible);
    EXPECT_TRUE(visible->everywhere);
    EXPECT_TRUE(visible->Has("anything"));
    EXPECT_EQ(Asked(), 1u);
}

TEST_F(VisibleTest, OtherwiseEachNamespaceThatJobsRunIn) {
    Allow("alice list dljobs vision");
    auto visible = Of("alice");
    ASSERT_TRUE(visible);
    EXPECT_FALSE(visible->everywhere);
    EXPECT_THAT(visible->namespaces, ElementsAre("vision"));
    EXPECT_FALSE(visible->Has("speech"));
    EXPECT_TRUE(visible->complete);
}

TEST_F(VisibleTest, NobodySeesNothing) {
    auto visible = Of("bob");
    ASSERT_TRUE(visible);
    EXPECT_TRUE(visible->namespaces.empty());
}

TEST_F(VisibleTest, ANamespaceThatIsNamedMustBeAllowed) {
    Allow("alice list dljobs vision");
    auto named = Of("alice", {"vision"});
    ASSERT_TRUE(named);
    EXPECT_THAT(named->namespaces, ElementsAre("vision"));
    auto refused = Of("alice", {"vision", "speech"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 403);
    auto absent = Of("alice", {"nowhere"});
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().status, 403) << "as one that is there";
    Allow("carol list dljobs");
    auto everywhere = Of("carol", {"speech"});
    ASSERT_TRUE(everywhere);
    EXPECT_FALSE(everywhere->Has("vision")) << "only what was asked for";
    EXPECT_TRUE(everywhere->Has("speech"));
}

TEST_F(VisibleTest, FiveHundredAreAskedAbout) {
    namespaces.clear();
    for (int i = 0; i < 600; ++i)
        namespaces.push_back("ns-" + std::to_string(i));
    Allow("alice list dljobs ns-7");
    auto visible = Of("alice");
    ASSERT_TRUE(visible);
    EXPECT_THAT(visible->namespaces, ElementsAre("ns-7"));
    EXPECT_FALSE(visible->complete);
    EXPECT_EQ(Asked(), 501u);
}

TEST_F(VisibleTest, MustSaysTheSameOfWhatIsNotThere) {
    const Caller bob = As("bob");
    Question one("get", "dlworkspace.io", "dljobs", "vision", "digits");
    auto refused = kube::testing::Run(io, visibility.Must(bob, std::move(one)));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 403);
    EXPECT_EQ(refused.error().detail.find("digits"), std::string::npos);
    Allow("bob get dljobs vision/digits");
    now += std::chrono::seconds(61);
    Question again("get", "dlworkspace.io", "dljobs", "vision", "digits");
    EXPECT_TRUE(kube::testing::Run(io, visibility.Must(bob, std::move(again))));
}

}  // namespace
}  // namespace dlws::portal

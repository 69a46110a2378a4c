// SPDX-License-Identifier: Apache-2.0
#include "portal/server/access/verdicts.h"

#include "kube/base64.h"
#include "kube/together.h"
#include "portal/server/fixture.h"

namespace dlws::portal {
namespace {

using std::chrono::seconds;

class VerdictsTest : public PortalTest {
  protected:
    kube::Result<bool> May(const std::string& who, const std::string& verb,
                           const std::string& ns = "vision", const std::string& name = "") {
        const std::string token = who.find('.') == std::string::npos ? who + "-token" : who;
        Question question(verb, "dlworkspace.io", "dljobs", ns, name);
        return kube::testing::Run(io, verdicts.May(token, KeyOf(token), std::move(question)));
    }
    bool Yes(const std::string& who, const std::string& verb, const std::string& ns = "vision") {
        auto may = May(who, verb, ns);
        EXPECT_TRUE(may) << may.error().message;
        return may.value_or(false);
    }
};

TEST_F(VerdictsTest, AreThoseOfTheApiServerForThatToken) {
    Allow("alice list dljobs vision");
    EXPECT_TRUE(Yes("alice", "list"));
    EXPECT_FALSE(Yes("alice", "list", "speech"));
    EXPECT_FALSE(Yes("alice", "watch"));
    EXPECT_FALSE(Yes("bob", "list"));
    EXPECT_EQ(Asked(), 4u);
}

TEST_F(VerdictsTest, CountForAMinute) {
    Allow("alice list dljobs vision");
    EXPECT_TRUE(Yes("alice", "list"));
    Allow("alice list dljobs vision", false);
    now += seconds(59);
    EXPECT_TRUE(Yes("alice", "list"));
    EXPECT_EQ(Asked(), 1u);
    now += seconds(1);
    EXPECT_FALSE(Yes("alice", "list"));
}

TEST_F(VerdictsTest, NeverCountLongerThanTheToken) {
    Allow("a.b list dljobs vision");
    // exp in 20 s; who says so is not believed in anything else.
    const auto end = std::chrono::system_clock::now() + seconds(20);
    const std::string claims =
        "{\"exp\":" + std::to_string(std::chrono::system_clock::to_time_t(end)) + "}";
    const std::string token = "alice-token." + kube::EncodeBase64Url(claims) + ".x";
    Allow("alice list dljobs vision");
    EXPECT_TRUE(Yes(token, "list"));
    now += seconds(10);
    EXPECT_TRUE(Yes(token, "list"));
    EXPECT_EQ(Asked(), 1u);
    now += seconds(11);
    EXPECT_TRUE(Yes(token, "list"));
    EXPECT_EQ(Asked(), 2u) << "asked again";
    Answer(500);
    EXPECT_FALSE(May(token, "list")) << "no word of an ended token counts longer";
}

TEST_F(VerdictsTest, EqualQuestionsAtOneTimeAreOne) {
    Allow("alice list dljobs vision");
    int yes = 0;
    auto ask = [](Verdicts& verdicts, int& yes) -> kube::Awaitable<void> {
        Question question("list", "dlworkspace.io", "dljobs", "vision");
        auto may = co_await verdicts.May("alice-token", KeyOf("alice-token"), std::move(question));
        yes += may.value_or(false);
    };
    std::vector<kube::Awaitable<void>> tasks;
    for (int i = 0; i < 20; ++i)
        tasks.push_back(ask(verdicts, yes));
    kube::testing::Run(io, [](std::vector<kube::Awaitable<void>> all) -> kube::Awaitable<bool> {
        co_await kube::Together(std::move(all));
        co_return true;
    }(std::move(tasks)));
    EXPECT_EQ(yes, 20);
    EXPECT_EQ(Asked(), 1u);
}

TEST_F(VerdictsTest, CountLongerWhileTheApiServerIsAway) {
    Allow("alice list dljobs vision");
    EXPECT_TRUE(Yes("alice", "list"));
    EXPECT_FALSE(Yes("bob", "list"));
    Answer(503);
    now += seconds(61);
    EXPECT_TRUE(Yes("alice", "list"));
    EXPECT_FALSE(Yes("bob", "list"));
    EXPECT_FALSE(May("carol", "list")) << "whom it never spoke of";
    const std::size_t asked = Asked();
    now += seconds(1);
    EXPECT_TRUE(Yes("alice", "list"));
    EXPECT_EQ(Asked(), asked) << "not asked by each request";
    now += seconds(600);
    EXPECT_FALSE(May("alice", "list"));
}

TEST_F(VerdictsTest, WhoFloodsTheApiServerKeepsNoRightByIt) {
    Allow("alice list dljobs vision");
    EXPECT_TRUE(Yes("alice", "list"));
    Answer(429);
    now += seconds(61);
    EXPECT_FALSE(May("alice", "list"));
}

TEST_F(VerdictsTest, TokensOfNobodyAreNotKept) {
    Answer(503);
    for (int i = 0; i < 20; ++i)
        EXPECT_FALSE(May("made-up" + std::to_string(i), "list"));
    EXPECT_EQ(verdicts.Size(), 0u);
}

TEST_F(VerdictsTest, AnEndThatIsNoTimeIsTheEnd) {
    Allow("alice list dljobs vision");
    const std::string claims = R"({"exp":-9223372036854775808})";
    const std::string token = "alice-token." + kube::EncodeBase64Url(claims) + ".x";
    EXPECT_TRUE(Yes(token, "list"));
    EXPECT_TRUE(Yes(token, "list"));
    EXPECT_EQ(Asked(), 2u) << "asked each time";
}

TEST_F(VerdictsTest, ARefusalOfTheTokenForgetsAllOfIt) {
    Allow("alice list dljobs vision");
    EXPECT_TRUE(Yes("alice", "list"));
    EndToken("alice");
    auto may = May("alice", "watch");
    ASSERT_FALSE(may);
    EXPECT_TRUE(may.error().IsUnauthorized());
    EXPECT_EQ(verdicts.Size(), 0u);
    EXPECT_FALSE(May("alice", "list"));
}

TEST_F(VerdictsTest, ARefusedTokenIsNotShownAgainAtOnce) {
    for (int i = 0; i < 3; ++i) {
        auto may = May("a.forged.b", "list");
        ASSERT_FALSE(may);
        EXPECT_TRUE(may.error().IsUnauthorized());
    }
    EXPECT_EQ(Asked(), 1u);
    EXPECT_FALSE(May("another.forged.b", "list"));
    EXPECT_EQ(Asked(), 2u);
    now += seconds(10);
    EXPECT_FALSE(May("a.forged.b", "list"));
    EXPECT_EQ(Asked(), 3u);
    EXPECT_EQ(verdicts.Size(), 0u);
}

TEST_F(VerdictsTest, ARefusalInANamespaceForgetsWhatIsOfIt) {
    Allow("alice list dljobs");
    EXPECT_TRUE(Yes("alice", "list"));
    EXPECT_TRUE(Yes("alice", "list", ""));
    EXPECT_TRUE(Yes("alice", "list", "speech"));
    verdicts.ForgetNamespace(KeyOf("alice-token"), "vision");
    EXPECT_EQ(verdicts.Size(), 1u) << "that of speech";
    EXPECT_TRUE(Yes("alice", "list"));
    verdicts.ForgetNamespace(KeyOf("alice-token"), "vision");
    EXPECT_EQ(verdicts.Size(), 2u) << "once a second";
}

TEST_F(VerdictsTest, AreBounded) {
    Allow("alice get dljobs");
    for (int i = 0; i < 4'100; ++i)
        ASSERT_TRUE(May("alice", "get", "vision", "job-" + std::to_string(i)));
    EXPECT_LE(verdicts.Size(), 4'001u);
}

TEST_F(VerdictsTest, WhoSomebodyIs) {
    auto person = kube::testing::Run(io, verdicts.Who("carol-token", KeyOf("carol-token")));
    ASSERT_TRUE(person);
    EXPECT_EQ(person->username, "carol");
    EXPECT_EQ(person->uid, "u-carol");
    EXPECT_THAT(person->groups, ::testing::ElementsAre("lab", "all"));
    EXPECT_FALSE(kube::testing::Run(io, verdicts.Who("forged", KeyOf("forged"))));
}

}  // namespace
}  // namespace dlws::portal

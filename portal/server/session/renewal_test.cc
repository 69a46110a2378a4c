// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/renewal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <set>

#include "kube/testing/run.h"
#include "kube/together.h"
#include "portal/server/session/testing/fake_secrets.h"

namespace dlws::portal {
namespace {

using kube::Awaitable;
using std::chrono::seconds;

TEST(NextStepTest, OneRenewsInTheLastMinute) {
    const Seconds now{seconds(1'800'000'000)};
    Session session;
    session.record.refresh_token = Secret("r");
    session.record.logged_in = session.record.renewed = session.record.token_issued = now;
    session.record.token_ends = now + seconds(3600);
    EXPECT_EQ(NextStep(session, now + seconds(3539)), RenewalStep::kUse);
    EXPECT_EQ(NextStep(session, now + seconds(3540)), RenewalStep::kRenew);
    session.lease = {"other", now + seconds(3560)};
    EXPECT_EQ(NextStep(session, now + seconds(3559)), RenewalStep::kUse);
    EXPECT_EQ(NextStep(session, now + seconds(3560)), RenewalStep::kRenew);
    session.lease.until = now + seconds(4000);
    EXPECT_EQ(NextStep(session, now + seconds(3594)), RenewalStep::kUse);
    EXPECT_EQ(NextStep(session, now + seconds(3595)), RenewalStep::kWait);
    // A tenth of a short one.
    session.lease = {};
    session.record.token_ends = now + seconds(200);
    EXPECT_EQ(NextStep(session, now + seconds(179)), RenewalStep::kUse);
    EXPECT_EQ(NextStep(session, now + seconds(180)), RenewalStep::kRenew);
    // What cannot be renewed is used to its end.
    session.record.refresh_token = Secret();
    EXPECT_EQ(NextStep(session, now + seconds(199)), RenewalStep::kUse);
    EXPECT_EQ(NextStep(session, now + seconds(200)), RenewalStep::kOver);
    session.record.refresh_token = Secret("r");
    EXPECT_EQ(NextStep(session, now + std::chrono::hours(24)), RenewalStep::kOver);
}

// A provider whose refresh tokens rotate: one that comes twice ends the whole login.
class FakeProvider : public Renewal::Source {
  public:
    explicit FakeProvider(std::function<Seconds()> now) : now_(std::move(now)) {}
    Awaitable<bool> Prepare() override { co_return !away; }
    Awaitable<Renewed> Renew(Secret refresh_token, std::string subject) override {
        ++asked;
        EXPECT_EQ(subject, "sub");
        const std::string& given = refresh_token.Reveal();
        co_await kube::SleepFor(std::chrono::milliseconds(20));
        if (silent) co_return std::unexpected(TokenRefusal{"no answer", false});
        if (!used.insert(given).second || ended) {
            ended = true;
            co_return std::unexpected(TokenRefusal{"the provider has ended this login", true});
        }
        RenewedTokens renewed;
        renewed.tokens = {Secret("token-" + std::to_string(asked)),
                          Secret("refresh-" + std::to_string(asked))};
        renewed.claims = {"sub", now_(), now_() + seconds(300)};
        if (on_answer) on_answer();
        co_return renewed;
    }

    int asked = 0;
    bool away = false, silent = false, ended = false;
    std::set<std::string> used;
    std::function<void()> on_answer;

  private:
    std::function<Seconds()> now_;
};

class RenewalTest : public ::testing::Test {
  protected:
    struct Replica {
        explicit Replica(RenewalTest& test, const std::string& name)
            : store(test.secrets_, test.StoreSettings()),
              renewal(store, &test.provider_, test.RenewalSettings(name)) {
            test.secrets_.Watch([this](const kube::Change& change) { store.Observe(change); });
        }
        SessionStore store;
        Renewal renewal;
    };

    RenewalTest() {
        Record record;
        record.username = "alice";
        record.subject = "sub";
        record.token = Secret("token-0");
        record.refresh_token = Secret("refresh-0");
        record.logged_in = record.renewed = record.token_issued = now_;
        record.token_ends = now_ + seconds(300);
        key_ = *kube::testing::Run(io_, a_.store.Create(std::move(record)));
        secrets_.Tell();
    }
    SessionStore::Settings StoreSettings() {
        SessionStore::Settings settings;
        settings.now = [this] { return now_; };
        return settings;
    }
    Renewal::Settings RenewalSettings(const std::string& name) {
        Renewal::Settings settings;
        settings.self = name;
        settings.now = [this] { return now_; };
        settings.patience = std::chrono::milliseconds(400);
        settings.poll = std::chrono::milliseconds(10);
        return settings;
    }
    // The token that a replica gives out, or why it has none.
    static std::string TokenOf(const std::expected<SessionPtr, Renewal::Loss>& session) {
        if (session) return session.value()->record.token.Reveal();
        return session.error().kind == Renewal::Loss::kOver ? "over: " + session.error().why
                                                            : "away";
    }
    std::string Ask(Replica& replica) {
        return TokenOf(kube::testing::Run(io_, replica.renewal.Fresh(key_)));
    }
    static Awaitable<void> AskInto(Replica& replica, SessionKey key, std::string& answer) {
        answer = TokenOf(co_await replica.renewal.Fresh(std::move(key)));
    }
    static Awaitable<void> AskAll(std::vector<Replica*> replicas, SessionKey key,
                                  std::vector<std::string>& answers) {
        answers.resize(replicas.size());
        std::vector<Awaitable<void>> tasks;
        for (std::size_t i = 0; i < replicas.size(); ++i)
            tasks.push_back(AskInto(*replicas[i], key, answers[i]));
        co_await kube::Together(std::move(tasks));
    }
    // Lets what was begun in the background end.
    void Settle() {
        kube::testing::RunFor(io_, std::chrono::milliseconds(100));
        secrets_.Tell();
    }

    boost::asio::io_context io_;
    testing::FakeSecrets secrets_{io_.get_executor()};
    Seconds now_{seconds(1'800'000'000)};
    FakeProvider provider_{[this] { return now_; }};
    Replica a_{*this, "a"}, b_{*this, "b"};
    SessionKey key_;
};

TEST_F(RenewalTest, AGoodTokenIsUsed) {
    EXPECT_EQ(Ask(a_), "token-0");
    now_ += seconds(269);
    EXPECT_EQ(Ask(b_), "token-0");
    Settle();
    EXPECT_EQ(provider_.asked, 0);
}

TEST_F(RenewalTest, InItsLastSecondsItIsRenewedWhileItIsUsed) {
    now_ += seconds(271);
    EXPECT_EQ(Ask(a_), "token-0");
    Settle();
    EXPECT_EQ(provider_.asked, 1);
    EXPECT_EQ(Ask(a_), "token-1");
    EXPECT_EQ(Ask(b_), "token-1");
    now_ += seconds(299);
    EXPECT_EQ(Ask(b_), "token-2");
    Settle();
    EXPECT_EQ(Ask(a_), "token-2");
    EXPECT_FALSE(provider_.ended);
}

TEST_F(RenewalTest, OfManyWhoAskAtOnceOneRenews) {
    (void)Ask(b_);
    now_ += seconds(301);
    std::vector<std::string> answers;
    kube::testing::Run(io_, AskAll({&a_, &b_, &a_, &b_, &b_, &a_}, key_, answers));
    EXPECT_THAT(answers, ::testing::Each("token-1"));
    EXPECT_EQ(provider_.asked, 1);
    EXPECT_FALSE(provider_.ended);
}

TEST_F(RenewalTest, TwoReplicasRenewManyTimesWithoutUsingATokenTwice) {
    for (int round = 1; round <= 10; ++round) {
        now_ += seconds(round % 2 ? 301 : 280);
        std::vector<std::string> answers;
        kube::testing::Run(io_, AskAll({&b_, &a_, &b_, &a_}, key_, answers));
        Settle();
        EXPECT_EQ(Ask(a_), "token-" + std::to_string(round));
        EXPECT_EQ(Ask(b_), "token-" + std::to_string(round));
    }
    EXPECT_EQ(provider_.asked, 10);
}

TEST_F(RenewalTest, AReplicaThatDiesBetweenAnswerAndWriteCostsALogin) {
    now_ += seconds(301);
    // From the provider's answer on nothing of A reaches the API server.
    bool dead = false;
    provider_.on_answer = [&] { dead = true; };
    secrets_.before_write = [&](const std::string&) { return !dead; };
    EXPECT_EQ(Ask(a_), "away");
    Settle();
    provider_.on_answer = nullptr;
    secrets_.before_write = nullptr;
    EXPECT_EQ(Ask(b_), "away");  // A has it
    EXPECT_EQ(provider_.asked, 1);
    now_ += kRenewalLease;
    EXPECT_EQ(Ask(b_), "over: the provider has ended this login");
    EXPECT_EQ(provider_.asked, 2);
    // And it stays so, also for others, without another question.
    secrets_.Tell();
    Replica third(*this, "c");
    EXPECT_EQ(Ask(third), "over: the provider has ended this login");
    EXPECT_EQ(provider_.asked, 2);
    // The record holds no token any more.
    const auto session = kube::testing::Run(io_, third.store.Read(key_));
    EXPECT_TRUE(session.value()->record.token.Empty());
    EXPECT_TRUE(session.value()->record.refresh_token.Empty());
}

TEST_F(RenewalTest, AReplicaThatDiesBeforeItAskedCostsNothing) {
    now_ += seconds(301);
    Session taken = **kube::testing::Run(io_, a_.store.Read(key_));
    taken.lease = {"dead", now_ + kRenewalLease};
    ASSERT_TRUE(kube::testing::Run(io_, a_.store.Write(key_, taken)));
    secrets_.Tell();
    EXPECT_EQ(Ask(b_), "away");
    now_ += kRenewalLease;
    EXPECT_EQ(Ask(b_), "token-1");
}

TEST_F(RenewalTest, AnAnswerOfTheApiServerThatIsLostCostsNothing) {
    now_ += seconds(301);
    int updates = 0;
    secrets_.lost_after = true;
    secrets_.before_write = [&](const std::string&) { return ++updates != 2; };
    EXPECT_EQ(Ask(a_), "token-1");
    EXPECT_EQ(provider_.asked, 1);
}

TEST_F(RenewalTest, AWriteThatFailsIsTriedAgain) {
    now_ += seconds(301);
    int updates = 0;
    secrets_.before_write = [&](const std::string&) { return ++updates != 2 && updates != 3; };
    EXPECT_EQ(Ask(a_), "token-1");
    EXPECT_EQ(updates, 4);
    EXPECT_EQ(provider_.asked, 1);
}

TEST_F(RenewalTest, WhileTheProviderIsAwayTheTokenIsUsedToItsEnd) {
    provider_.silent = true;
    now_ += seconds(271);
    EXPECT_EQ(Ask(a_), "token-0");
    Settle();
    EXPECT_EQ(Ask(a_), "token-0");
    EXPECT_EQ(Ask(b_), "token-0");
    Settle();
    EXPECT_EQ(provider_.asked, 1);  // the lease is the pause
    now_ += kRenewalLease;
    EXPECT_EQ(Ask(b_), "token-0");
    Settle();
    EXPECT_EQ(provider_.asked, 2);
    now_ += seconds(20);
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(Ask(a_), "away");
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(300));
    provider_.silent = false;
    now_ += kRenewalLease;
    EXPECT_EQ(Ask(a_), "token-4");
}

TEST_F(RenewalTest, AProviderThatCannotBeAskedCostsNoLease) {
    provider_.away = true;
    now_ += seconds(301);
    EXPECT_EQ(Ask(a_), "away");
    provider_.away = false;
    EXPECT_EQ(Ask(b_), "token-1");
}

TEST_F(RenewalTest, WhoeverAskedMayLeave) {
    now_ += seconds(301);
    boost::asio::cancellation_signal leave;
    std::string answer;
    boost::asio::co_spawn(io_, AskInto(a_, key_, answer),
                          boost::asio::bind_cancellation_slot(leave.slot(), boost::asio::detached));
    provider_.on_answer = [&] { leave.emit(boost::asio::cancellation_type::all); };
    Settle();
    EXPECT_EQ(Ask(b_), "token-1");
    EXPECT_EQ(provider_.asked, 1);
}

TEST_F(RenewalTest, ALogoutDuringARenewalStays) {
    now_ += seconds(301);
    provider_.on_answer = [&] { secrets_.stored.clear(); };
    EXPECT_EQ(Ask(a_), "over: ");
    EXPECT_TRUE(secrets_.stored.empty());
}

}  // namespace
}  // namespace dlws::portal

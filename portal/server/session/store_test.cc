// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "kube/testing/run.h"
#include "portal/server/session/testing/fake_secrets.h"

namespace dlws::portal {
namespace {

class StoreTest : public ::testing::Test {
  protected:
    StoreTest() {
        for (SessionStore* each : {&store_, &other_})
            secrets_.Watch([each](const kube::Change& change) { each->Observe(change); });
    }
    SessionStore::Settings Settings() {
        SessionStore::Settings settings;
        settings.most = 30;
        settings.most_of_one = 3;
        settings.unknown_a_second = 5;
        settings.now = [this] { return now_; };
        return settings;
    }
    Record Of(const std::string& username) {
        Record record;
        record.username = username;
        record.token = Secret("token-of-" + username);
        record.token_issued = record.logged_in = record.renewed = now_;
        record.token_ends = now_ + std::chrono::hours(8);
        return record;
    }
    SessionKey Make(const std::string& username) {
        auto key = kube::testing::Run(io_, store_.Create(Of(username)));
        EXPECT_TRUE(key);
        secrets_.Tell();
        return *key;
    }
    static std::string UserOf(const Stored<SessionPtr>& session) {
        return session ? session.value()->record.username : "nobody";
    }
    static int KindOf(const Stored<SessionPtr>& session) {
        return session ? -1 : session.error().kind;
    }

    boost::asio::io_context io_;
    testing::FakeSecrets secrets_{io_.get_executor()};
    Seconds now_{std::chrono::seconds(1'800'000'000)};
    SessionStore store_{secrets_, Settings()}, other_{secrets_, Settings()};
};

TEST_F(StoreTest, EachReplicaReadsWhatOneHasMade) {
    const SessionKey key = Make("alice");
    EXPECT_EQ(UserOf(kube::testing::Run(io_, store_.Read(key))), "alice");
    const auto there = kube::testing::Run(io_, other_.Read(key));
    ASSERT_TRUE(there);
    EXPECT_EQ(there.value()->record.token.Reveal(), "token-of-alice");
}

TEST_F(StoreTest, ASecretThatWasCopiedIsUseless) {
    const SessionKey key = Make("alice"), own = Make("mallory");
    const std::string copied = secrets_.stored[key.id];
    for (const char* part : {"alice", "token-of"})
        EXPECT_EQ(copied.find(part), std::string::npos) << part;
    // Who has it, and a cookie of their own.
    EXPECT_EQ(KindOf(kube::testing::Run(io_, other_.Read(SessionKey(key.id, own.key)))),
              StoreError::kGone);
    // Under one's own name it is not one's own either.
    std::string swapped = copied;
    for (std::size_t at = 0; (at = swapped.find(key.id)) != std::string::npos;)
        swapped.replace(at, key.id.size(), own.id);
    secrets_.stored[own.id] = swapped;
    EXPECT_EQ(KindOf(kube::testing::Run(io_, other_.Read(own))), StoreError::kGone);
    EXPECT_EQ(KindOf(kube::testing::Run(io_, other_.Read(SessionKey(own.id, key.key)))),
              StoreError::kGone);
}

TEST_F(StoreTest, WhatIsUsedIsNotReadAgain) {
    const SessionKey key = Make("alice");
    EXPECT_TRUE(kube::testing::Run(io_, other_.Read(key)));
    const int reads = secrets_.reads;
    for (int i = 0; i < 4; ++i) {
        now_ += std::chrono::seconds(59);
        EXPECT_EQ(UserOf(kube::testing::Run(io_, other_.Read(key))), "alice");
    }
    EXPECT_EQ(secrets_.reads, reads);
    now_ += std::chrono::seconds(60);
    EXPECT_TRUE(kube::testing::Run(io_, other_.Read(key)));
    EXPECT_EQ(secrets_.reads, reads + 1);
    for (int i = 0; i < 6; ++i) {  // now and then, used or not
        now_ += std::chrono::seconds(59);
        EXPECT_TRUE(kube::testing::Run(io_, other_.Read(key)));
    }
    EXPECT_EQ(secrets_.reads, reads + 2);
    EXPECT_EQ(other_.Decrypted(), 1U);
    now_ += std::chrono::seconds(59);
    other_.Forget();
    EXPECT_EQ(other_.Decrypted(), 1U);
    now_ += std::chrono::seconds(1);
    other_.Forget();
    EXPECT_EQ(other_.Decrypted(), 0U);
}

TEST_F(StoreTest, ALogoutCountsAtTheOtherReplicaWhenTheWatchTells) {
    const SessionKey key = Make("alice");
    EXPECT_TRUE(kube::testing::Run(io_, other_.Read(key)));
    std::vector<std::string> ended;
    other_.OnEnd([&](const std::string& id) { ended.push_back(id); });
    EXPECT_TRUE(kube::testing::Run(io_, store_.Delete(key.id)));
    EXPECT_EQ(KindOf(kube::testing::Run(io_, store_.Read(key))), StoreError::kGone);
    secrets_.Tell();
    EXPECT_EQ(KindOf(kube::testing::Run(io_, other_.Read(key))), StoreError::kGone);
    EXPECT_THAT(ended, ::testing::ElementsAre(key.id));
    EXPECT_TRUE(kube::testing::Run(io_, store_.Delete(key.id)));
}

TEST_F(StoreTest, WhatEndsOrChangesWhileItIsReadIsNotKept) {
    const SessionKey key = Make("alice");
    const std::string old = secrets_.stored[key.id];
    const kube::ObjectPtr last = kube::ParseObject(old).value();
    Session session = **kube::testing::Run(io_, store_.Read(key));
    session.record.token = Secret("renewed");
    // The other replica's read was answered before the write; the watch is quicker than it.
    ASSERT_TRUE(kube::testing::Run(io_, store_.Write(key, session)));
    const std::string written = std::exchange(secrets_.stored[key.id], old);
    secrets_.after_read = [&] {
        secrets_.stored[key.id] = written;
        secrets_.Tell();
    };
    EXPECT_TRUE(kube::testing::Run(io_, other_.Read(key)));
    EXPECT_EQ(other_.Decrypted(), 0U);
    secrets_.after_read = [&] {
        secrets_.stored.clear();
        other_.Observe({last, nullptr});
    };
    EXPECT_TRUE(kube::testing::Run(io_, other_.Read(key)));
    secrets_.after_read = nullptr;
    EXPECT_EQ(KindOf(kube::testing::Run(io_, other_.Read(key))), StoreError::kGone);
}

TEST_F(StoreTest, AChangeElsewhereIsReadAnew) {
    const SessionKey key = Make("alice");
    EXPECT_TRUE(kube::testing::Run(io_, other_.Read(key)));
    Session session = **kube::testing::Run(io_, store_.Read(key));
    session.record.token = Secret("renewed");
    ASSERT_TRUE(kube::testing::Run(io_, store_.Write(key, session)));
    secrets_.Tell();
    EXPECT_EQ(kube::testing::Run(io_, other_.Read(key)).value()->record.token.Reveal(), "renewed");
    // The first one's own write is not read again.
    const int reads = secrets_.reads;
    EXPECT_EQ(kube::testing::Run(io_, store_.Read(key)).value()->record.token.Reveal(), "renewed");
    EXPECT_EQ(secrets_.reads, reads);
}

TEST_F(StoreTest, OfTwoWritersOneWins) {
    const SessionKey key = Make("alice");
    Session one = **kube::testing::Run(io_, store_.Read(key)),
            two = **kube::testing::Run(io_, other_.Read(key));
    one.lease = {"a", now_ + std::chrono::seconds(15)};
    two.lease = {"b", now_ + std::chrono::seconds(15)};
    ASSERT_TRUE(kube::testing::Run(io_, store_.Write(key, one)));
    EXPECT_EQ(KindOf(kube::testing::Run(io_, other_.Write(key, two))), StoreError::kConflict);
    const auto seen = kube::testing::Run(io_, other_.Read(key));
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen.value()->lease.holder, "a");
    EXPECT_EQ(seen.value()->lease.until, now_ + std::chrono::seconds(15));
    EXPECT_TRUE(kube::testing::Run(io_, store_.Delete(key.id)));
    EXPECT_EQ(KindOf(kube::testing::Run(io_, other_.Write(key, two))), StoreError::kGone);
}

TEST_F(StoreTest, AUserHasSomeAndTheOneThatEndsFirstGivesWay) {
    const SessionKey first = Make("alice");
    now_ += std::chrono::seconds(10);
    const SessionKey second = Make("alice"), third = Make("alice"), bobs = Make("bob");
    EXPECT_EQ(UserOf(kube::testing::Run(io_, store_.Read(first))), "alice");
    const SessionKey fourth = Make("alice");
    EXPECT_EQ(KindOf(kube::testing::Run(io_, store_.Read(first))), StoreError::kGone);
    for (const SessionKey& key : {second, third, fourth})
        EXPECT_EQ(UserOf(kube::testing::Run(io_, store_.Read(key))), "alice");
    EXPECT_EQ(UserOf(kube::testing::Run(io_, store_.Read(bobs))), "bob");
    EXPECT_EQ(secrets_.stored.size(), 4U);
}

TEST_F(StoreTest, ThereAreNoMoreThanMost) {
    for (int i = 0; i < 30; ++i)
        Make("user-" + std::to_string(i));
    auto full = kube::testing::Run(io_, store_.Create(Of("alice")));
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().kind, StoreError::kFull);
}

TEST_F(StoreTest, EverywhereEndsThoseTheWatchHasNotShownToo) {
    const SessionKey here = Make("alice"), bobs = Make("bob");
    auto there = kube::testing::Run(io_, other_.Create(Of("alice")));
    ASSERT_TRUE(there);
    EXPECT_TRUE(kube::testing::Run(io_, store_.DeleteAllOf("alice")));
    secrets_.Tell();
    for (SessionStore* each : {&store_, &other_}) {
        EXPECT_EQ(KindOf(kube::testing::Run(io_, each->Read(here))), StoreError::kGone);
        EXPECT_EQ(KindOf(kube::testing::Run(io_, each->Read(*there))), StoreError::kGone);
        EXPECT_EQ(UserOf(kube::testing::Run(io_, each->Read(bobs))), "bob");
    }
}

TEST_F(StoreTest, WhatHasEndedIsSweptByBothWithoutHarm) {
    Make("alice");
    now_ += std::chrono::hours(4);
    const SessionKey later = Make("bob");
    now_ += std::chrono::hours(4);
    EXPECT_EQ(kube::testing::Run(io_, store_.Sweep()), 0U);  // a moment, for clocks that differ
    now_ += std::chrono::minutes(2);
    EXPECT_EQ(kube::testing::Run(io_, store_.Sweep()), 1U);
    EXPECT_TRUE(kube::testing::Run(io_, other_.Sweep()));
    secrets_.Tell();
    EXPECT_EQ(store_.Size(), 1U);
    EXPECT_EQ(other_.Size(), 1U);
    EXPECT_TRUE(secrets_.stored.contains(later.id));
}

TEST_F(StoreTest, WhatWasRenewedMeanwhileIsNotSwept) {
    const SessionKey key = Make("alice");
    Session session = **kube::testing::Run(io_, store_.Read(key));
    session.record.token_ends = now_ + std::chrono::hours(20);
    now_ += std::chrono::hours(9);
    ASSERT_TRUE(kube::testing::Run(io_, store_.Write(key, session)));  // the other's watch lags
    EXPECT_EQ(kube::testing::Run(io_, other_.Sweep()), 0U);
    EXPECT_TRUE(secrets_.stored.contains(key.id));
}

TEST_F(StoreTest, MadeUpSessionsDoNotFloodTheApiServer) {
    int busy = 0;
    for (int i = 0; i < 20; ++i)
        busy += KindOf(kube::testing::Run(io_, store_.Read(NewSessionKey()))) == StoreError::kBusy;
    EXPECT_EQ(secrets_.reads, 5);
    EXPECT_EQ(busy, 15);
    const SessionKey key = Make("alice");
    EXPECT_EQ(UserOf(kube::testing::Run(io_, store_.Read(key))), "alice");
    // One that the watch has not shown yet.
    auto there = kube::testing::Run(io_, other_.Create(Of("bob")));
    EXPECT_EQ(KindOf(kube::testing::Run(io_, store_.Read(*there))), StoreError::kBusy);
    now_ += std::chrono::seconds(1);
    EXPECT_EQ(UserOf(kube::testing::Run(io_, store_.Read(*there))), "bob");
    EXPECT_EQ(store_.Decrypted(), 1U);  // alice's: of bob's end nobody would tell
}

TEST_F(StoreTest, AWrongKeyIsNotLookedUpAgainAtOnce) {
    const SessionKey key = Make("alice"), none = NewSessionKey();
    const SessionKey wrong(key.id, none.key);
    const int reads = secrets_.reads;
    for (int i = 0; i < 3; ++i)
        for (const SessionKey& each : {wrong, none})
            EXPECT_EQ(KindOf(kube::testing::Run(io_, other_.Read(each))), StoreError::kGone);
    EXPECT_EQ(secrets_.reads, reads + 2);
    EXPECT_EQ(UserOf(kube::testing::Run(io_, other_.Read(key))), "alice");
    now_ += std::chrono::seconds(10);
    EXPECT_EQ(KindOf(kube::testing::Run(io_, other_.Read(wrong))), StoreError::kGone);
    EXPECT_EQ(secrets_.reads, reads + 4);
}

TEST_F(StoreTest, WhileTheApiServerIsAwayWhatIsInMemoryCounts) {
    const SessionKey used = Make("alice"), unused = Make("bob");
    EXPECT_TRUE(kube::testing::Run(io_, other_.Read(used)));
    secrets_.fails = 503;
    EXPECT_EQ(UserOf(kube::testing::Run(io_, other_.Read(used))), "alice");
    EXPECT_EQ(KindOf(kube::testing::Run(io_, other_.Read(unused))), StoreError::kAway);
    auto made = kube::testing::Run(io_, store_.Create(Of("carol")));
    EXPECT_EQ(made.error().kind, StoreError::kAway);
    EXPECT_EQ(kube::testing::Run(io_, store_.Delete(used.id)).error().kind, StoreError::kAway);
    secrets_.fails = 403;  // our own rights are wrong: not the caller's doing
    EXPECT_EQ(KindOf(kube::testing::Run(io_, other_.Read(unused))), StoreError::kAway);
}

}  // namespace
}  // namespace dlws::portal

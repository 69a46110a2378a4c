// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/record.h"

#include <gtest/gtest.h>

#include "portal/server/session/crypto.h"

namespace dlws::portal {
namespace {

Seconds At(std::int64_t seconds) {
    return Seconds(std::chrono::seconds(seconds));
}

Record Example() {
    Record record;
    record.kind = SessionKind::kCli;
    record.username = "alice@example.org";
    record.subject = "alice";
    record.token = Secret("eyJhbGciOiJSUzI1NiJ9.e30.c2ln");
    record.refresh_token = Secret("refresh");
    record.token_issued = At(1000);
    record.token_ends = At(1300);
    record.logged_in = At(900);
    record.renewed = At(1000);
    return record;
}

TEST(RecordTest, ItReadsAsItWasWritten) {
    const SessionKey key = NewSessionKey(SessionKind::kCliCode);
    Record record = Example();
    record.cli_port = 40123;
    record.cli_challenge = "challenge";
    record.confirmed = At(1150);
    record.why_ended = "the provider ended it";
    record.ended = At(1200);
    const auto read = Unseal(Seal(record, key).value(), key);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->kind, SessionKind::kCliCode) << "its key's";
    EXPECT_EQ(read->cli_port, 40123);
    EXPECT_EQ(read->cli_challenge, "challenge");
    EXPECT_EQ(read->confirmed, At(1150));
    EXPECT_EQ(read->username, record.username);
    EXPECT_EQ(read->subject, record.subject);
    EXPECT_EQ(read->token.Reveal(), record.token.Reveal());
    EXPECT_EQ(read->refresh_token.Reveal(), "refresh");
    EXPECT_EQ(read->token_issued, record.token_issued);
    EXPECT_EQ(read->token_ends, record.token_ends);
    EXPECT_EQ(read->logged_in, record.logged_in);
    EXPECT_EQ(read->renewed, record.renewed);
    EXPECT_EQ(read->why_ended, record.why_ended);
    EXPECT_EQ(read->ended, record.ended);
}

TEST(RecordTest, NothingCanBeReadWithoutTheCookie) {
    const SessionKey key = NewSessionKey();
    const std::string sealed = Seal(Example(), key).value();
    for (const char* part : {"alice", "eyJhbGciOiJSUzI1NiJ9", "refresh", "token"})
        EXPECT_EQ(sealed.find(part), std::string::npos) << part;
    // Who has the Secret knows its name, and no more of the key than anybody.
    EXPECT_FALSE(Unseal(sealed, SessionKey(key.id, NewSessionKey().key)));
    // Nor does one's own cookie open another's record, even under one's own name.
    const SessionKey own = NewSessionKey();
    EXPECT_FALSE(Unseal(sealed, own));
    EXPECT_FALSE(Unseal(sealed, SessionKey(own.id, key.key)));
}

TEST(RecordTest, AKeyOpensItsOwnKindAlone) {
    constexpr SessionKind kKinds[] = {SessionKind::kBrowser, SessionKind::kCli,
                                      SessionKind::kCliCode};
    for (const SessionKind kind : kKinds) {
        const SessionKey key = NewSessionKey(kind);
        const std::string sealed = Seal(Example(), key).value();
        for (const SessionKind other : kKinds)
            EXPECT_EQ(Unseal(sealed, SessionKey(key.id, key.key, other)).has_value(),
                      kind == other);
    }
}

TEST(RecordTest, EachChangedBitIsNoticed) {
    const SessionKey key = NewSessionKey();
    const std::string sealed = Seal(Example(), key).value();
    ASSERT_TRUE(Unseal(sealed, key));
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
        std::string changed = sealed;
        changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
        EXPECT_FALSE(Unseal(changed, key)) << bit;
    }
    for (std::size_t size = 0; size < sealed.size(); ++size)
        EXPECT_FALSE(Unseal(std::string_view(sealed).substr(0, size), key)) << size;
    EXPECT_FALSE(Unseal(sealed + "x", key));
    for (std::size_t bit = 0; bit < 256; ++bit) {
        std::string other = key.key.Reveal();
        other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
        EXPECT_FALSE(Unseal(sealed, SessionKey(key.id, Secret(other)))) << bit;
    }
}

TEST(RecordTest, TokensThatAreTooLargeAreRefusedInWords) {
    Record record = Example();
    record.token = Secret(std::string(kMaxRecord, 'a'));
    const auto sealed = Seal(record, NewSessionKey());
    ASSERT_FALSE(sealed);
    EXPECT_NE(sealed.error().find("16384"), std::string::npos) << sealed.error();
    record.token = Secret(std::string(kMaxRecord - 1000, 'a'));
    const SessionKey key = NewSessionKey();
    EXPECT_TRUE(Unseal(Seal(record, key).value(), key));
}

TEST(RecordTest, TheFirstOfItsEndsCounts) {
    Record record = Example();
    record.kind = SessionKind::kBrowser;
    EXPECT_EQ(EndOf(record), record.renewed + std::chrono::hours(24));
    record.renewed = record.logged_in + std::chrono::days(6) + std::chrono::hours(20);
    EXPECT_EQ(EndOf(record), record.logged_in + std::chrono::days(7));
    record.kind = SessionKind::kCli;
    EXPECT_EQ(EndOf(record), record.renewed + std::chrono::hours(24));
    record.renewed = record.logged_in + std::chrono::days(30);
    EXPECT_EQ(EndOf(record), record.logged_in + std::chrono::days(30));
    record.refresh_token = Secret();
    EXPECT_EQ(EndOf(record), record.token_ends);
    record.why_ended = "logged out";
    record.ended = At(1100);
    EXPECT_EQ(EndOf(record), At(1100) + std::chrono::hours(1));
}

TEST(RecordTest, ALoginForTheCommandLineWaitsTenMinutesAndIsACodeForOne) {
    Record record = Example();
    record.kind = SessionKind::kCliCode;
    record.renewed = record.logged_in;
    EXPECT_EQ(EndOf(record), record.logged_in + std::chrono::minutes(10));
    EXPECT_NE(WhyOver(record, record.logged_in + std::chrono::minutes(10)), "");
    record.confirmed = record.logged_in + std::chrono::minutes(9);
    EXPECT_EQ(EndOf(record), record.confirmed + std::chrono::seconds(60));
    EXPECT_EQ(WhyOver(record, record.confirmed + std::chrono::seconds(59)), "");
    EXPECT_NE(WhyOver(record, record.confirmed + std::chrono::seconds(60)), "");
    record.refresh_token = Secret();
    EXPECT_EQ(EndOf(record), record.token_ends) << "what cannot be renewed ends with its token";
}

TEST(RecordTest, WhatHasEndedSaysWhy) {
    Record record = Example();
    record.kind = SessionKind::kBrowser;
    EXPECT_EQ(WhyOver(record, record.renewed + std::chrono::hours(24) - std::chrono::seconds(1)),
              "");
    EXPECT_NE(WhyOver(record, record.renewed + std::chrono::hours(24)).find("day"),
              std::string::npos);
    record.renewed = record.logged_in + std::chrono::days(7);
    EXPECT_NE(WhyOver(record, record.renewed).find("7 days"), std::string::npos);
    record.refresh_token = Secret();
    EXPECT_NE(WhyOver(record, record.token_ends).find("token"), std::string::npos);
    record.why_ended = "logged out";
    EXPECT_EQ(WhyOver(record, At(0)), "logged out");
}

}  // namespace
}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "kube/leader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <mutex>

#include "kube/testing/imposter.h"
#include "kube/testing/run.h"

namespace dlws::kube {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using std::chrono::milliseconds;
using testing::Answer;
using ::testing::HasSubstr;
using testing::Imposter;
using ::testing::MatchesRegex;
using testing::Request;

const std::string kLeasesPath = "/apis/coordination.k8s.io/v1/namespaces/sys/leases";

/// One Lease, kept as an API server keeps it: versions, conflicts, NotFound.
class FakeLease {
  public:
    explicit FakeLease(Imposter& server) {
        server.When("POST", kLeasesPath).Call([this](const Request& request) {
            return Create(request.body);
        });
        auto one = server.When("", kLeasesPath + "/op");
        one.Call([this](const Request& request) {
            return request.method == "PUT" ? Update(request.body) : Read();
        });
    }

    /// Every write from now on is refused with 500, as by an etcd without a quorum.
    void Break(bool broken) {
        std::lock_guard lock(mutex_);
        broken_ = broken;
    }
    /// The next write is stored, but the answer says 500.
    void LoseNextAnswer() {
        std::lock_guard lock(mutex_);
        lose_next_ = true;
    }
    void Put(const std::string& holder, int seconds, const std::string& renewed = "") {
        std::lock_guard lock(mutex_);
        json::object spec{{"holderIdentity", holder},
                          {"leaseDurationSeconds", seconds},
                          {"leaseTransitions", 4},
                          {"acquireTime", "2020-01-01T00:00:00.000000Z"},
                          {"renewTime", renewed.empty() ? "2020-01-01T00:00:00.000000Z" : renewed}};
        json::object lease = lease_.value_or(Base());
        lease["spec"] = spec;
        Store(lease);
    }
    void Remove() {
        std::lock_guard lock(mutex_);
        lease_.reset();
    }
    json::object Spec() const {
        std::lock_guard lock(mutex_);
        return lease_ ? lease_->at("spec").as_object() : json::object();
    }
    std::string Holder() const {
        const json::object spec = Spec();
        return spec.contains("holderIdentity")
                   ? std::string(spec.at("holderIdentity").as_string().c_str())
                   : "none";
    }
    json::object Lease() const {
        std::lock_guard lock(mutex_);
        return *lease_;
    }
    int Writes() const {
        std::lock_guard lock(mutex_);
        return writes_;
    }
    int Conflicts() const {
        std::lock_guard lock(mutex_);
        return conflicts_;
    }
    /// Somebody else touches the object without changing its terms.
    void Annotate() {
        std::lock_guard lock(mutex_);
        json::object lease = *lease_;
        lease["metadata"].as_object()["labels"] = {{"touched", "yes"}};
        Store(lease);
    }

  private:
    static Answer Fail(int code, const std::string& reason) {
        return {.status = code,
                .body = fmt::format(R"({{"kind":"Status","reason":"{}","message":"{}","code":{}}})",
                                    reason, reason, code)};
    }
    static json::object Base() {
        return {{"apiVersion", "coordination.k8s.io/v1"},
                {"kind", "Lease"},
                {"metadata", {{"name", "op"}, {"namespace", "sys"}, {"uid", "u1"}}}};
    }
    void Store(json::object lease) {
        lease["metadata"].as_object()["resourceVersion"] = std::to_string(++version_);
        lease_ = std::move(lease);
    }
    Answer Read() {
        std::lock_guard lock(mutex_);
        if (!lease_) return Fail(404, "NotFound");
        return {.body = json::serialize(*lease_)};
    }
    Answer Create(const std::string& body) {
        std::lock_guard lock(mutex_);
        if (broken_) return Fail(500, "InternalError");
        if (lease_) return Fail(409, "AlreadyExists");
        return Accept(body, 201);
    }
    Answer Update(const std::string& body) {
        std::lock_guard lock(mutex_);
        if (broken_) return Fail(500, "InternalError");
        if (!lease_) return Fail(404, "NotFound");
        const json::value sent = json::parse(body);
        if (sent.at("metadata").at("resourceVersion") !=
            lease_->at("metadata").at("resourceVersion")) {
            ++conflicts_;
            return Fail(409, "Conflict");
        }
        return Accept(body, 200);
    }
    Answer Accept(const std::string& body, int status) {
        ++writes_;
        Store(json::parse(body).as_object());
        if (std::exchange(lose_next_, false)) return Fail(500, "InternalError");
        return {.status = status, .body = json::serialize(*lease_)};
    }

    mutable std::mutex mutex_;
    std::optional<json::object> lease_;
    int version_ = 100, writes_ = 0, conflicts_ = 0;
    bool broken_ = false, lose_next_ = false;
};

/// An elector as an operator runs it: acquire, lead until lost or told to stop.
struct Candidate {
    Candidate(asio::io_context& io, Config config, LeaderElector::Settings settings)
        : client(io.get_executor(), std::move(config)), elector(client, settings, random) {}

    Awaitable<void> Life() {
        co_await elector.Acquire();
        ++terms;
        co_await elector.RenewUntilLost();
        lost = true;
    }
    void Start(asio::io_context& io) {
        asio::co_spawn(io, Life(),
                       asio::bind_cancellation_slot(stop.slot(),
                                                    [this](std::exception_ptr) { ended = true; }));
    }
    Client client;
    Random random{3};
    LeaderElector elector;
    asio::cancellation_signal stop;
    int terms = 0;
    bool lost = false, ended = false;
};

class LeaderTest : public ::testing::Test {
  protected:
    LeaderTest() : lease(server) {}
    ~LeaderTest() override {
        for (auto& candidate : candidates)
            StopNow(*candidate);
    }
    Candidate& Add(const std::string& identity) {
        LeaderElector::Settings settings = base;
        settings.identity = identity;
        candidates.push_back(std::make_unique<Candidate>(io, server.ClientConfig(), settings));
        return *candidates.back();
    }
    Candidate& StartNew(const std::string& identity) {
        Candidate& candidate = Add(identity);
        candidate.Start(io);
        started.push_back(&candidate);
        return candidate;
    }
    void StopNow(Candidate& candidate) {
        if (std::ranges::find(started, &candidate) == started.end() || candidate.ended) return;
        asio::post(io, [&] { candidate.stop.emit(asio::cancellation_type::terminal); });
        EXPECT_TRUE(Until([&] { return candidate.ended; }));
    }
    template <typename Condition>
    bool Until(Condition condition, milliseconds patience = milliseconds(6000)) {
        return testing::RunUntil(io, condition, patience);
    }

    Imposter server;
    FakeLease lease;
    asio::io_context io;
    LeaderElector::Settings base{.lease = {"sys", "op"},
                                 .identity = "",
                                 .lease_duration = milliseconds(1000),
                                 .renew_deadline = milliseconds(600),
                                 .retry_period = milliseconds(60),
                                 .attempt_deadline = milliseconds(300)};
    std::vector<std::unique_ptr<Candidate>> candidates;
    std::vector<Candidate*> started;
};

TEST_F(LeaderTest, CreatesTheLeaseAndRenewsIt) {
    Candidate& a = StartNew("a");
    ASSERT_TRUE(Until([&] { return a.elector.IsLeader(); }));
    const json::object first = lease.Spec();
    EXPECT_EQ(lease.Holder(), "a");
    EXPECT_EQ(first.at("leaseDurationSeconds"), 1);
    EXPECT_EQ(first.at("leaseTransitions"), 0);
    EXPECT_THAT(std::string(first.at("renewTime").as_string().c_str()),
                MatchesRegex("20..-..-..T..:..:..\\.......Z"));
    ASSERT_TRUE(Until([&] { return lease.Writes() >= 4; }));
    EXPECT_EQ(lease.Spec().at("acquireTime"), first.at("acquireTime"));
    EXPECT_NE(lease.Spec().at("renewTime"), first.at("renewTime"));
    EXPECT_EQ(lease.Spec().at("leaseTransitions"), 0);
    // Renewals are one request each: one GET at the start, then only writes.
    EXPECT_EQ(server.Count("GET", kLeasesPath + "/op"), 1u);
}

TEST_F(LeaderTest, WritesTheWallClockItWasGiven) {
    base.wall_clock = [] {
        return std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000) +
                                                     std::chrono::microseconds(1234));
    };
    Candidate& a = StartNew("a");
    ASSERT_TRUE(Until([&] { return a.elector.IsLeader(); }));
    EXPECT_EQ(lease.Spec().at("renewTime"), "2023-11-14T22:13:20.001234Z");
}

TEST_F(LeaderTest, NoTakeoverWhileTheHolderRenews) {
    Candidate& a = StartNew("a");
    ASSERT_TRUE(Until([&] { return a.elector.IsLeader(); }));
    Candidate& b = StartNew("b");
    testing::RunFor(io, milliseconds(2500));
    EXPECT_TRUE(a.elector.IsLeader());
    EXPECT_FALSE(b.elector.IsLeader());
    EXPECT_EQ(b.elector.Holder(), "a");
    EXPECT_EQ(lease.Holder(), "a");
}

TEST_F(LeaderTest, ATakeoverWaitsForTheWholeTermAfterTheLastChangeSeen) {
    lease.Put("dead", 1);
    const auto began = std::chrono::steady_clock::now();
    Candidate& b = StartNew("b");
    testing::RunFor(io, milliseconds(500));
    lease.Put("dead", 1, "2020-01-01T00:00:01.000000Z");  // one more renewal
    ASSERT_TRUE(Until([&] { return b.elector.IsLeader(); }));
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_GE(took, milliseconds(1500));
    EXPECT_LT(took, milliseconds(2500));
    EXPECT_EQ(lease.Spec().at("leaseTransitions"), 5);
    EXPECT_EQ(lease.Spec().at("acquireTime"), lease.Spec().at("renewTime"));
}

TEST_F(LeaderTest, ATakeoverComesWhenTheTermEndsNotAtTheNextLookAfterIt) {
    base.retry_period = milliseconds(4000);
    lease.Put("dead", 1);
    const auto began = std::chrono::steady_clock::now();
    Candidate& b = StartNew("b");
    ASSERT_TRUE(Until([&] { return b.elector.IsLeader(); }));
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_GE(took, milliseconds(1000));
    EXPECT_LT(took, milliseconds(1800));  // the next look came after 2 to 4 s
}

TEST_F(LeaderTest, AnUnrelatedChangeOfTheObjectDoesNotProlongTheTerm) {
    lease.Put("dead", 1);
    const auto began = std::chrono::steady_clock::now();
    Candidate& b = StartNew("b");
    while (!b.elector.IsLeader() && std::chrono::steady_clock::now() - began < milliseconds(3000)) {
        testing::RunFor(io, milliseconds(100));
        if (!b.elector.IsLeader() && lease.Holder() == "dead") lease.Annotate();
    }
    EXPECT_TRUE(b.elector.IsLeader());
    EXPECT_EQ(lease.Lease().at("metadata").at("labels").at("touched"), "yes");  // and it is kept
}

TEST_F(LeaderTest, TheTermIsTheOneWrittenInTheLease) {
    lease.Put("other", 3600);
    Candidate& b = StartNew("b");
    testing::RunFor(io, milliseconds(1600));
    EXPECT_FALSE(b.elector.IsLeader());
}

TEST_F(LeaderTest, ALeaderThatCannotRenewGivesUpAtTheDeadlineBeforeOthersTakeOver) {
    Candidate& a = StartNew("a");
    ASSERT_TRUE(Until([&] { return a.elector.IsLeader(); }));
    lease.Break(true);
    const auto began = std::chrono::steady_clock::now();
    ASSERT_TRUE(Until([&] { return a.lost; }));
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_FALSE(a.elector.IsLeader());
    EXPECT_GE(took, milliseconds(500));
    EXPECT_LT(took, milliseconds(900));
}

TEST_F(LeaderTest, ALeaderWhoseServerIsSilentGivesUpAtTheDeadlineToo) {
    Candidate& a = StartNew("a");
    ASSERT_TRUE(Until([&] { return a.elector.IsLeader(); }));
    server.When("", kLeasesPath + "/op").Misbehave(testing::Fault::kNeverAnswer);
    const auto began = std::chrono::steady_clock::now();
    ASSERT_TRUE(Until([&] { return a.lost; }));
    EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(900));
}

TEST_F(LeaderTest, AShortOutageIsSurvived) {
    Candidate& a = StartNew("a");
    ASSERT_TRUE(Until([&] { return a.elector.IsLeader(); }));
    for (int i = 0; i < 4; ++i) {
        lease.Break(true);
        testing::RunFor(io, milliseconds(250));
        lease.Break(false);
        testing::RunFor(io, milliseconds(200));
    }
    EXPECT_TRUE(a.elector.IsLeader());
    EXPECT_FALSE(a.lost);
}

TEST_F(LeaderTest, AWriteWhoseAnswerWasLostIsStillOurs) {
    Candidate& a = StartNew("a");
    ASSERT_TRUE(Until([&] { return a.elector.IsLeader(); }));
    lease.LoseNextAnswer();
    const int writes = lease.Writes();
    ASSERT_TRUE(Until([&] { return lease.Writes() >= writes + 3; }));
    EXPECT_TRUE(a.elector.IsLeader());
    EXPECT_EQ(lease.Spec().at("leaseTransitions"), 0);
    EXPECT_EQ(lease.Conflicts(), 1);
}

TEST_F(LeaderTest, ALeaseTakenByAnotherIsLostAtOnce) {
    Candidate& a = StartNew("a");
    ASSERT_TRUE(Until([&] { return a.elector.IsLeader(); }));
    lease.Put("thief", 15);
    const auto began = std::chrono::steady_clock::now();
    ASSERT_TRUE(Until([&] { return a.lost; }));
    EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(300));
    EXPECT_EQ(lease.Holder(), "thief");
    EXPECT_EQ(a.elector.Holder(), "thief");
}

TEST_F(LeaderTest, ADeletedLeaseIsMadeAnewByItsHolder) {
    Candidate& a = StartNew("a");
    ASSERT_TRUE(Until([&] { return a.elector.IsLeader(); }));
    lease.Remove();
    ASSERT_TRUE(Until([&] { return lease.Holder() == "a"; }));
    EXPECT_TRUE(a.elector.IsLeader());
}

TEST_F(LeaderTest, TheCancelledLeaderHandsOverWithinARetry) {
    Candidate& a = StartNew("a");
    ASSERT_TRUE(Until([&] { return a.elector.IsLeader(); }));
    Candidate& b = StartNew("b");
    testing::RunFor(io, milliseconds(200));
    const auto began = std::chrono::steady_clock::now();
    StopNow(a);
    EXPECT_FALSE(a.elector.IsLeader());
    ASSERT_TRUE(Until([&] { return b.elector.IsLeader(); }));
    EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(500));
    EXPECT_EQ(lease.Spec().at("leaseTransitions"), 1);
}

TEST_F(LeaderTest, ReleaseWritesAnEmptyHolderAndAShortTerm) {
    Candidate& a = StartNew("a");
    ASSERT_TRUE(Until([&] { return a.elector.IsLeader(); }));
    StopNow(a);
    EXPECT_EQ(lease.Holder(), "");
    EXPECT_EQ(lease.Spec().at("leaseDurationSeconds"), 1);
}

TEST_F(LeaderTest, WithoutReleaseOnCancelTheLeaseStays) {
    base.release_on_cancel = false;
    Candidate& a = StartNew("a");
    ASSERT_TRUE(Until([&] { return a.elector.IsLeader(); }));
    StopNow(a);
    EXPECT_EQ(lease.Holder(), "a");
}

TEST_F(LeaderTest, ReleaseIsBoundedWhenTheServerIsSilent) {
    Candidate& a = StartNew("a");
    ASSERT_TRUE(Until([&] { return a.elector.IsLeader(); }));
    server.When("PUT", kLeasesPath + "/op").Misbehave(testing::Fault::kNeverAnswer);
    const auto began = std::chrono::steady_clock::now();
    StopNow(a);
    EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(2800));
}

TEST_F(LeaderTest, AManyCandidatesRaceHasOneWinner) {
    lease.Put("dead", 1);
    for (int i = 0; i < 6; ++i)
        StartNew("c" + std::to_string(i));
    ASSERT_TRUE(Until([&] { return lease.Holder() != "dead"; }));
    testing::RunFor(io, milliseconds(500));
    int leaders = 0;
    for (auto& candidate : candidates)
        leaders += candidate->elector.IsLeader() ? 1 : 0;
    EXPECT_EQ(leaders, 1);
    EXPECT_EQ(lease.Spec().at("leaseTransitions"), 5);
}

}  // namespace
}  // namespace dlws::kube

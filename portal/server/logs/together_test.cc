// SPDX-License-Identifier: Apache-2.0
// Several ranks: pages, text, and the stream of events.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <set>

#include "kube/testing/run.h"
#include "portal/server/logs/page.h"
#include "portal/server/logs/simulation.h"
#include "portal/server/logs/stream_body.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;
using testing::SimPod;
using testing::Simulation;

constexpr model::LogMicros kBegin = 1'796'000'000'000'000;

/// Ranks in memory, each a simulation of its own.
class Ranks : public LogSources {
  public:
    explicit Ranks(int ranks, std::size_t lines, Simulation::Chances chances = {}) {
        for (int rank = 0; rank < ranks; ++rank) {
            worlds_.push_back(std::make_unique<Simulation>(std::uint64_t(rank + 1), chances));
            SimPod pod;
            for (std::size_t i = 0; i < lines; ++i)
                pod.lines.push_back({kBegin + model::LogMicros(i) * 1000 + rank % 3,
                                     fmt::format("{}.{}\r\x01", rank, i)});
            worlds_.back()->attempts = {pod};
        }
    }
    void Finish() {
        for (auto& world : worlds_)
            world->Finish();
    }
    Simulation& operator[](int rank) { return *worlds_.at(std::size_t(rank)); }
    std::vector<RankPosition> From() const {
        std::vector<RankPosition> from;
        for (std::size_t i = 0; i < worlds_.size(); ++i) {
            RankPosition one;
            one.rank = int(i);
            from.push_back(one);
        }
        return from;
    }
    std::vector<RankReader> Readers(const std::vector<RankPosition>& from, bool follow,
                                    bool whole = false) {
        std::vector<RankReader> readers;
        for (const RankPosition& one : from) {
            LogSource source;
            source.rank = one.rank;
            source.attempt = one.attempt;
            RankReader::Settings settings;
            settings.position = one.at;
            settings.follow = follow;
            settings.whole = whole;
            readers.emplace_back(*this, source, settings);
        }
        return readers;
    }

    int deny = 0;  // of all reads
    LogPlan::Facts FactsOf(const LogSource& source) override {
        LogPlan::Facts facts = (*this)[source.rank].FactsOf(source);
        facts.long_over = facts.over;
        return facts;
    }
    Awaitable<LogResult<LogPage>> ReadArchive(LogSource source, LogPageAsk ask) override {
        if (deny != 0)
            co_return std::unexpected(
                LogFailure{.kind = LogFailure::kDenied, .status = deny, .why = "no"});
        co_return co_await (*this)[source.rank].ReadArchive(source, ask);
    }
    Awaitable<LogResult<std::unique_ptr<LogLive>>> OpenLive(LogSource source,
                                                            LogLiveAsk ask) override {
        co_return co_await (*this)[source.rank].OpenLive(source, ask);
    }
    LogPlan::Clock::time_point Now() override { return (*this)[0].Now(); }
    Awaitable<void> Sleep(std::chrono::milliseconds time) override {
        for (auto& world : worlds_)
            co_await world->Sleep(time);
    }

  private:
    std::vector<std::unique_ptr<Simulation>> worlds_;
};

class Together : public ::testing::Test {
  protected:
    json::object Page(Ranks& ranks, const std::vector<RankPosition>& from, std::size_t limit) {
        LogPageSettings settings;
        settings.about = "job";
        settings.limit = limit;
        const auto page =
            kube::testing::Run(io_, ReadLogPage(ranks.Readers(from, false), from, settings));
        EXPECT_EQ(page.denied, 0);
        return json::parse(page.json).as_object();
    }
    boost::asio::io_context io_;
};

TEST_F(Together, PagesByTimeHoldEachLineOnce) {
    Ranks ranks(5, 40);
    ranks.Finish();
    auto from = ranks.From();
    std::vector<std::pair<std::string, std::int64_t>> seen;
    std::set<std::string> texts;
    for (int pages = 0; pages < 100; ++pages) {
        const auto page = Page(ranks, from, 7);
        for (const json::value& line : page.at("lines").as_array()) {
            seen.emplace_back(line.at("at").as_string(), line.at("rank").as_int64());
            texts.insert(std::string(line.at("text").as_string()));
        }
        EXPECT_EQ(page.at("sources").as_array().size(), 5u);
        from = *DecodeLogCursor(std::string(page.at("nextCursor").as_string()), "job");
        if (page.at("atEnd").as_bool()) break;
    }
    EXPECT_EQ(seen.size(), 200u);
    EXPECT_EQ(texts.size(), 200u);
    EXPECT_TRUE(std::ranges::is_sorted(seen));
    EXPECT_TRUE(texts.contains("3.39\r\x01"));
}

TEST_F(Together, APageEndsAtItsTimeAndWhenItIsFull) {
    Ranks ranks(2, 40);
    ranks.Finish();
    LogPageSettings settings;
    settings.about = "job";
    settings.until = kBegin + 10 * 1000;
    auto page = kube::testing::Run(
        io_, ReadLogPage(ranks.Readers(ranks.From(), false), ranks.From(), settings));
    EXPECT_EQ(json::parse(page.json).at("lines").as_array().size(), 20u);
    settings.until.reset();
    settings.bytes = 500;
    page = kube::testing::Run(
        io_, ReadLogPage(ranks.Readers(ranks.From(), false), ranks.From(), settings));
    const auto lines = json::parse(page.json).at("lines").as_array().size();
    EXPECT_GT(lines, 2u);
    EXPECT_LT(lines, 10u);
    EXPECT_FALSE(json::parse(page.json).at("atEnd").as_bool());
    // Somebody who may not gets nothing of it.
    ranks.deny = 403;
    page = kube::testing::Run(
        io_, ReadLogPage(ranks.Readers(ranks.From(), false), ranks.From(), settings));
    EXPECT_EQ(page.denied, 403);
}

TEST_F(Together, TheTextIsWhatWasPrinted) {
    Ranks one(1, 300);
    one[0].attempts[0].lines[5].text = std::string(200'000, 'x') + std::string("\0\xff\r", 3);
    one.Finish();
    LogTextBody body(one.Readers(one.From(), false, true), {.names = {""}});
    std::string text, expected;
    for (std::string piece = kube::testing::Run(io_, body.Next()); !piece.empty();
         piece = kube::testing::Run(io_, body.Next()))
        text += piece;
    for (const auto& line : one[0].attempts[0].lines)
        expected += line.text + "\n";
    EXPECT_TRUE(text == expected) << text.size() << " and " << expected.size();

    Ranks two(2, 2);
    two.Finish();
    LogTextBody named(two.Readers(two.From(), false, true),
                      {.names = {"master-0.", "worker-0."}, .timestamps = true});
    EXPECT_EQ(kube::testing::Run(io_, named.Next()),
              "2026-11-30T00:53:20.000000Z master-0.0 0.0\r\x01\n"
              "2026-11-30T00:53:20.000001Z worker-0.0 1.0\r\x01\n"
              "2026-11-30T00:53:20.001000Z master-0.0 0.1\r\x01\n"
              "2026-11-30T00:53:20.001001Z worker-0.0 1.1\r\x01\n");
    // A file that is not whole does not look whole.
    Ranks denied(1, 2);
    denied.deny = 401;
    LogTextBody broken(denied.Readers(denied.From(), false, true), {.names = {""}});
    EXPECT_THROW(kube::testing::Run(io_, broken.Next()), std::runtime_error);
}

/// What a browser makes of a stream.
struct Events {
    std::map<std::int64_t, std::vector<std::string>> lines;
    std::string id, end;
    int beats = 0, gaps = 0;
    std::map<std::int64_t, std::string> states;

    void Take(std::string_view text) {
        while (!text.empty()) {
            const std::size_t end_of_event = text.find("\n\n");
            ASSERT_NE(end_of_event, text.npos);
            std::string_view event = text.substr(0, end_of_event);
            text.remove_prefix(end_of_event + 2);
            if (event.starts_with(":")) {
                ++beats;
                continue;
            }
            std::map<std::string, std::string> fields;
            while (!event.empty()) {
                const std::string_view line = event.substr(0, event.find('\n'));
                event.remove_prefix(std::min(event.size(), line.size() + 1));
                const std::size_t colon = line.find(": ");
                fields.emplace(line.substr(0, colon), line.substr(colon + 2));
            }
            const json::value data = json::parse(fields["data"]);
            if (fields.contains("id")) id = fields["id"];
            if (fields["event"] == "lines") {
                for (const json::value& line : data.at("lines").as_array())
                    lines[line.at("rank").as_int64()].emplace_back(line.at("text").as_string());
            } else if (fields["event"] == "state") {
                states[data.at("rank").as_int64()] = data.at("state").as_string();
            } else if (fields["event"] == "gap") {
                ++gaps;
            } else {
                EXPECT_EQ(fields["event"], "end");
                end = data.at("reason").as_string();
            }
        }
    }
};

LogStreamBody::Settings Quick() {
    LogStreamBody::Settings settings;
    settings.about = "job";
    settings.beat = std::chrono::milliseconds(50);
    settings.how_ended = [] { return std::string("JobFinished"); };
    return settings;
}

TEST_F(Together, AStreamThatIsCutAgainAndAgainTellsEachLineOnce) {
    Ranks ranks(4, 300);
    Events events;
    for (int streams = 0; streams < 1000 && events.end.empty(); ++streams) {
        auto from = ranks.From();
        if (!events.id.empty()) from = *DecodeLogCursor(events.id, "job");
        ASSERT_EQ(from.size(), 4u);
        LogStreamBody body(io_.get_executor(), ranks.Readers(from, true), from, Quick());
        for (int pieces = 0; pieces < 6 && events.end.empty(); ++pieces)
            events.Take(kube::testing::Run(io_, body.Next()));
    }
    EXPECT_EQ(events.end, "JobFinished");
    for (int rank = 0; rank < 4; ++rank) {
        std::vector<std::string> expected;
        for (const auto& line : ranks[rank].attempts[0].lines)
            expected.push_back(line.text);
        EXPECT_EQ(events.lines[rank], expected) << rank;
        EXPECT_EQ(events.states[rank], "Ended");
    }
    EXPECT_EQ(events.gaps, 0);
}

TEST_F(Together, AStreamSaysWhyItEnds) {
    Ranks ranks(2, 20'000);
    const auto until_end = [&](LogStreamBody& body) {
        Events events;
        for (int pieces = 0; pieces < 100'000 && events.end.empty(); ++pieces)
            events.Take(kube::testing::Run(io_, body.Next()));
        EXPECT_EQ(kube::testing::Run(io_, body.Next()), "");
        return events.end;
    };
    {
        LogStreamBody body(io_.get_executor(), ranks.Readers(ranks.From(), true), ranks.From(),
                           Quick());
        kube::testing::Run(io_, body.Next());
        body.Stop();
        EXPECT_EQ(until_end(body), "Draining");
    }
    {
        auto settings = Quick();
        settings.ask_again = std::chrono::milliseconds(1);
        settings.may_go_on = []() -> Awaitable<std::string> { co_return "LoginExpired"; };
        LogStreamBody body(io_.get_executor(), ranks.Readers(ranks.From(), true), ranks.From(),
                           settings);
        EXPECT_EQ(until_end(body), "LoginExpired");
    }
    {
        auto settings = Quick();
        settings.longest = std::chrono::milliseconds(1);
        LogStreamBody body(io_.get_executor(), ranks.Readers(ranks.From(), true), ranks.From(),
                           settings);
        EXPECT_EQ(until_end(body), "Renew");
    }
    ranks.deny = 401;
    {
        LogStreamBody body(io_.get_executor(), ranks.Readers(ranks.From(), true), ranks.From(),
                           Quick());
        EXPECT_EQ(until_end(body), "LoginExpired");
    }
    // Their readers end before the pods that they read.
    kube::testing::RunFor(io_, std::chrono::milliseconds(10));
}

/// A source that prints once and then is silent.
class Silent : public LogSources {
  public:
    LogPlan::Facts FactsOf(const LogSource&) override {
        LogPlan::Facts facts;
        facts.pod = LogPlan::Pod::kWaiting;
        facts.archive = false;
        return facts;
    }
    Awaitable<LogResult<LogPage>> ReadArchive(LogSource, LogPageAsk) override {
        co_return LogPage{};
    }
    Awaitable<LogResult<std::unique_ptr<LogLive>>> OpenLive(LogSource, LogLiveAsk) override {
        co_return std::unexpected(LogFailure{});
    }
    LogPlan::Clock::time_point Now() override { return LogPlan::Clock::now(); }
    Awaitable<void> Sleep(std::chrono::milliseconds) override {
        ++sleeping;
        struct Awake {
            ~Awake() { --*count; }
            int* count;
        } awake{&sleeping};
        co_await kube::testing::Sleep(std::chrono::hours(1));
    }
    int sleeping = 0;
};

TEST_F(Together, ASilentStreamBeatsAndItsReadersEndWithIt) {
    auto silent = std::make_shared<Silent>();
    RankPosition from;
    {
        std::vector<RankReader> readers;
        readers.emplace_back(*silent, LogSource(), RankReader::Settings());
        auto settings = Quick();
        settings.keep = silent;
        LogStreamBody body(io_.get_executor(), std::move(readers), {from}, settings);
        Events events;
        for (int i = 0; i < 3; ++i)
            events.Take(kube::testing::Run(io_, body.Next()));
        EXPECT_EQ(events.beats, 2);
        EXPECT_EQ(events.states[0], "Waiting");
        EXPECT_EQ(silent->sleeping, 1);
    }
    kube::testing::RunFor(io_, std::chrono::milliseconds(10));
    EXPECT_EQ(silent->sleeping, 0);
    EXPECT_EQ(silent.use_count(), 1);
}

}  // namespace
}  // namespace dlws::portal

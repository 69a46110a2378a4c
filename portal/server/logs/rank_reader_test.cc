// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/rank_reader.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <set>

#include "kube/testing/run.h"
#include "portal/server/logs/simulation.h"

namespace dlws::portal {
namespace {

using testing::SimLine;
using testing::SimPod;
using testing::Simulation;

constexpr model::LogMicros kBegin = 1'796'000'000'000'000;

/// What a program prints: times that stand still, go back, and jump.
SimPod Program(std::mt19937_64& random, int attempt, std::size_t lines, bool notes) {
    SimPod pod;
    model::LogMicros time = kBegin + attempt * 3'600'000'000ll;
    const auto below = [&](std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
    };
    for (std::size_t i = 0; i < lines; ++i) {
        const std::size_t kind = below(10);
        if (kind == 0)
            time += 5'000'000;
        else if (kind == 1 && i > 0)
            time -= model::LogMicros(below(40));
        else if (kind < 6)
            time += model::LogMicros(below(2000));
        pod.lines.push_back({time, fmt::format("{}.{}{}", attempt, i, kind == 7 ? "\r50%" : "")});
        if (kind == 8) pod.lines.back().text += std::string("\0\xff", 2);
        if (kind != 9) continue;
        // Either the archive writes notes, or the program prints what looks like one.
        if (notes)
            pod.lines.push_back({time, fmt::format("dlws: {}.{} something", attempt, i), true});
        else
            pod.lines.back().text = fmt::format("dlws: {}.{}", attempt, i);
    }
    return pod;
}

struct Heard {
    std::vector<std::string> lines;
    std::vector<std::string> notes;
    int gaps = 0, kills = 0;
    bool ended = false;
};

class Listener {
  public:
    explicit Listener(Simulation& world) : world_(world) {}

    /// Reads until the end; begins anew, from the cursor alone, wherever `kill` says so: it is
    /// asked after each line.
    Heard Listen(RankReader::Settings settings, std::function<bool(std::size_t)> kill) {
        Heard heard;
        std::string cursor = EncodeLogCursor({{0, 0, settings.position}}, "job");
        for (int steps = 0; steps < 200'000 && !heard.ended; ++steps) {
            const auto from = DecodeLogCursor(cursor, "job");
            if (!from) throw std::runtime_error("a cursor that cannot be read: " + cursor);
            RankPosition told = from->at(0);
            settings.position = told.at;
            if (heard.kills > 0) settings.tail.reset();
            LogSource source;
            source.attempt = told.attempt;
            RankReader reader(world_, source, settings);
            bool killed = false;
            while (!killed && !heard.ended) {
                const RankReader::Told more = kube::testing::Run(io_, reader.Next());
                heard.gaps += more.gap.has_value();
                if (more.attempt != told.attempt) {
                    told.attempt = more.attempt;
                    told.at = LogPosition();
                }
                for (const LogLine& line : more.lines) {
                    (line.counted || !line.text.ends_with("something") ? heard.lines : heard.notes)
                        .push_back(line.text);
                    told.at.Advance(line);
                    cursor = EncodeLogCursor({told}, "job");
                    killed = kill(heard.lines.size());
                    if (killed) break;
                }
                heard.ended = more.end && !killed;
            }
            heard.kills += killed;
        }
        return heard;
    }

  private:
    Simulation& world_;
    boost::asio::io_context io_;
};

std::vector<std::string> Printed(const Simulation& world) {
    std::vector<std::string> out;
    for (const SimPod& pod : world.attempts)
        for (const SimLine& line : pod.lines)
            if (!line.archive_only) out.push_back(line.text);
    return out;
}

void ExpectOnceEach(const Heard& heard, const Simulation& world) {
    EXPECT_TRUE(heard.ended);
    const auto printed = Printed(world);
    const auto [here, there] = std::ranges::mismatch(heard.lines, printed);
    EXPECT_EQ(heard.lines.size(), printed.size());
    EXPECT_TRUE(here == heard.lines.end() && there == printed.end())
        << (here == heard.lines.end() ? "the end" : *here) << " instead of "
        << (there == printed.end() ? "the end" : *there);
    EXPECT_EQ(heard.gaps, 0);
    const std::set<std::string> notes(heard.notes.begin(), heard.notes.end());
    EXPECT_EQ(notes.size(), heard.notes.size()) << "a note was told twice";
}

Simulation::Chances Usual() {
    return {};
}

TEST(RankReader, EachLineOnceWhateverIsCutKilledAndRotated) {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        Simulation::Chances chances = Usual();
        chances.rotate = seed % 3 == 0 ? 0.2 : 0.02;
        chances.cut = seed % 5 == 0 ? 0.2 : 0.02;
        Simulation world(seed, chances);
        for (int attempt = 0; attempt < 3; ++attempt)
            world.attempts.push_back(Program(random, attempt, 60, seed % 2 == 0));
        Listener listener(world);
        const double kills = seed % 4 == 0 ? 0 : 0.1;
        const Heard heard = listener.Listen({}, [&](std::size_t) { return world.Chance(kills); });
        ExpectOnceEach(heard, world);
        if (HasFailure()) break;
    }
}

TEST(RankReader, KilledAtEveryLine) {
    for (std::size_t at = 1; at <= 80; ++at) {
        SCOPED_TRACE(at);
        std::mt19937_64 random(7);
        Simulation world(at, Usual());
        world.attempts = {Program(random, 0, 40, true), Program(random, 1, 40, false)};
        bool killed = false;
        Listener listener(world);
        const Heard heard = listener.Listen(
            {}, [&](std::size_t lines) { return lines >= at && !std::exchange(killed, true); });
        ExpectOnceEach(heard, world);
        EXPECT_EQ(heard.kills, 1);
        if (HasFailure()) break;
    }
}

TEST(RankReader, AfterEveryLineAFreshReader) {
    std::mt19937_64 random(3);
    Simulation world(3, Usual());
    world.attempts = {Program(random, 0, 100, false)};
    Listener listener(world);
    ExpectOnceEach(listener.Listen({}, [](std::size_t) { return true; }), world);
}

TEST(RankReader, AJobThatEndedLongAgoIsReadFromItsArchive) {
    std::mt19937_64 random(5);
    Simulation world(5, Usual());
    world.attempts = {Program(random, 0, 500, true), Program(random, 1, 500, true)};
    world.Finish();
    Listener listener(world);
    ExpectOnceEach(listener.Listen({}, [](std::size_t) { return false; }), world);
    EXPECT_EQ(world.lives, 0);
}

TEST(RankReader, WithoutAnArchiveWhatIsRotatedAwayIsAGap) {
    int gaps = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        Simulation::Chances chances;
        chances.archive = false;
        chances.cut = 0.1;
        chances.rotate = 0.1;
        Simulation world(seed, chances);
        world.attempts = {Program(random, 0, 100, false)};
        Listener listener(world);
        const Heard heard = listener.Listen({}, [&](std::size_t) { return world.Chance(0.02); });
        EXPECT_TRUE(heard.ended);
        gaps += heard.gaps;
        // In order, none twice; those that are missing are after a gap, or never seen.
        const auto printed = Printed(world);
        auto at = printed.begin();
        for (const std::string& line : heard.lines) {
            at = std::find(at, printed.end(), line);
            ASSERT_NE(at, printed.end()) << line;
            ++at;
        }
    }
    EXPECT_GT(gaps, 10);
}

TEST(RankReader, AnArchiveThatIsAwayNowAndThenCostsNoLineThatTheKubeletHas) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        Simulation::Chances chances;
        chances.archive_away = 0.5;
        chances.rotate = 0;
        chances.cut = 0.05;
        Simulation world(seed, chances);
        world.attempts = {Program(random, 0, 60, false)};
        // Nobody takes the pod away.
        Listener listener(world);
        const Heard heard = listener.Listen({}, [](std::size_t) { return false; });
        EXPECT_TRUE(heard.ended);
        EXPECT_EQ(heard.gaps, 0);
        auto printed = Printed(world);
        ASSERT_LE(heard.lines.size(), printed.size());
        printed.resize(heard.lines.size());
        EXPECT_EQ(heard.lines, printed);
    }
}

TEST(RankReader, BeginsWhereItWasAskedTo) {
    std::mt19937_64 random(9);
    const SimPod program = Program(random, 0, 200, false);
    const auto listen = [&](RankReader::Settings settings) {
        Simulation world(9, Usual());
        world.attempts = {program};
        world.Finish();
        Listener listener(world);
        return listener.Listen(settings, [](std::size_t) { return false; }).lines;
    };
    RankReader::Settings tail;
    tail.tail = 10;
    EXPECT_EQ(listen(tail).size(), 10u);
    EXPECT_EQ(listen(tail).back(), program.lines.back().text);
    tail.tail = 0;
    EXPECT_TRUE(listen(tail).empty());
    RankReader::Settings since;
    std::size_t first = 100;
    since.position = LogPosition(program.lines[first].time);
    while (first > 0 && program.lines[first - 1].time >= program.lines[100].time)
        --first;
    const auto lines = listen(since);
    ASSERT_FALSE(lines.empty());
    EXPECT_GE(lines.size(), program.lines.size() - 100);
    for (std::size_t i = 0; i < lines.size(); ++i)
        EXPECT_EQ(lines[lines.size() - 1 - i], program.lines[program.lines.size() - 1 - i].text);
}

TEST(RankReader, WhatThereIsNowWithoutFollowing) {
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        Simulation::Chances chances;
        chances.cut = 0;
        chances.rotate = 0;
        Simulation world(seed, chances);
        world.attempts = {Program(random, 0, 200, false)};
        for (int i = 0; i < 60; ++i)
            world.Tick();
        const std::size_t printed = world.attempts[0].archived;
        RankReader::Settings settings;
        settings.follow = false;
        Listener listener(world);
        const Heard heard = listener.Listen(settings, [](std::size_t) { return false; });
        EXPECT_TRUE(heard.ended);
        EXPECT_GE(heard.lines.size(), printed);
        auto all = Printed(world);
        all.resize(std::min(all.size(), heard.lines.size()));
        ASSERT_EQ(heard.lines, all) << heard.lines.back();
    }
}

TEST(RankReader, WhoTakesNoLinesForAWhileGoesOnFromTheArchive) {
    std::mt19937_64 random(4);
    Simulation::Chances chances;
    chances.cut = 0;
    chances.rotate = 0.3;
    chances.largest_lag = 3;
    Simulation world(4, chances);
    world.attempts = {Program(random, 0, 400, false)};
    boost::asio::io_context io;
    LogSource source;
    RankReader reader(world, source, {});
    std::vector<std::string> lines;
    bool end = false;
    while (!end) {
        const auto told = kube::testing::Run(io, reader.Next());
        EXPECT_FALSE(told.gap);
        for (const LogLine& line : told.lines)
            lines.push_back(line.text);
        end = told.end;
        // Meanwhile the kubelet's file changes more than once.
        kube::testing::Run(io,
                           world.Sleep(std::chrono::milliseconds(world.Chance(0.2) ? 6'000 : 1)));
    }
    EXPECT_EQ(lines, Printed(world));
}

/// A file of nothing but line feeds: of all files the one with the most lines.
class LineFeeds : public LogSources {
  public:
    explicit LineFeeds(bool live) : live_(live) {}
    LogPlan::Facts FactsOf(const LogSource&) override {
        LogPlan::Facts facts;
        facts.archive = !live_;
        facts.pod = live_ ? LogPlan::Pod::kDone : LogPlan::Pod::kNone;
        facts.over = facts.long_over = true;
        return facts;
    }
    Awaitable<LogResult<LogPage>> ReadArchive(LogSource, LogPageAsk ask) override {
        LogPage page;
        page.offset = ask.offset.value_or(0);
        page.size = kSize;
        page.bytes.assign(std::min<std::size_t>(kSize - page.offset, 256 << 10), '\n');
        co_return page;
    }
    class Live : public LogLive {
      public:
        Awaitable<LogResult<std::string>> Next() override {
            const std::size_t size = std::min<std::size_t>(left_, 16 << 10);
            left_ -= size;
            co_return std::string(size, '\n');
        }

      private:
        std::size_t left_ = kSize;
    };
    Awaitable<LogResult<std::unique_ptr<LogLive>>> OpenLive(LogSource, LogLiveAsk) override {
        co_return std::make_unique<Live>();
    }
    LogPlan::Clock::time_point Now() override { return now_ += std::chrono::milliseconds(1); }
    Awaitable<void> Sleep(std::chrono::milliseconds time) override {
        now_ += time;
        co_return;
    }
    static constexpr std::size_t kSize = 300'001;

  private:
    bool live_;
    LogPlan::Clock::time_point now_{};
};

TEST(RankReader, LinesAreMadeSomeAtATime) {
    for (const bool live : {false, true}) {
        SCOPED_TRACE(live);
        LineFeeds source(live);
        boost::asio::io_context io;
        RankReader reader(source, LogSource(), {});
        std::size_t lines = 0, most = 0;
        for (bool end = false; !end;) {
            const auto told = kube::testing::Run(io, reader.Next());
            lines += told.lines.size();
            most = std::max(most, told.lines.size());
            end = told.end;
        }
        EXPECT_EQ(lines, LineFeeds::kSize);
        EXPECT_LE(most, 2'001u);
        EXPECT_GT(most, 1'000u);
    }
}

}  // namespace
}  // namespace dlws::portal

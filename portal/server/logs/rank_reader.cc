// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/rank_reader.h"

#include <algorithm>
#include <utility>

namespace dlws::portal {
namespace {

/// Times in a log may go back by so much (two streams, two threads).
constexpr model::LogMicros kTimesGoBack = 2'000'000;
constexpr std::chrono::milliseconds kLongestSleep{1'000};

}  // namespace

RankReader::RankReader(LogSources& sources, LogSource source, Settings settings)
    : sources_(sources),
      source_(std::move(source)),
      settings_(settings),
      plan_({.follow = settings_.follow, .settle = settings_.settle}),
      position_(settings_.position),
      lines_(LineReader::kArchive),
      resume_(position_) {}

Awaitable<RankReader::Told> RankReader::Next() {
    Told told;
    if (live_ && settings_.follow && sources_.Now() - handed_out_ > settings_.held &&
        sources_.FactsOf(source_).archive)
        LiveEnded(LogPlan::Live::kHeld);
    while (true) {
        told.attempt = source_.attempt;
        const LogPlan::Facts facts = sources_.FactsOf(source_);
        LogStep step;
        step.kind = live_ ? LogStep::kLive : LogStep::kArchive;
        if (!live_ && !Left()) step = plan_.Next(facts, sources_.Now());
        switch (step.kind) {
            case LogStep::kArchive:
                co_await ReadArchive(told);
                break;
            case LogStep::kLive:
                co_await ReadLive(step, told);
                break;
            case LogStep::kWait:
                if (step.unavailable)
                    Be(State::kUnavailable, why_, told);
                else if (facts.pod == LogPlan::Pod::kWaiting ||
                         (facts.pod == LogPlan::Pod::kNone && !facts.over && !facts.later_attempt))
                    Be(State::kWaiting, "", told);
                if (!told.state) co_await sources_.Sleep(std::min(step.wait, kLongestSleep));
                break;
            case LogStep::kNextAttempt:
            case LogStep::kEnd:
                // A line that its program never ended, unless more of it may come.
                if (in_archive_ && !step.unavailable &&
                    (facts.long_over ||
                     (settings_.follow && (facts.over || facts.later_attempt)))) {
                    std::vector<LogLine> rest;
                    lines_.Finish(rest);
                    Tell(rest, resume_, told);
                }
                Be(step.unavailable ? State::kUnavailable : State::kEnded,
                   step.unavailable ? why_ : "", told);
                told.end = step.kind == LogStep::kEnd;
                if (!told.end) StartAttempt();
                co_return told;
        }
        handed_out_ = sources_.Now();
        if (!told.lines.empty() || told.state || told.gap || told.end) co_return told;
    }
}

void RankReader::StartAttempt() {
    ++source_.attempt;
    plan_ = LogPlan({.follow = settings_.follow, .settle = settings_.settle});
    position_ = LogPosition(settings_.since);
    settings_.tail.reset();
    state_ = State::kNone;
    in_archive_ = false;
    beginning_checked_ = false;
}

void RankReader::Be(State state, std::string why, Told& told) {
    if (state == state_) return;
    state_ = state;
    why_ = why;
    told.state = state;
    told.why = std::move(why);
}

void RankReader::Tell(std::vector<LogLine>& lines, Resume& resume, Told& told) {
    for (LogLine& line : lines) {
        if (resume.Told(line)) continue;
        // The archive lacks what the kubelet gave before: nothing is missing by that.
        if (live_ && !live_news_ && resume.Lost() && told.lines.empty())
            told.gap = Gap{position_.time, line.time};
        position_.Advance(line);
        if (!mute_) told.lines.push_back(std::move(line));
    }
}

LogPageAsk RankReader::PageAsk() const {
    LogPageAsk ask;
    if (in_archive_)
        ask.offset = offset_;
    else if (settings_.tail)
        ask.tail = std::max<std::uint64_t>(*settings_.tail, 1);
    else if (position_.time > 0)
        ask.time = position_.time;
    return ask;
}

void RankReader::Take(std::string bytes) {
    bytes_ = std::move(bytes);
    used_ = 0;
}

std::vector<LogLine> RankReader::SomeLines() {
    std::vector<LogLine> lines;
    used_ += lines_.Feed(std::string_view(bytes_).substr(used_), lines, settings_.most_lines);
    if (!Left()) Take("");
    return lines;
}

Awaitable<void> RankReader::ReadArchive(Told& told) {
    if (Left()) {
        TellPage(told);
        co_return;
    }
    const LogPageAsk ask = PageAsk();
    auto page = co_await sources_.ReadArchive(source_, ask);
    if (page) {
        TakePage(std::move(*page), told);
        co_return;
    }
    if (page.error().kind == LogFailure::kDenied) {
        told.end = true;
        told.denied = page.error().status;
    } else if (page.error().kind == LogFailure::kAbsent) {
        plan_.ArchiveRead(true, false, sources_.Now());
    } else {
        why_ = page.error().why;
        plan_.ArchiveFailed(sources_.Now());
    }
}

void RankReader::TakePage(LogPage page, Told& told) {
    if (in_archive_ && page.size < offset_) {
        // Somebody has shortened it: look where our place is now.
        in_archive_ = false;
        return;
    }
    if (!in_archive_) {
        in_archive_ = true;
        lines_ = LineReader(LineReader::kArchive, settings_.whole);
        resume_ = Resume(position_);
        mute_ = settings_.tail == 0u;
        settings_.tail.reset();
        offset_ = page.offset;
    }
    offset_ += page.bytes.size();
    archive_end_ = offset_ >= page.size;
    archive_news_ = false;
    Take(std::move(page.bytes));
    TellPage(told);
}

void RankReader::TellPage(Told& told) {
    std::vector<LogLine> lines = SomeLines();
    const LogPosition before = position_;
    Tell(lines, resume_, told);
    archive_news_ = archive_news_ || position_ != before;
    if (!told.lines.empty() || state_ == State::kNone) Be(State::kArchive, "", told);
    if (Left()) return;
    if (archive_end_) mute_ = false;
    plan_.ArchiveRead(archive_end_, archive_news_, sources_.Now());
}

void RankReader::LiveFailed(const LogFailure& failure, Told& told) {
    if (failure.kind == LogFailure::kDenied) {
        told.end = true;
        told.denied = failure.status;
    } else if (failure.kind == LogFailure::kAbsent) {
        LiveEnded(LogPlan::Live::kAbsent);
    } else if (failure.kind == LogFailure::kNotYet) {
        LiveEnded(LogPlan::Live::kNotYet);
    } else {
        LiveEnded(LogPlan::Live::kCut);
    }
}

void RankReader::LiveEnded(LogPlan::Live how) {
    live_.reset();
    Take("");
    plan_.LiveEnded(how, std::exchange(live_news_, false), sources_.Now());
}

Awaitable<void> RankReader::ReadLive(const LogStep& step, Told& told) {
    if (!live_) {
        LogLiveAsk ask;
        ask.follow = settings_.follow;
        if (settings_.tail)
            ask.tail = settings_.tail;
        else if (position_.time > 0)
            ask.since = position_.time - kTimesGoBack;
        auto opened = co_await sources_.OpenLive(source_, ask);
        if (!opened) {
            LiveFailed(opened.error(), told);
            co_return;
        }
        live_ = std::move(*opened);
        live_news_ = false;
        in_archive_ = false;
        gap_allowed_ = step.gap;
        lines_ = LineReader(LineReader::kLive, settings_.whole);
        resume_ = Resume(position_);
        Be(State::kLive, "", told);
        if (told.state) co_return;
    }
    bool ended = false;
    if (!Left()) {
        auto bytes = co_await live_->Next();
        if (!bytes) {
            LiveFailed(bytes.error(), told);
            co_return;
        }
        ended = bytes->empty();
        Take(std::move(*bytes));
    }
    std::vector<LogLine> lines = SomeLines();
    // Nothing to compare the beginning with: whether it is the log's, the archive may know by now.
    if (!lines.empty() && position_ == LogPosition() && settings_.follow && !settings_.tail &&
        !std::exchange(beginning_checked_, true) && sources_.FactsOf(source_).archive) {
        LiveEnded(LogPlan::Live::kLost);
        co_return;
    }
    // Only of a container that has ended is it a line; else the stream was cut in its middle.
    if (ended && sources_.FactsOf(source_).pod == LogPlan::Pod::kDone) lines_.Finish(lines);
    const LogPosition before = position_;
    Tell(lines, resume_, told);
    if (told.gap && !gap_allowed_) {
        position_ = before;
        told = Told();
        told.attempt = source_.attempt;
        LiveEnded(LogPlan::Live::kLost);
        co_return;
    }
    if (position_ != before) {
        live_news_ = true;
        settings_.tail.reset();
    }
    // Without our last line in it, the file may be one that began after the end.
    if (ended)
        LiveEnded(resume_.Met() || gap_allowed_ ? LogPlan::Live::kEnded : LogPlan::Live::kLost);
}

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/stream_body.h"

#include <fmt/format.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <deque>
#include <optional>
#include <utility>

#include "kube/log.h"
#include "kube/wait_list.h"
#include "portal/server/logs/json.h"
#include "portal/server/sse.h"

namespace dlws::portal {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxLines = 500;        // an event
constexpr std::size_t kMaxEvent = 500'000;    // bytes of lines, before one more
constexpr std::size_t kMaxWrite = 256 << 10;  // of the body, before one more event

}  // namespace

struct LogStreamBody::State {
    State(asio::any_io_executor executor, Settings settings)
        : executor(executor), settings(std::move(settings)), more(executor), room(executor) {}

    struct Rank {
        explicit Rank(RankReader reader) : reader(std::move(reader)) {}
        RankReader reader;
        std::optional<RankReader::Told> told;  // not taken yet
        std::size_t lines_taken = 0;           // of it
        bool ended = false;
        asio::cancellation_signal cancel;
    };

    void Take(std::size_t rank, std::string& out);

    asio::any_io_executor executor;
    Settings settings;
    kube::WaitList more, room;
    std::deque<Rank> ranks;  // stay where they are
    std::vector<RankPosition> told;
    std::string why_end;
    bool closed = false;  // the body is gone
    bool started = false, finished = false;
    std::size_t turn = 0;
    Clock::time_point until;
    asio::cancellation_signal cancel_watch;
};

LogStreamBody::LogStreamBody(asio::any_io_executor executor, std::vector<RankReader> readers,
                             std::vector<RankPosition> from, Settings settings)
    : state_(std::make_shared<State>(std::move(executor), std::move(settings))) {
    for (RankReader& reader : readers)
        state_->ranks.emplace_back(std::move(reader));
    state_->told = std::move(from);
}

LogStreamBody::~LogStreamBody() {
    // On the executor, where a signal reaches its coroutine at once: one that is under way while
    // the coroutine ends by itself would find nobody.
    asio::dispatch(state_->executor, [state = state_] {
        state->closed = true;
        for (State::Rank& rank : state->ranks)
            rank.cancel.emit(asio::cancellation_type::terminal);
        state->cancel_watch.emit(asio::cancellation_type::terminal);
    });
}

void LogStreamBody::Stop() {
    End("Draining");
}

void LogStreamBody::LogOut() {
    End("LoggedOut");
}

void LogStreamBody::End(std::string reason) {
    if (state_->why_end.empty()) state_->why_end = std::move(reason);
    state_->more.NotifyAll();
}

void LogStreamBody::Start() {
    state_->started = true;
    state_->until = Clock::now() + state_->settings.longest;
    const auto spawn = [this](Awaitable<void> work, asio::cancellation_signal& cancel) {
        asio::co_spawn(
            state_->executor, std::move(work),
            asio::bind_cancellation_slot(cancel.slot(), [state = state_](std::exception_ptr error) {
                // Cancelled with the body, or a fault: the caller comes again.
                if (!error || state->closed) return;
                if (state->why_end.empty()) state->why_end = "Renew";
                state->more.NotifyAll();
            }));
    };
    for (std::size_t i = 0; i < state_->ranks.size(); ++i)
        spawn(Read(state_, i), state_->ranks[i].cancel);
    if (state_->settings.may_go_on) spawn(Watch(state_), state_->cancel_watch);
}

Awaitable<void> LogStreamBody::Read(std::shared_ptr<State> state, std::size_t at) {
    State::Rank& rank = state->ranks[at];
    while (!state->closed && !rank.ended) {
        RankReader::Told told = co_await rank.reader.Next();
        if (told.denied != 0 && state->why_end.empty())
            state->why_end = told.denied == 401 ? "LoginExpired" : "Renew";
        const bool ended = told.end;
        rank.told = std::move(told);
        rank.lines_taken = 0;
        state->more.NotifyAll();
        while (rank.told && !state->closed)
            co_await state->room.Wait();
        rank.ended = ended;
        if (ended) state->more.NotifyAll();
    }
}

Awaitable<void> LogStreamBody::Watch(std::shared_ptr<State> state) {
    while (!state->closed && state->why_end.empty()) {
        const bool slept = co_await kube::SleepFor(state->settings.ask_again);
        if (!slept || state->closed) co_return;
        std::string why = co_await state->settings.may_go_on();
        if (why.empty() || !state->why_end.empty()) continue;
        state->why_end = std::move(why);
        state->more.NotifyAll();
    }
}

/// One event of what a rank has, or several short ones.
void LogStreamBody::State::Take(std::size_t at, std::string& out) {
    Rank& rank = ranks[at];
    RankReader::Told& now = *rank.told;
    RankPosition& position = told[at];
    if (position.attempt != now.attempt) {
        position.attempt = now.attempt;
        position.at = LogPosition();
    }
    std::string data;
    // The end of a rank comes behind its last lines, everything else before.
    const auto state_event = [&] {
        data.clear();
        AppendStateJson(position.rank, now.attempt, *now.state, now.why, data);
        AppendEvent("state", "", data, out);
        now.state.reset();
    };
    const bool last = now.state == RankReader::State::kEnded;
    if (now.state && !last) state_event();
    if (now.gap) {
        data.clear();
        AppendGapJson(position.rank, now.attempt, *now.gap, data);
        AppendEvent("gap", "", data, out);
        now.gap.reset();
    }
    if (rank.lines_taken < now.lines.size()) {
        data = R"({"lines":[)";
        for (std::size_t n = 0;
             rank.lines_taken < now.lines.size() && n < kMaxLines && data.size() < kMaxEvent; ++n) {
            const LogLine& line = now.lines[rank.lines_taken++];
            if (n > 0) data.push_back(',');
            AppendLineJson(position.rank, now.attempt, line, data);
            position.at.Advance(line);
        }
        data.append("]}");
        AppendEvent("lines", EncodeLogCursor(told, settings.about), data, out);
    }
    if (rank.lines_taken < now.lines.size()) return;
    if (now.state) state_event();
    rank.ended = now.end;
    rank.told.reset();
    room.NotifyAll();
}

Awaitable<std::string> LogStreamBody::Next() {
    const std::shared_ptr<State> state = state_;
    if (!state->started) Start();
    std::string out;
    while (!state->finished) {
        bool all_ended = true;
        if (state->why_end.empty() && Clock::now() >= state->until) state->why_end = "Renew";
        // What is not told yet comes with the next stream, from the cursor on.
        for (std::size_t n = 0;
             state->why_end.empty() && n < state->ranks.size() && out.size() < kMaxWrite; ++n) {
            const std::size_t at = state->turn++ % state->ranks.size();
            if (state->ranks[at].told) state->Take(at, out);
        }
        for (const State::Rank& rank : state->ranks)
            all_ended = all_ended && rank.ended;
        if (!out.empty()) co_return out;
        const auto now = Clock::now();
        if (state->why_end.empty() && all_ended)
            state->why_end =
                state->settings.how_ended ? state->settings.how_ended() : "JobFinished";
        if (!state->why_end.empty()) {
            state->finished = true;
            AppendEvent("end", "", fmt::format(R"({{"reason":"{}"}})", state->why_end), out);
            co_return out;
        }
        const auto beat = std::min(now + state->settings.beat, state->until);
        const bool woken = co_await state->more.Wait(beat);
        if (!woken && Clock::now() < state->until) co_return std::string(kSseBeat);
    }
    co_return out;
}

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
// For tests: a pod that prints, a kubelet that rotates, and an archive that lags, in memory and in
// a time of their own.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "portal/server/logs/sources.h"

namespace dlws::portal::testing {

struct SimLine {
    model::LogMicros time = 0;
    std::string text;
    bool archive_only = false;  // a note of the archive's own
};

inline std::string ArchiveText(const SimLine& line) {
    const auto at = model::FormatLogTime(line.time);
    return fmt::format("{} {}\n", std::string_view(at.data(), at.size()), line.text);
}

inline std::string LiveText(const SimLine& line, int nanos) {
    // As the kubelet of a node with another zone writes it.
    const auto at = model::FormatLogTime(line.time + std::int64_t(2) * 3600 * 1'000'000);
    return fmt::format("{}{:03}+02:00 {}\n", std::string_view(at.data(), at.size() - 1), nanos,
                       line.text);
}

/// One attempt's pod. Every look at it lets some time pass.
struct SimPod {
    std::vector<SimLine> lines;
    std::size_t printed = 0;   // lines
    std::size_t rotated = 0;   // the kubelet's file begins with this line
    std::size_t archived = 0;  // lines
    std::size_t torn = 0;      // bytes of the line behind, in the archive already
    LogPlan::Pod pod = LogPlan::Pod::kNone;
    LogPlan::Pod seen = LogPlan::Pod::kNone;  // as the portal's cache has it
    int open_behind = 0;                      // streams that have not reached the current file yet
};

class Simulation : public LogSources {
  public:
    struct Chances {
        double rotate = 0.02, cut = 0.02, archive_away = 0.0;
        std::size_t largest_lag = 20;
        bool archive = true;
    };
    Simulation(std::uint64_t seed, Chances chances) : random_(seed), chances_(chances) {}

    std::vector<SimPod> attempts;
    bool over = false;
    int archive_reads = 0, lives = 0;

    bool Chance(double of) { return std::uniform_real_distribution<>(0, 1)(random_) < of; }
    std::size_t Below(std::size_t n) {
        return n == 0 ? 0 : std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
    }

    /// Something happens, or nothing.
    void Tick() {
        now_ += std::chrono::milliseconds(1 + Below(300));
        bool all_gone = true;
        for (std::size_t i = 0; i < attempts.size(); ++i) {
            Advance(attempts[i]);
            all_gone = all_gone && attempts[i].pod == LogPlan::Pod::kNone &&
                       attempts[i].printed == attempts[i].lines.size() && begun_ > i;
            if (!all_gone) break;  // the next one begins when this one is gone
            if (begun_ == i + 1 && i + 1 < attempts.size()) Begin(i + 1);
        }
        if (begun_ == 0) Begin(0);
        over = all_gone;
    }
    /// The job ended long ago.
    void Finish() {
        for (int i = 0; i < 1'000'000 && !over; ++i)
            Tick();
        for (SimPod& pod : attempts)
            pod.archived = pod.lines.size();
    }

    LogPlan::Facts FactsOf(const LogSource& source) override {
        if (Chance(0.3)) Tick();
        LogPlan::Facts facts;
        facts.archive = chances_.archive;
        facts.later_attempt = begun_ > std::size_t(source.attempt) + 1;
        facts.over = over;
        SimPod& pod = attempts.at(std::size_t(source.attempt));
        // The cache is late.
        if (Chance(0.5)) pod.seen = pod.pod;
        facts.pod = pod.seen;
        return facts;
    }
    LogPlan::Clock::time_point Now() override { return now_; }
    Awaitable<void> Sleep(std::chrono::milliseconds time) override {
        const auto end = now_ + time;
        while (now_ < end)
            Tick();
        co_return;
    }
    Awaitable<LogResult<LogPage>> ReadArchive(LogSource source, LogPageAsk ask) override;
    Awaitable<LogResult<std::unique_ptr<LogLive>>> OpenLive(LogSource source,
                                                            LogLiveAsk ask) override;

  private:
    friend class SimLive;
    void Begin(std::size_t attempt) {
        begun_ = attempt + 1;
        attempts[attempt].pod = LogPlan::Pod::kWaiting;
    }
    /// Not so fast that the archive has not begun, or that a follower misses a whole file; not
    /// between lines of one microsecond. What a reader cannot notice, in short.
    bool MayRotate(const SimPod& pod) const {
        if (pod.open_behind > 0 || (pod.archived == 0 && chances_.archive)) return false;
        if (pod.printed == pod.lines.size()) return true;
        const auto before = std::ranges::max_element(
            pod.lines.begin(), pod.lines.begin() + std::ptrdiff_t(pod.printed), {}, &SimLine::time);
        return pod.lines[pod.printed].time > before->time;
    }
    void Advance(SimPod& pod) {
        using Pod = LogPlan::Pod;
        if (pod.pod == Pod::kWaiting && Chance(0.3)) pod.pod = Pod::kRunning;
        if (pod.pod == Pod::kRunning) {
            // It may also print all of what is left, and be gone at the next look.
            std::size_t more = Chance(0.02) ? pod.lines.size() : Below(4);
            for (; more > 0 && pod.printed < pod.lines.size(); --more) {
                ++pod.printed;
                if (Chance(chances_.rotate) && MayRotate(pod)) pod.rotated = pod.printed;
            }
            if (pod.printed == pod.lines.size()) pod.pod = Pod::kDone;
        } else if (pod.pod == Pod::kDone && Chance(0.3)) {
            pod.pod = Pod::kNone;
        }
        // The archive follows, and never by more than it may.
        if (pod.archived < pod.printed && Chance(0.6)) {
            pod.archived += 1 + Below(pod.printed - pod.archived);
            pod.torn = 0;
        }
        if (pod.printed - pod.archived > chances_.largest_lag) {
            pod.archived = pod.printed - chances_.largest_lag;
            pod.torn = 0;
        }
        if (pod.archived < pod.printed)
            pod.torn = std::max(pod.torn, Below(ArchiveText(pod.lines[pod.archived]).size()));
    }

    std::mt19937_64 random_;
    Chances chances_;
    std::size_t begun_ = 0;
    LogPlan::Clock::time_point now_{};
};

class SimLive : public LogLive {
  public:
    SimLive(Simulation& world, SimPod& pod, LogLiveAsk ask)
        : world_(world), pod_(pod), ask_(ask), next_(pod.rotated) {
        ++pod_.open_behind;
        if (ask.tail)
            next_ = std::max(next_, pod.printed - std::min(pod.printed, std::size_t(*ask.tail)));
    }
    ~SimLive() override { Caught(); }

    Awaitable<LogResult<std::string>> Next() override {
        while (true) {
            world_.Tick();
            if (world_.Chance(world_.chances_.cut))
                co_return std::unexpected(LogFailure{.kind = LogFailure::kCut});
            while (next_ < pod_.printed) {
                const SimLine& line = pod_.lines[next_++];
                if (line.archive_only || (ask_.since && line.time < *ask_.since)) continue;
                out_ += LiveText(line, int(world_.Below(1000)));
                if (world_.Chance(0.5)) break;
            }
            if (next_ == pod_.printed) Caught();
            if (!out_.empty()) {
                // Cut anywhere.
                std::string some = out_.substr(0, 1 + world_.Below(out_.size()));
                out_.erase(0, some.size());
                co_return some;
            }
            if (pod_.pod == LogPlan::Pod::kDone || pod_.pod == LogPlan::Pod::kNone ||
                !ask_.follow) {
                // Also a server that is told to stop ends it properly, whatever is left.
                co_return std::string();
            }
            if (world_.Chance(0.01)) co_return std::string();
        }
    }

  private:
    void Caught() {
        if (!std::exchange(caught_, true)) --pod_.open_behind;
    }
    Simulation& world_;
    SimPod& pod_;
    LogLiveAsk ask_;
    std::size_t next_;
    bool caught_ = false;
    std::string out_;
};

inline Awaitable<LogResult<LogPage>> Simulation::ReadArchive(LogSource source, LogPageAsk ask) {
    ++archive_reads;
    if (Chance(0.5)) Tick();
    if (!chances_.archive || Chance(chances_.archive_away))
        co_return std::unexpected(LogFailure{.kind = LogFailure::kCut, .why = "it hangs"});
    const SimPod& pod = attempts.at(std::size_t(source.attempt));
    std::string text;
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i < pod.archived; ++i) {
        starts.push_back(text.size());
        text += ArchiveText(pod.lines[i]);
    }
    if (pod.archived < pod.printed)
        text += ArchiveText(pod.lines[pod.archived]).substr(0, pod.torn);
    if (text.empty()) co_return std::unexpected(LogFailure{.kind = LogFailure::kAbsent});
    LogPage page;
    page.size = text.size();
    if (ask.offset) {
        page.offset = *ask.offset;
    } else if (ask.tail) {
        page.offset =
            *ask.tail >= starts.size() ? 0 : starts[starts.size() - std::size_t(*ask.tail)];
    } else if (ask.time) {
        std::size_t first = 0;
        while (first < starts.size() && pod.lines[first].time < *ask.time - 2'000'000)
            ++first;
        page.offset = first < starts.size() ? starts[first] : text.size();
    }
    page.bytes = text.substr(std::min<std::size_t>(page.offset, text.size()), 1 + Below(400));
    co_return page;
}

inline Awaitable<LogResult<std::unique_ptr<LogLive>>> Simulation::OpenLive(LogSource source,
                                                                           LogLiveAsk ask) {
    ++lives;
    SimPod& pod = attempts.at(std::size_t(source.attempt));
    if (Chance(chances_.cut)) co_return std::unexpected(LogFailure{.kind = LogFailure::kCut});
    if (pod.pod == LogPlan::Pod::kNone)
        co_return std::unexpected(LogFailure{.kind = LogFailure::kAbsent});
    if (pod.pod == LogPlan::Pod::kWaiting)
        co_return std::unexpected(LogFailure{.kind = LogFailure::kNotYet});
    co_return std::make_unique<SimLive>(*this, pod, ask);
}

}  // namespace dlws::portal::testing

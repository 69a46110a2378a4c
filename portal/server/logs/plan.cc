// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/plan.h"

#include <algorithm>

namespace dlws::portal {
namespace {

constexpr std::chrono::seconds kRetryArchive{15};
constexpr std::chrono::milliseconds kSoon{1'000};
constexpr std::chrono::milliseconds kMostBackoff{15'000};

LogStep Wait(std::chrono::milliseconds time) {
    LogStep step;
    step.kind = LogStep::kWait;
    step.wait = time;
    return step;
}

LogStep Do(LogStep::Kind kind) {
    LogStep step;
    step.kind = kind;
    return step;
}

}  // namespace

LogStep LogPlan::Next(const Facts& facts, Clock::time_point now) {
    if (finished_) return Done(facts, false);
    if (facts.pod != Pod::kNone) {
        if (quiet_since_) not_before_.reset();
        quiet_since_.reset();
    }
    if (not_before_ && now < *not_before_)
        return Wait(std::chrono::ceil<std::chrono::milliseconds>(*not_before_ - now));
    not_before_.reset();
    const bool archive =
        facts.archive && (!archive_failed_ || now - *archive_failed_ >= kRetryArchive);
    if (from_ == kArchive && archive) return Do(LogStep::kArchive);
    from_ = kLive;
    switch (facts.pod) {
        case Pod::kNone:
            return AfterPod(facts, now);
        case Pod::kWaiting:
            return settings_.follow ? Wait(kSoon) : Done(facts, false);
        case Pod::kRunning:
        case Pod::kDone:
            break;
    }
    if (told_all_ && facts.pod == Pod::kDone) return Done(facts, false);
    LogStep step = Do(LogStep::kLive);
    // Nothing else has it, or not in time.
    step.gap =
        lost_since_ && (!archive || !settings_.follow || now - *lost_since_ >= settings_.settle);
    return step;
}

LogStep LogPlan::AfterPod(const Facts& facts, Clock::time_point now) {
    const bool failed = facts.archive && archive_failed_;
    if (!settings_.follow) return Done(facts, failed);
    if (!quiet_since_) quiet_since_ = now;
    const bool more_comes = !facts.over && !facts.later_attempt;
    const bool settled =
        !facts.archive || failed || facts.long_over || now - *quiet_since_ >= settings_.settle;
    if (settled && !more_comes) return Done(facts, failed);
    // A pod may come and go between two looks, and then the archive alone has its lines.
    if (facts.archive) from_ = kArchive;
    const auto quiet = std::chrono::duration_cast<std::chrono::milliseconds>(now - *quiet_since_);
    const auto pause =
        std::clamp<std::chrono::milliseconds>(quiet, kSoon, more_comes ? kMostBackoff : 2 * kSoon);
    not_before_ = now + (facts.archive ? pause : kSoon);
    LogStep step = Wait(kSoon);
    step.unavailable = failed;
    return step;
}

LogStep LogPlan::Done(const Facts& facts, bool unavailable) const {
    LogStep step = Do(facts.later_attempt ? LogStep::kNextAttempt : LogStep::kEnd);
    step.unavailable = unavailable;
    if (settings_.follow && !facts.later_attempt && !facts.over) {
        step = Wait(kSoon);
        step.unavailable = unavailable;
    }
    return step;
}

void LogPlan::ArchiveRead(bool end, bool news, Clock::time_point now) {
    archive_failed_.reset();
    if (news && quiet_since_) quiet_since_ = now;
    if (news) lost_since_.reset();
    if (end) from_ = kLive;
}

void LogPlan::ArchiveFailed(Clock::time_point now) {
    archive_failed_ = now;
    from_ = kLive;
}

void LogPlan::LiveEnded(Live how, bool news, Clock::time_point now) {
    told_all_ = how == Live::kEnded && !news;
    if (how != Live::kLost) lost_since_.reset();
    failures_ = news || how == Live::kEnded ? 0 : failures_ + 1;
    if (!settings_.follow && how != Live::kLost && (how != Live::kCut || failures_ > 1))
        finished_ = true;
    switch (how) {
        case Live::kEnded:
            // Once more, without delay: the second time it has nothing, and that is the end.
            if (!news) not_before_ = now + kSoon;
            break;
        case Live::kCut:
            not_before_ = now + std::min(kMostBackoff, kSoon * (1 << std::min(failures_, 4)));
            break;
        case Live::kAbsent:
            from_ = kArchive;
            not_before_ = now + kSoon;
            break;
        case Live::kNotYet:
            not_before_ = now + kSoon;
            break;
        case Live::kLost:
            from_ = kArchive;
            if (lost_since_)
                not_before_ = now + kSoon;
            else
                lost_since_ = now;
            break;
        case Live::kHeld:
            from_ = kArchive;
            break;
    }
}

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/renewal.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "kube/log.h"

namespace dlws::portal {

using kube::Awaitable;

namespace {

constexpr std::string_view kLog = "sessions";
// Time that a call with the token may take on its way to the API server.
constexpr std::chrono::seconds kMargin{5};
constexpr int kTries = 2;  // to begin, while somebody waits
constexpr int kWrites = 4;

Seconds DueAt(const Record& record) {
    const auto lifetime = record.token_ends - record.token_issued;
    const auto early = std::min<std::chrono::seconds>(std::chrono::minutes(1), lifetime / 10);
    return record.token_ends - std::max(early, kMargin);
}

}  // namespace

RenewalStep NextStep(const Session& session, Seconds now) {
    const Record& record = session.record;
    if (!WhyOver(record, now).empty()) return RenewalStep::kOver;
    if (record.refresh_token.Empty() || now < DueAt(record)) return RenewalStep::kUse;
    const bool taken = !session.lease.holder.empty() && now < session.lease.until;
    if (!taken) return RenewalStep::kRenew;
    return now < record.token_ends - kMargin ? RenewalStep::kUse : RenewalStep::kWait;
}

Awaitable<std::expected<SessionPtr, Renewal::Loss>> Renewal::Fresh(SessionKey key) {
    const auto patience = kube::WaitList::Clock::now() + settings_.patience;
    int begun = 0;
    bool told = true;  // of a change, so that what is in memory is the newest
    while (true) {
        auto session = co_await store_.Read(key, !told);
        if (!session && session.error().kind == StoreError::kGone)
            co_return std::unexpected(Loss{Loss::kOver});
        if (!session) co_return std::unexpected(Loss{Loss::kAway});
        const Session& now_is = **session;
        const Seconds now = settings_.now();
        const RenewalStep step = NextStep(now_is, now);
        if (step == RenewalStep::kOver)
            co_return std::unexpected(Loss{Loss::kOver, WhyOver(now_is.record, now)});
        if (step == RenewalStep::kUse) co_return *session;
        if (step == RenewalStep::kRenew && !here_->contains(key.id) && begun < kTries) {
            // On its own: whoever asked may leave, what the provider gives must be kept.
            ++begun;
            here_->insert(key.id);
            boost::asio::co_spawn(store_.Executor(), Renew(key, now_is), boost::asio::detached);
        }
        if (now < now_is.record.token_ends - kMargin) co_return *session;
        // Our own tries have failed: there is nobody to wait for.
        const bool failed = !here_->contains(key.id) &&
                            (step == RenewalStep::kRenew || now_is.lease.holder == settings_.self);
        if (failed || kube::WaitList::Clock::now() >= patience)
            co_return std::unexpected(Loss{Loss::kAway});
        told = co_await store_.Changes().Wait(
            std::min(patience, kube::WaitList::Clock::now() + settings_.poll));
    }
}

Awaitable<void> Renewal::WaitIdle(std::chrono::milliseconds patience) {
    const auto end = kube::WaitList::Clock::now() + patience;
    while (!here_->empty() && kube::WaitList::Clock::now() < end)
        co_await kube::SleepFor(std::chrono::milliseconds(20));
}

Awaitable<void> Renewal::Renew(SessionKey key, Session session) {
    // By itself: the frame of a process that ends may outlive us.
    const std::shared_ptr<void> done(nullptr,
                                     [here = here_, id = key.id](void*) { here->erase(id); });
    co_await Try(std::move(key), std::move(session));
    store_.Changes().NotifyAll();
}

// One try: afterwards the store shows what came of it.
Awaitable<void> Renewal::Try(SessionKey key, Session next) {
    const bool ready = source_ && co_await source_->Prepare();
    if (!ready) co_return;
    next.lease = {settings_.self, settings_.now() + kRenewalLease};
    auto taken = co_await store_.Write(key, next);
    if (!taken) co_return;  // another replica was first, or it is gone
    next.version = taken.value()->version;
    // After a long sleep another replica may have renewed it: its refresh token is not used twice.
    if (settings_.now() + kSourceDeadline > next.lease.until) co_return;
    Secret refresh = next.record.refresh_token;
    std::string subject = next.record.subject;
    auto renewed = co_await source_->Renew(std::move(refresh), std::move(subject));
    if (!renewed && !renewed.error().final) {
        kube::LogWarning(kLog, "a login was not renewed: {}", renewed.error().message);
        co_return;
    }
    next.lease = {};
    Record& record = next.record;
    if (!renewed) {
        record.why_ended = renewed.error().message;
        record.ended = settings_.now();
        record.token = record.refresh_token = Secret();
    } else {
        record.token = std::move(renewed->tokens.id_token);
        if (!renewed->tokens.refresh_token.Empty())
            record.refresh_token = std::move(renewed->tokens.refresh_token);
        record.token_issued = renewed->claims.issued;
        record.token_ends = renewed->claims.ends;
        record.renewed = settings_.now();
    }
    co_await Keep(std::move(key), std::move(next));
}

// The refresh token is used up, so what it gave must not be lost for an answer that was.
Awaitable<void> Renewal::Keep(SessionKey key, Session session) {
    for (int tries = 0; tries < kWrites; ++tries) {
        auto written = co_await store_.Write(key, session);
        if (written || written.error().kind == StoreError::kGone) co_return;
        if (written.error().kind == StoreError::kConflict) {
            // Ours, if the answer to a try before was lost; else somebody took the lease over.
            co_return;
        }
        if (written.error().kind == StoreError::kTooLarge) {
            session.record.why_ended = written.error().message;
            session.record.ended = settings_.now();
            session.record.token = session.record.refresh_token = Secret();
            continue;
        }
        co_await kube::SleepFor(settings_.poll * (1 << tries));
    }
    kube::LogWarning(kLog, "a renewed login could not be stored: it will have to log in again");
}

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "kube/leader.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <boost/json.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <utility>

#include "kube/log.h"
#include "kube/wait_list.h"

namespace dlws::kube {
namespace asio = boost::asio;
namespace json = boost::json;
using std::chrono::milliseconds;

namespace {

constexpr std::string_view kLogger = "leader";
constexpr milliseconds kReleaseDeadline{2'000};
/// Candidates that lost the same leader should not ask in step: parts of the retry period, by which
/// a look comes earlier, and by which it comes after the lease has run out.
constexpr double kEarlier = 0.5, kAfterTheEnd = 0.1;

std::string Text(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value && value->is_string() ? std::string(value->get_string().c_str()) : std::string();
}

std::int64_t Number(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value && value->is_int64() ? value->get_int64() : 0;
}

}  // namespace

bool LeaderElector::Record::SameTerms(const Record& other) const {
    return holder == other.holder && acquire_time == other.acquire_time &&
           renew_time == other.renew_time && duration_seconds == other.duration_seconds &&
           transitions == other.transitions;
}

LeaderElector::LeaderElector(Client& client, Settings settings, Random& random)
    : client_(client), settings_(std::move(settings)), random_(random) {
    if (settings_.metrics)
        settings_.metrics->Describe("leader_election_master_status",
                                    "Gauge of if the reporting system is master of the relevant "
                                    "lease, 0 indicates backup, 1 indicates master");
    SetLeading(false);
}

void LeaderElector::SetLeading(bool leading) {
    leading_ = leading;
    if (!settings_.metrics) return;
    const Metrics::Labels labels{{"name", settings_.lease.name}};
    settings_.metrics->Set("leader_election_master_status", labels, leading ? 1 : 0);
}

Awaitable<void> LeaderElector::Acquire() {
    LogInfo(kLogger, "waiting for lease {} as {}", settings_.lease.ToString(), settings_.identity);
    while (true) {
        const std::string holder_before = observed_.holder;
        auto outcome = co_await TryAcquireOrRenew(settings_.attempt_deadline);
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (outcome && *outcome) {
            SetLeading(true);
            LogInfo(kLogger, "acquired lease {}", settings_.lease.ToString());
            co_return;
        }
        if (cancellation.cancelled() != asio::cancellation_type::none) co_return;
        if (!outcome) {
            LogWarning(kLogger, "cannot try for lease {}: {}", settings_.lease.ToString(),
                       outcome.error().message);
        } else if (observed_.holder != holder_before && !observed_.holder.empty()) {
            LogInfo(kLogger, "{} holds lease {}", observed_.holder, settings_.lease.ToString());
        }
        const Clock::duration pause = PauseOfACandidate();
        const bool slept = co_await SleepFor(pause);
        if (!slept) co_return;
    }
}

LeaderElector::Clock::duration LeaderElector::PauseOfACandidate() {
    const std::chrono::duration<double> retry = settings_.retry_period;
    const auto pause =
        std::chrono::duration_cast<Clock::duration>(retry * (1 - kEarlier * random_.Uniform()));
    // A dead leader is followed when its term ends, not at the next look after that.
    const auto left = observed_at_ + Term() - Clock::now();
    if (!HeldByAnother() || left <= Clock::duration::zero()) return pause;
    const auto stagger =
        std::chrono::duration_cast<Clock::duration>(retry * (kAfterTheEnd * random_.Uniform()));
    return std::min<Clock::duration>(pause, left + stagger);
}

LeaderElector::Clock::duration LeaderElector::Term() const {
    if (observed_.duration_seconds > 0) return std::chrono::seconds(observed_.duration_seconds);
    return settings_.lease_duration;
}

bool LeaderElector::HeldByAnother() const {
    return !observed_.holder.empty() && observed_.holder != settings_.identity;
}

Awaitable<void> LeaderElector::RenewUntilLost() {
    std::exception_ptr exception;
    try {
        co_await RenewLoop();
    } catch (...) {
        exception = std::current_exception();  // no co_await in here
    }
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none && settings_.release_on_cancel) {
        // Told to stop, and the one thing left to do still needs the network.
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        co_await Release();
    }
    SetLeading(false);
    if (exception) std::rethrow_exception(exception);
}

Awaitable<void> LeaderElector::RenewLoop() {
    auto last_renewed = Clock::now();
    while (leading_) {
        const auto end = last_renewed + settings_.renew_deadline;
        const Clock::duration pause =
            std::min<Clock::duration>(settings_.retry_period, end - Clock::now());
        const bool slept = co_await SleepFor(pause);
        if (!slept) co_return;
        const auto began = Clock::now();
        const auto left = std::chrono::ceil<milliseconds>(end - began);
        if (left <= milliseconds(0)) {
            LogError(kLogger, "lost lease {}: not renewed for {} ms", settings_.lease.ToString(),
                     settings_.renew_deadline.count());
            SetLeading(false);
            co_return;
        }
        auto outcome = co_await TryAcquireOrRenew(std::min(left, settings_.attempt_deadline));
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) co_return;
        if (outcome && *outcome) {
            // Others count from when they saw our write, which is after we sent it.
            last_renewed = began;
        } else if (outcome && !observed_.holder.empty() && observed_.holder != settings_.identity) {
            LogError(kLogger, "lost lease {}: {} holds it", settings_.lease.ToString(),
                     observed_.holder);
            SetLeading(false);
        } else {
            LogWarning(kLogger, "cannot renew lease {}: {}", settings_.lease.ToString(),
                       outcome ? std::string("it changed under us") : outcome.error().message);
        }
    }
}

Awaitable<void> LeaderElector::Release() {
    if (!leading_) co_return;
    SetLeading(false);
    Record record = observed_;
    record.holder.clear();
    record.duration_seconds = 1;
    record.acquire_time = record.renew_time = Now();
    auto outcome = co_await Write(std::move(record), kReleaseDeadline);
    if (outcome && *outcome) {
        LogInfo(kLogger, "released lease {}", settings_.lease.ToString());
    } else {
        LogWarning(kLogger, "cannot release lease {}: {}", settings_.lease.ToString(),
                   outcome ? std::string("it changed under us") : outcome.error().message);
    }
}

Awaitable<Result<bool>> LeaderElector::TryAcquireOrRenew(milliseconds deadline) {
    const auto end = Clock::now() + deadline;
    if (leading_ && observed_.object) {
        // Nobody else writes while we lead, so what we wrote last is still there: one request
        // instead of two.
        auto outcome = co_await Write(OurRecord(), deadline);
        if (!outcome || *outcome) co_return outcome;
    }

    CallOptions options;
    options.deadline = std::chrono::ceil<milliseconds>(end - Clock::now());
    if (options.deadline <= milliseconds(0)) co_return false;
    auto lease = co_await client_.Get(kLeases, settings_.lease, options);
    if (!lease && !lease.error().IsNotFound()) co_return std::unexpected(std::move(lease.error()));
    if (lease) {
        auto record = ReadRecord(*lease);
        if (!record) co_return std::unexpected(std::move(record.error()));
        Observe(std::move(*record));
        if (HeldByAnother() && Clock::now() < observed_at_ + Term()) co_return false;
    } else {
        observed_ = Record();
    }
    const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    if (left <= milliseconds(0)) co_return false;
    auto outcome = co_await Write(OurRecord(), left);
    co_return outcome;
}

LeaderElector::Record LeaderElector::OurRecord() const {
    Record record = observed_;
    record.renew_time = Now();
    record.duration_seconds = std::max<std::int64_t>(
        1, std::chrono::ceil<std::chrono::seconds>(settings_.lease_duration).count());
    if (record.holder != settings_.identity) {
        record.acquire_time = record.renew_time;
        if (record.object) ++record.transitions;
        record.holder = settings_.identity;
    }
    return record;
}

Awaitable<Result<bool>> LeaderElector::Write(Record record, milliseconds deadline) {
    WriteOptions options;
    options.deadline = deadline;
    const std::string body = Body(record);
    Result<ObjectPtr> written;
    if (record.object) {
        written = co_await client_.Update(kLeases, settings_.lease, body, options);
    } else {
        written = co_await client_.Create(kLeases, settings_.lease.ns, body, options);
    }
    if (written) {
        record.object = std::move(*written);
        Observe(std::move(record));
        co_return true;
    }
    const Error& error = written.error();
    if (error.IsConflict() || error.IsAlreadyExists() || (record.object && error.IsNotFound()))
        co_return false;
    co_return std::unexpected(std::move(written.error()));
}

void LeaderElector::Observe(Record record) {
    if (!observed_.object || !record.SameTerms(observed_)) observed_at_ = Clock::now();
    observed_ = std::move(record);
}

Result<LeaderElector::Record> LeaderElector::ReadRecord(const ObjectPtr& object) {
    boost::system::error_code error;
    const json::value document = json::parse(object->raw, error);
    if (error || !document.is_object()) {
        Error unreadable;
        unreadable.kind = ErrorKind::kProtocol;
        unreadable.message = "the Lease is not a JSON object";
        return std::unexpected(std::move(unreadable));
    }
    Record record;
    record.object = object;
    const json::value* spec = document.get_object().if_contains("spec");
    if (!spec || !spec->is_object()) return record;
    const json::object& fields = spec->get_object();
    record.holder = Text(fields, "holderIdentity");
    record.acquire_time = Text(fields, "acquireTime");
    record.renew_time = Text(fields, "renewTime");
    record.duration_seconds = Number(fields, "leaseDurationSeconds");
    record.transitions = Number(fields, "leaseTransitions");
    return record;
}

std::string LeaderElector::Body(const Record& record) const {
    // Over what is there, so that labels, owners and fields of later API versions stay.
    json::object document;
    if (record.object) {
        boost::system::error_code error;
        json::value old = json::parse(record.object->raw, error);
        if (!error && old.is_object()) document = std::move(old.get_object());
    }
    document["apiVersion"] = "coordination.k8s.io/v1";
    document["kind"] = "Lease";
    if (!document["metadata"].is_object()) document["metadata"].emplace_object();
    json::object& metadata = document["metadata"].get_object();
    metadata["namespace"] = settings_.lease.ns;
    metadata["name"] = settings_.lease.name;
    if (!document["spec"].is_object()) document["spec"].emplace_object();
    json::object& spec = document["spec"].get_object();
    spec["holderIdentity"] = record.holder;
    spec["leaseDurationSeconds"] = record.duration_seconds;
    spec["acquireTime"] = record.acquire_time;
    spec["renewTime"] = record.renew_time;
    spec["leaseTransitions"] = record.transitions;
    return json::serialize(document);
}

std::string LeaderElector::Now() const {
    const auto now = std::chrono::floor<std::chrono::microseconds>(settings_.wall_clock());
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(second)),
                       (now - second).count());
}

}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "kube/client.h"
#include "kube/metrics.h"
#include "kube/random.h"

namespace dlws::kube {

/// Leader election on a Lease (client-go's leaderelection; 15 s / 10 s / 2 s).
///
/// Give it a Client of its own, so that a busy pool cannot delay a renewal. Time is this process's
/// monotonic clock; the times in the Lease are only watched for change, never compared with ours.
/// It gives no fence: an old leader's write can still land, so writes must be safe with two
/// leaders.
///
///     LeaderElector elector(client, {.lease = {"dlws-system", "operator"}, .identity = id},
///     random); co_await elector.Acquire();
///     ...start the workers...
///     co_await elector.RenewUntilLost();   // then stop them and exit
///
/// Rules: a candidate takes the lease over when it has not seen the record change for the
/// leaseDurationSeconds written in it, or when nobody holds it; every write carries the
/// resourceVersion it was decided on (or is a create), so of two candidates one gets a conflict.
/// `client` and `random` must outlive it; confined to the client's executor. Source:
/// https://kubernetes.io/docs/concepts/architecture/leases/.
class LeaderElector {
  public:
    struct Settings {
        ObjectKey lease;
        std::string identity;  ///< unique per process: pod name + random suffix
        std::chrono::milliseconds lease_duration{15'000};  ///< written in whole seconds, at least 1
        std::chrono::milliseconds renew_deadline{10'000};
        std::chrono::milliseconds retry_period{2'000};
        /// RenewUntilLost() that is cancelled gives the lease back before it ends.
        bool release_on_cancel = true;
        /// One request never takes longer, so that a dead connection costs one try of a few.
        std::chrono::milliseconds attempt_deadline{5'000};
        Metrics* metrics = nullptr;  ///< optional: leader_election_master_status
        /// Only for the times written for people and other tools into the Lease.
        std::function<std::chrono::system_clock::time_point()> wall_clock =
            std::chrono::system_clock::now;
    };
    LeaderElector(Client& client, Settings settings, Random& random);
    LeaderElector(const LeaderElector&) = delete;
    LeaderElector& operator=(const LeaderElector&) = delete;

    /// Returns once we hold the lease, or when cancelled (see IsLeader()).
    Awaitable<void> Acquire();
    /// Renews until another holder is seen or the lease could not be renewed within renew_deadline
    /// (counted from when the last good renewal was sent); then returns: stop writing at once and
    /// exit.
    Awaitable<void> RenewUntilLost();
    /// Gives the lease back if we hold it; bounded by 2 s.
    Awaitable<void> Release();

    bool IsLeader() const { return leading_; }
    const std::string& Holder() const { return observed_.holder; }  ///< as last seen

  private:
    using Clock = std::chrono::steady_clock;
    /// The Lease as last read or written by us.
    struct Record {
        ObjectPtr object;  ///< null: there is none
        std::string holder;
        std::string acquire_time, renew_time;
        std::int64_t duration_seconds = 0;
        std::int64_t transitions = 0;
        bool SameTerms(const Record& other) const;
    };

    /// True: the lease is ours now. False: somebody else's, or a race lost.
    Awaitable<Result<bool>> TryAcquireOrRenew(std::chrono::milliseconds deadline);
    Awaitable<Result<bool>> Write(Record record, std::chrono::milliseconds deadline);
    Awaitable<void> RenewLoop();
    Clock::duration PauseOfACandidate();
    Clock::duration Term() const;  ///< of the lease as last seen
    bool HeldByAnother() const;
    void Observe(Record record);
    void SetLeading(bool leading);
    Record OurRecord() const;

    static Result<Record> ReadRecord(const ObjectPtr& object);
    std::string Body(const Record& record) const;
    std::string Now() const;

    Client& client_;
    Settings settings_;
    Random& random_;
    bool leading_ = false;
    Record observed_;
    Clock::time_point observed_at_{};  ///< when observed_ last changed
};

}  // namespace dlws::kube

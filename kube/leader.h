// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "kube/client.h"
#include "kube/random.h"

namespace dlws::kube {

/// Leader election on a Lease (client-go's leaderelection; 15 s / 10 s / 2 s).
///
/// Give it a Client of its own, so that a busy pool cannot delay a renewal. Time is this process's
/// monotonic clock; the times in the Lease are only watched for change, never compared with ours.
/// It gives no fence: an old leader's write can still land, so writes must be safe with two leaders.
class LeaderElector {
  public:
    struct Settings {
        ObjectKey lease;
        std::string identity;  ///< unique per process: pod name + random suffix
        std::chrono::milliseconds lease_duration{15'000};
        std::chrono::milliseconds renew_deadline{10'000};
        std::chrono::milliseconds retry_period{2'000};
        bool release_on_cancel = true;  ///< give the lease back when told to stop
    };
    LeaderElector(Client& client, Settings settings, Random& random);

    /// Returns once we hold the lease.
    Awaitable<void> Acquire();
    /// Renews until the lease is lost or could not be renewed within renew_deadline; then returns:
    /// stop writing at once and exit.
    Awaitable<void> RenewUntilLost();
    /// Gives the lease back if we hold it; bounded by 2 s.
    Awaitable<void> Release();

    bool IsLeader() const { return leading_; }
    const std::string& Holder() const { return observed_holder_; }

  private:
    Awaitable<Result<bool>> TryAcquireOrRenew();

    Client& client_;
    Settings settings_;
    Random& random_;
    bool leading_ = false;
    std::string observed_raw_;
    std::string observed_holder_;
    std::chrono::steady_clock::time_point observed_at_{};
};

}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#include "kube/watchdog.h"

#include <boost/system/error_code.hpp>
#include <utility>

namespace dlws::kube::internal {

void Watchdog::Arm(Clock::time_point deadline) {
    deadline_ = deadline;
    if (!waiting_ || deadline < timer_.expiry()) Wait();
}

void Watchdog::Detach() {
    late_ = nullptr;
    timer_.cancel();
}

void Watchdog::Wait() {
    waiting_ = true;
    timer_.expires_at(deadline_);
    const std::uint64_t turn = ++turn_;
    timer_.async_wait([self = shared_from_this(), turn](boost::system::error_code) {
        if (turn == self->turn_) self->Look();
    });
}

void Watchdog::Look() {
    waiting_ = false;
    if (!late_ || deadline_ == kNever) return;
    if (Clock::now() < deadline_) {
        Wait();
        return;
    }
    fired_ = true;
    deadline_ = kNever;
    late_();
}

}  // namespace dlws::kube::internal

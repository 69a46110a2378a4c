// SPDX-License-Identifier: Apache-2.0
#include "kube/backoff.h"

#include <algorithm>
#include <utility>

namespace dlws::kube {

Backoff::Backoff(Settings settings, Random& random, std::function<Clock::time_point()> now)
    : settings_(settings), random_(&random), now_(std::move(now)) {}

std::chrono::milliseconds Backoff::Next() {
    const auto now = now_();
    if (step_ > 0 && now - healthy_since_ >= settings_.reset_after) step_ = 0;
    const double max = static_cast<double>(settings_.max.count());
    limit_ms_ = step_ == 0 ? static_cast<double>(settings_.base.count())
                           : std::min(max, limit_ms_ * settings_.factor);
    limit_ms_ = std::min(max, limit_ms_);
    ++step_;
    const std::chrono::milliseconds delay(static_cast<long>(limit_ms_ * random_->Uniform()));
    healthy_since_ = now + delay;
    return delay;
}

}  // namespace dlws::kube

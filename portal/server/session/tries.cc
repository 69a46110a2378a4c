// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/tries.h"

namespace dlws::portal {

bool Tries::Left(const std::string& address, Seconds now) {
    const auto is_over = [now](const Minute& minute) {
        return minute.began + std::chrono::minutes(1) <= now;
    };
    const auto found = minutes_.find(address);
    if (found != minutes_.end()) return is_over(found->second) || found->second.tries < per_minute_;
    if (minutes_.size() >= most_)
        std::erase_if(minutes_, [&](const auto& each) { return is_over(each.second); });
    return minutes_.size() < most_;
}

bool Tries::Take(const std::string& address, Seconds now) {
    if (!Left(address, now)) return false;
    Minute& minute = minutes_[address];
    if (minute.began + std::chrono::minutes(1) <= now) minute = {now, 0};
    ++minute.tries;
    return true;
}

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <unordered_set>
#include <utility>

namespace dlws::portal {

/// Credentials that were refused a moment ago, by their hash: a program with a wrong token asks
/// again and again, and the API server need not hear of it each time. Over `most` the oldest is
/// forgotten. Confined to one executor.
template <typename Time>
class Refused {
  public:
    Refused(std::chrono::seconds time, std::size_t most) : time_(time), most_(most) {}

    bool Has(const std::string& hash, Time now) {
        Forget(now);
        return hashes_.contains(hash);
    }
    void Add(const std::string& hash, Time now) {
        Forget(now);
        if (most_ == 0 || !hashes_.insert(hash).second) return;
        if (hashes_.size() > most_) ForgetOldest();
        by_age_.emplace_back(now, hash);
    }
    std::size_t Size() const { return hashes_.size(); }

  private:
    void Forget(Time now) {
        while (!by_age_.empty() && by_age_.front().first + time_ <= now)
            ForgetOldest();
    }
    void ForgetOldest() {
        hashes_.erase(by_age_.front().second);
        by_age_.pop_front();
    }

    const std::chrono::seconds time_;
    const std::size_t most_;
    std::deque<std::pair<Time, std::string>> by_age_;
    std::unordered_set<std::string> hashes_;
};

}  // namespace dlws::portal

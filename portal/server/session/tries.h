// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <unordered_map>

#include "portal/server/session/record.h"

namespace dlws::portal {

/// Tries a minute for each address. Over `most` addresses at one time nobody new may try.
class Tries {
  public:
    Tries(int per_minute, std::size_t most) : per_minute_(per_minute), most_(most) {}
    /// Whether there is one to take.
    bool Left(const std::string& address, Seconds now);
    bool Take(const std::string& address, Seconds now);
    std::size_t Size() const { return minutes_.size(); }

  private:
    struct Minute {
        Seconds began{};
        int tries = 0;
    };
    int per_minute_;
    std::size_t most_;
    std::unordered_map<std::string, Minute> minutes_;
};

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
// How much of something there may be at a time. Internal to kube/.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <map>

#include "kube/counted_address.h"

namespace dlws::kube::internal {

/// So many at a time, overall and of one address (CountedAddress: of IPv6, one /64).
class AddressCaps {
  public:
    using Address = boost::asio::ip::address;
    AddressCaps(std::size_t overall, std::size_t per_address)
        : overall_(overall), per_address_(per_address) {}

    bool HasRoom() const { return size_ < overall_; }
    bool HasRoomFor(const Address& address) const {
        const auto of_it = of_.find(CountedAddress(address));
        return HasRoom() && (of_it == of_.end() ? 0 : of_it->second) < per_address_;
    }
    void Add(const Address& address) {
        ++of_[CountedAddress(address)];
        ++size_;
    }
    void Remove(const Address& address) {
        const auto of_it = of_.find(CountedAddress(address));
        if (--of_it->second == 0) of_.erase(of_it);
        --size_;
    }
    std::size_t size() const { return size_; }

  private:
    const std::size_t overall_, per_address_;
    std::size_t size_ = 0;
    // To look through ten thousand sessions for each new one takes longer than its handshake.
    std::map<Address, std::size_t> of_;
};

}  // namespace dlws::kube::internal

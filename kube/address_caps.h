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
    bool HasRoomFor(const Address& address, std::size_t count = 1) const {
        const auto of_it = of_.find(CountedAddress(address));
        const std::size_t taken = of_it == of_.end() ? 0 : of_it->second;
        return count <= overall_ - size_ && count <= per_address_ - taken;
    }
    /// Only where there is room, and of what was added.
    void Add(const Address& address, std::size_t count = 1) {
        if (count == 0) return;
        of_[CountedAddress(address)] += count;
        size_ += count;
    }
    void Remove(const Address& address, std::size_t count = 1) {
        if (count == 0) return;
        const auto of_it = of_.find(CountedAddress(address));
        if ((of_it->second -= count) == 0) of_.erase(of_it);
        size_ -= count;
    }
    std::size_t size() const { return size_; }

  private:
    const std::size_t overall_, per_address_;
    std::size_t size_ = 0;
    // To look through ten thousand sessions for each new one takes longer than its handshake.
    std::map<Address, std::size_t> of_;
};

}  // namespace dlws::kube::internal

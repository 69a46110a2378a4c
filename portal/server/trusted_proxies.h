// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <expected>
#include <string>
#include <vector>

#include "kube/http_message.h"

namespace dlws::portal {

/// Where requests come from, for what is counted by address. X-Forwarded-For is believed of the
/// proxies that the configuration names and of nobody else: each of them appends whom it was asked
/// by, so from the end the first that is none of ours is the caller. What stands before that anyone
/// can write. A plain value.
class TrustedProxies {
  public:
    /// CIDRs such as "10.0.0.0/8" or "fd00::/8"; an address alone is that one. Error: one sentence.
    static std::expected<TrustedProxies, std::string> Parse(const std::vector<std::string>& cidrs);

    /// As kube::CountedAddress gives it: of IPv6 the /64.
    std::string AddressOf(const kube::HttpRequest& request) const;

  private:
    bool Has(const boost::asio::ip::address& address) const;

    std::vector<boost::asio::ip::network_v4> v4_;
    std::vector<boost::asio::ip::network_v6> v6_;
};

}  // namespace dlws::portal

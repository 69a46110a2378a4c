// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <boost/asio/ip/address.hpp>

namespace dlws::kube {

/// That of a caller by IPv4 is the same whether we listen on IPv6 too or not.
inline boost::asio::ip::address PlainAddress(const boost::asio::ip::address& address) {
    namespace ip = boost::asio::ip;
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

/// What callers are counted by. Of IPv6 the first 64 bits: that much one subscriber has at least
/// (RFC 6177), who thus has as many addresses as there are numbers of 64 bits.
inline boost::asio::ip::address CountedAddress(const boost::asio::ip::address& address) {
    boost::asio::ip::address plain = PlainAddress(address);
    if (!plain.is_v6()) return plain;
    auto bytes = plain.to_v6().to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
    return boost::asio::ip::address_v6(bytes);
}

}  // namespace dlws::kube

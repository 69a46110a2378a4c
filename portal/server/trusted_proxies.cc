// SPDX-License-Identifier: Apache-2.0
#include "portal/server/trusted_proxies.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/trim.hpp>
#include <optional>
#include <ranges>
#include <string_view>

#include "kube/counted_address.h"

namespace dlws::portal {

namespace ip = boost::asio::ip;

namespace {

// Some proxies write the port too: 192.0.2.1:4711, [2001:db8::1]:4711.
std::optional<ip::address> ReadHop(std::string_view text) {
    if (text.starts_with('['))
        text = text.substr(1, std::min(text.find(']'), text.size()) - 1);
    else if (std::ranges::count(text, ':') == 1)
        text = text.substr(0, text.find(':'));
    boost::system::error_code error;
    const ip::address address = ip::make_address(text, error);
    return error ? std::nullopt : std::optional(kube::PlainAddress(address));
}

// Of all such fields together, in their order.
std::vector<std::string> Hops(const kube::HttpFields& fields) {
    std::vector<std::string> hops;
    for (const auto& [name, value] : fields) {
        if (!boost::algorithm::iequals(name, "x-forwarded-for")) continue;
        for (const auto part : std::views::split(value, ','))
            hops.push_back(boost::algorithm::trim_copy(std::string(part.begin(), part.end())));
    }
    return hops;
}

}  // namespace

std::expected<TrustedProxies, std::string> TrustedProxies::Parse(
    const std::vector<std::string>& cidrs) {
    TrustedProxies proxies;
    for (const std::string& text : cidrs) {
        boost::system::error_code bad;
        const bool v6 = text.contains(':');
        const bool whole = !text.contains('/');
        const std::string cidr = whole ? text + (v6 ? "/128" : "/32") : text;
        if (v6) {
            const auto network = ip::make_network_v6(cidr, bad);
            if (!bad) proxies.v6_.push_back(network.canonical());
        } else {
            const auto network = ip::make_network_v4(cidr, bad);
            if (!bad) proxies.v4_.push_back(network.canonical());
        }
        if (bad)
            return std::unexpected(fmt::format(
                "--trusted-proxies must be addresses or networks as 10.0.0.0/8 or fd00::/8, with "
                "commas between, and \"{}\" is none",
                text));
    }
    return proxies;
}

bool TrustedProxies::Has(const ip::address& address) const {
    if (address.is_v4())
        return std::ranges::any_of(v4_, [&](const ip::network_v4& network) {
            return ip::network_v4(address.to_v4(), network.prefix_length()).canonical() == network;
        });
    return std::ranges::any_of(v6_, [&](const ip::network_v6& network) {
        return ip::network_v6(address.to_v6(), network.prefix_length()).canonical() == network;
    });
}

std::string TrustedProxies::AddressOf(const kube::HttpRequest& request) const {
    const auto peer = ReadHop(request.peer);
    if (!peer) return request.peer;
    ip::address caller = *peer;
    for (const std::string& text : Hops(request.fields) | std::views::reverse) {
        if (!Has(caller)) break;
        const auto hop = ReadHop(text);
        if (!hop) break;
        caller = *hop;
    }
    return kube::CountedAddress(caller).to_string();
}

}  // namespace dlws::portal

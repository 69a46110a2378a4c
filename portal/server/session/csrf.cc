// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/csrf.h"

#include <fmt/format.h>

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/url/parse.hpp>
#include <vector>

#include "kube/base64.h"
#include "portal/server/front.h"
#include "portal/server/session/crypto.h"

namespace dlws::portal {

namespace {

// All values of a field: a second one must not hide behind the first.
std::vector<std::string_view> Values(const kube::HttpFields& fields, std::string_view name) {
    std::vector<std::string_view> values;
    for (const auto& [field, value] : fields)
        if (boost::algorithm::iequals(field, name)) values.push_back(value);
    return values;
}

}  // namespace

std::string CsrfToken(const SessionKey& key) {
    return kube::EncodeBase64Url(HmacSha256(Hkdf(key.key, key.id, "dlws csrf 1"), key.id));
}

std::optional<std::string> OriginOf(std::string_view url) {
    const auto parsed = boost::urls::parse_uri(url);
    if (!parsed || parsed->host().empty() || parsed->has_userinfo()) return std::nullopt;
    const std::string scheme = boost::algorithm::to_lower_copy(std::string(parsed->scheme()));
    if (scheme != "https") return std::nullopt;
    std::string origin = "https://";
    origin += boost::algorithm::to_lower_copy(std::string(parsed->encoded_host()));
    if (parsed->has_port() && !parsed->port().empty() && parsed->port() != "443")
        origin += fmt::format(":{}", std::string_view(parsed->port()));
    return origin;
}

std::string WhyNotOwnOrigin(const kube::HttpFields& fields, std::string_view own_origin) {
    if (IsCrossSite(fields))
        return "another site caused this request (Sec-Fetch-Site); open the portal itself";
    const auto origins = Values(fields, "origin");
    if (origins.size() != 1 || origins[0] != own_origin)
        return fmt::format(
            "writes need the header \"Origin: {}\", which browsers send by themselves on the "
            "portal's pages; if you opened it under another address, use this one, or set "
            "portal.url",
            own_origin);
    return "";
}

std::string WhyForged(const kube::HttpFields& fields, std::string_view own_origin,
                      const SessionKey& key) {
    if (std::string why = WhyNotOwnOrigin(fields, own_origin); !why.empty()) return why;
    const auto tokens = Values(fields, "x-csrf-token");
    if (tokens.size() != 1 || !SameBytes(tokens[0], CsrfToken(key)))
        return "writes with a session cookie need the header X-CSRF-Token with csrfToken of GET "
               "/auth/session; load the page again";
    return "";
}

}  // namespace dlws::portal

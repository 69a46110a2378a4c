// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <optional>
#include <string_view>

/// @file
/// What JSON web tokens say of time (RFC 7519), for those who cannot, or need not, look at the
/// signature. Pure.

namespace dlws::portal {

/// A NumericDate (RFC 7519, 2): seconds, maybe with a fraction, which is cut off. Nothing where it
/// is no date between 1970 and the year 5138.
std::optional<std::chrono::sys_seconds> TimeClaim(const boost::json::object& claims,
                                                  std::string_view name);

/// `exp` of a token in compact form, read without trust: it may only ever make something end
/// earlier. What is before 1970 is 1970. Nothing where the token does not say, or is no JWT.
std::optional<std::chrono::sys_seconds> EndOfJwt(std::string_view token);

}  // namespace dlws::portal

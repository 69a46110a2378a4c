// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

/// @file
/// The policies that should be in the API server, as the chart wrote them, and whether one that is
/// there is that one. Pure.

namespace dlws::admission {

/// ValidatingAdmissionPolicies and their bindings.
struct Expected {
    std::vector<boost::json::object> policies, bindings;
};

/// From the chart's JSON list. Error: a sentence.
std::expected<Expected, std::string> ParseExpected(std::string_view json);

/// Empty: what the API server has is what the chart wrote, besides the API server's own defaults.
/// Otherwise the path of the first difference.
std::string Deviation(const boost::json::object& expected, std::string_view actual);

/// Empty: a Mutating- or ValidatingWebhookConfiguration of ours refuses what it cannot ask about,
/// and can be asked. Otherwise what is wrong with it.
std::string ConfigurationProblem(std::string_view actual);

}  // namespace dlws::admission

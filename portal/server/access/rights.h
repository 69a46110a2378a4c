// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bitset>
#include <boost/json/value.hpp>
#include <string_view>

/// @file
/// What somebody may do in a namespace, as menus and forms show it: schema NamespaceRights. Pure.

namespace dlws::portal {

/// One of them, and what RBAC calls it, in the group dlworkspace.io.
struct Right {
    std::string_view name, verb, resource;
};
inline constexpr std::array<Right, 5> kRights = {{{"list", "list", "dljobs"},
                                                  {"submit", "create", "dljobs"},
                                                  {"change", "patch", "dljobs"},
                                                  {"approve", "create", "dljobapprovals"},
                                                  {"templates", "create", "dljobtemplates"}}};
using Rights = std::bitset<kRights.size()>;

/// Those of kRights that a SelfSubjectRulesReview tells, and whether it told all that there is. A
/// rule for objects of certain names is none for the namespace
/// (https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-rules-review-v1/).
struct ToldRights {
    Rights rights;
    bool complete = false;
};
ToldRights RightsIn(const boost::json::value& review);

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/access/rights.h"

#include <algorithm>

#include "model/names.h"

namespace dlws::portal {
namespace json = boost::json;

namespace {

const json::array* ListAt(const json::object& rule, std::string_view key) {
    const json::value* list = rule.if_contains(key);
    return list ? list->if_array() : nullptr;
}

bool Names(const json::object& rule, std::string_view key, std::string_view what) {
    const json::array* list = ListAt(rule, key);
    return list && std::ranges::any_of(*list, [what](const json::value& each) {
               const json::string* text = each.if_string();
               return text && (*text == "*" || std::string_view(*text) == what);
           });
}

bool Gives(const json::object& rule, const Right& right) {
    const json::array* names = ListAt(rule, "resourceNames");
    return (!names || names->empty()) && Names(rule, "verbs", right.verb) &&
           Names(rule, "apiGroups", model::kGroup) && Names(rule, "resources", right.resource);
}

}  // namespace

ToldRights RightsIn(const json::value& review) {
    ToldRights told;
    json::error_code error;
    const json::value* rules = review.find_pointer("/status/resourceRules", error);
    const json::value* incomplete = review.find_pointer("/status/incomplete", error);
    told.complete = rules && incomplete && incomplete->is_bool() && !incomplete->as_bool();
    if (!rules || !rules->is_array()) return told;
    for (const json::value& rule : rules->as_array())
        for (std::size_t i = 0; rule.is_object() && i < kRights.size(); ++i)
            if (Gives(rule.as_object(), kRights[i])) told.rights.set(i);
    return told;
}

}  // namespace dlws::portal

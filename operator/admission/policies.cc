// SPDX-License-Identifier: Apache-2.0
#include "operator/admission/policies.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "model/json_difference.h"

namespace dlws::admission {

namespace json = boost::json;

namespace {

// What the API server fills in:
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/
bool IsDefault(std::string_view /*path*/, std::string_view key, const json::value& value) {
    if (key == "scope") return value == json::value("*");
    if (key == "matchPolicy") return value == json::value("Equivalent");
    if (key == "failurePolicy") return value == json::value("Fail");
    return false;
}

}  // namespace

std::expected<Expected, std::string> ParseExpected(std::string_view text) {
    const json::value parsed = model::ParseOrNull(text);
    const json::array* list = parsed.if_array();
    if (!list || list->empty())
        return std::unexpected("the list of policies must be a JSON list with objects in it");
    Expected expected;
    for (const json::value& item : *list) {
        json::error_code error;
        const json::value* kind = item.find_pointer("/kind", error);
        const json::value* name = item.find_pointer("/metadata/name", error);
        if (!kind || !name || !name->is_string() || !item.as_object().contains("spec"))
            return std::unexpected("each policy must have kind, metadata.name and spec");
        if (*kind == json::value("ValidatingAdmissionPolicy"))
            expected.policies.push_back(item.as_object());
        else if (*kind == json::value("ValidatingAdmissionPolicyBinding"))
            expected.bindings.push_back(item.as_object());
        else
            return std::unexpected(fmt::format("{} is no policy", json::serialize(*kind)));
    }
    return expected;
}

std::string Deviation(const json::object& expected, std::string_view actual) {
    const json::value is = model::ParseOrNull(actual);
    json::error_code error;
    const json::value* spec = is.find_pointer("/spec", error);
    if (!spec) return "spec";
    if (const json::value* deleting = is.find_pointer("/metadata/deletionTimestamp", error);
        deleting && !deleting->is_null())
        return "metadata.deletionTimestamp";
    return model::FirstDifference(expected.at("spec"), *spec, "spec", {.filled_in = IsDefault});
}

std::string ConfigurationProblem(std::string_view actual) {
    const json::value is = model::ParseOrNull(actual);
    json::error_code error;
    const json::value* hooks = is.find_pointer("/webhooks", error);
    if (!hooks || !hooks->is_array() || hooks->get_array().empty()) return "it has no webhooks";
    for (const json::value& hook : hooks->get_array()) {
        const json::value* name = hook.find_pointer("/name", error);
        const json::value* policy = hook.find_pointer("/failurePolicy", error);
        const json::value* bundle = hook.find_pointer("/clientConfig/caBundle", error);
        // What only tells of deletions must not keep them from happening.
        const bool tells =
            name && name->is_string() && std::string_view(name->get_string()).starts_with("audit.");
        if (!tells && (!policy || *policy != json::value("Fail")))
            return "it does not refuse what it cannot ask about (failurePolicy)";
        if (!bundle || model::IsEmptyJson(*bundle)) return "it trusts no certificate yet";
        for (const char* narrows : {"matchConditions", "objectSelector"}) {
            const json::value* found = hook.as_object().if_contains(narrows);
            if (found && !model::IsEmptyJson(*found)) return fmt::format("it has {}", narrows);
        }
    }
    return "";
}

}  // namespace dlws::admission

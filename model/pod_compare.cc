// SPDX-License-Identifier: Apache-2.0
#include "model/pod_compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "model/environment.h"
#include "model/json_difference.h"
#include "model/names.h"
#include "model/quantity.h"

namespace dlws::model {

namespace json = boost::json;

namespace {

// What Kubernetes and its own admission plugins fill in, of which none reaches the host.
constexpr std::array<std::string_view, 31> kFilledIn = {"apiVersion",
                                                        "defaultMode",
                                                        "divisor",
                                                        "dnsPolicy",
                                                        "expirationSeconds",
                                                        "failureThreshold",
                                                        "imagePullPolicy",
                                                        "imagePullSecrets",
                                                        "limits",
                                                        "nodeName",
                                                        "nodeSelector",
                                                        "overhead",
                                                        "periodSeconds",
                                                        "preemptionPolicy",
                                                        "priority",
                                                        "priorityClassName",
                                                        "protocol",
                                                        "pullPolicy",
                                                        "recursiveReadOnly",
                                                        "requests",
                                                        "resources",
                                                        "restartPolicy",
                                                        "scheme",
                                                        "schedulerName",
                                                        "successThreshold",
                                                        "terminationGracePeriodSeconds",
                                                        "terminationMessagePath",
                                                        "terminationMessagePolicy",
                                                        "timeoutSeconds",
                                                        "tolerations",
                                                        "volumeMode"};

bool MayBeFilledIn(std::string_view path, std::string_view key, const json::value& value) {
    // A RuntimeClass or PodNodeSelector narrows where it goes.
    if (path.ends_with(".nodeSelector")) return true;
    if (key == "serviceAccount" || key == "serviceAccountName")
        return value == json::value("default");
    if (path.ends_with(".limits") || path.ends_with(".requests"))
        return key.find('/') == std::string_view::npos;
    // A LimitRange fills in cpu and memory; what has a slash in its name is a device.
    if (key == "limits" || key == "requests")
        return value.is_object() && std::ranges::none_of(value.get_object(), [](const auto& pair) {
                   return std::string_view(pair.key()).find('/') != std::string_view::npos;
               });
    return std::ranges::find(kFilledIn, key) != kFilledIn.end();
}

bool SameQuantity(std::string_view path, const json::value& a, const json::value& b) {
    const bool amount = path.find(".limits.") != std::string_view::npos ||
                        path.find(".requests.") != std::string_view::npos ||
                        path.ends_with(".sizeLimit");
    if (!amount) return false;
    const auto text = [](const json::value& v) {
        return v.is_string() ? std::string(v.get_string()) : json::serialize(v);
    };
    const auto x = ParseQuantity(text(a)), y = ParseQuantity(text(b));
    return x && y && *x == *y;
}

// Lists to which admission plugins append.
bool MayGrow(std::string_view path) {
    return path.ends_with(".tolerations") || path.ends_with(".imagePullSecrets");
}

constexpr Tolerance kStored{MayBeFilledIn, MayGrow, SameQuantity};

// Labels and annotations that were posted must be there unchanged; others may be added, but none
// that a container runtime or a security module obeys.
std::string MetadataDifference(const json::value& posted, const json::value& stored) {
    for (const char* part : {"labels", "annotations"}) {
        const auto map = [&](const json::value& pod) -> json::object {
            json::error_code error;
            const json::value* found = pod.find_pointer(fmt::format("/metadata/{}", part), error);
            return found && found->is_object() ? found->get_object() : json::object();
        };
        const json::object wanted = map(posted), is = map(stored);
        for (const auto& [key, value] : wanted)
            // Another approval of the same bytes is as good.
            if (!is.contains(key) || (is.at(key) != value && key != kApprovalAnnotation))
                return fmt::format("metadata.{}.{}", part, std::string_view(key));
        for (const auto& [key, value] : is)
            if (!wanted.contains(key) &&
                (std::string_view(key).starts_with(kKeyPrefix) ||
                 std::string_view(key).find("apparmor") != std::string_view::npos ||
                 std::string_view(key).find("seccomp") != std::string_view::npos ||
                 (std::string_view(key).find('/') == std::string_view::npos &&
                  std::string_view(key).find('.') != std::string_view::npos)))
                return fmt::format("metadata.{}.{}", part, std::string_view(key));
    }
    return "";
}

}  // namespace

std::string Altered(std::string_view posted, std::string_view stored) {
    const json::value wanted = ParseOrNull(posted), is = ParseOrNull(stored);
    const json::object* pod = is.if_object();
    if (!pod || !pod->contains("spec") || !pod->contains("metadata") ||
        !pod->at("spec").is_object() || !pod->at("metadata").is_object())
        return "spec";
    for (const char* field : {"name", "namespace", "ownerReferences"}) {
        const json::value* found = pod->at("metadata").as_object().if_contains(field);
        const json::value& meant = wanted.at("metadata").at(field);
        if (!found || *found != meant) return fmt::format("metadata.{}", field);
    }
    if (std::string d = MetadataDifference(wanted, is); !d.empty()) return d;
    // Where it is scheduled is no matter, and nodes to avoid may have changed since.
    json::object spec = wanted.at("spec").as_object(), stored_spec = pod->at("spec").as_object();
    for (json::object* o : {&spec, &stored_spec}) {
        o->erase("affinity");
        o->erase("serviceAccount");  // another word for serviceAccountName
    }
    return FirstDifference(spec, stored_spec, "spec", kStored);
}

std::string StraysFromTemplate(std::string_view text, const Rendered& rendered, std::size_t role) {
    json::value parsed = ParseOrNull(text);
    json::object* pod = parsed.if_object();
    if (!pod || !pod->contains("spec") || !pod->contains("metadata")) return "spec";
    json::object& meta = pod->at("metadata").as_object();
    meta.erase("name");
    meta.erase("namespace");
    for (const auto key : {kIndexLabel, kAttemptLabel})
        meta.at("labels").as_object().erase(key);
    if (json::value* annotations = meta.if_contains("annotations")) {
        for (const auto key : {kApprovalAnnotation, kTemplateHashAnnotation})
            annotations->as_object().erase(key);
        if (annotations->as_object().empty()) meta.erase("annotations");
    }
    json::object& spec = pod->at("spec").as_object();
    spec.erase("hostname");
    spec.erase("affinity");  // nodes to avoid stand in it
    json::array& env = spec.at("containers").as_array().at(0).as_object().at("env").as_array();
    const std::vector<std::string> own = PodEnvironmentNames(rendered);
    const auto is_own = [&](const json::value& item) {
        return std::ranges::find(own, std::string_view(item.at("name").as_string())) != own.end();
    };
    env.erase(std::remove_if(env.begin(), env.end(), is_own), env.end());
    json::object wanted = rendered.roles.at(role).podTemplate;
    wanted.at("spec").as_object().erase("affinity");
    const json::object is{{"metadata", meta}, {"spec", spec}};
    if (wanted == is) return "";
    const std::string where = FirstDifference(wanted, is, "template", {});
    return where.empty() ? FirstDifference(is, wanted, "template", {}) : where;
}

}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#include "operator/admission/enforcement.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "kube/log.h"

namespace dlws::admission {

namespace json = boost::json;

namespace {

constexpr std::string_view kGroup = "admissionregistration.k8s.io";
constexpr kube::Resource kPolicies{kGroup, "v1", "validatingadmissionpolicies",
                                   "ValidatingAdmissionPolicy", false};
constexpr kube::Resource kBindings{kGroup, "v1", "validatingadmissionpolicybindings",
                                   "ValidatingAdmissionPolicyBinding", false};
constexpr kube::Resource kMutating{kGroup, "v1", "mutatingwebhookconfigurations",
                                   "MutatingWebhookConfiguration", false};
constexpr kube::Resource kValidating{kGroup, "v1", "validatingwebhookconfigurations",
                                     "ValidatingWebhookConfiguration", false};

kube::Informer::Settings Named(kube::Resource resource, const std::string& name) {
    return {.resource = resource, .field_selector = "metadata.name=" + (name.empty() ? "-" : name)};
}

std::optional<model::Time> Created(const kube::Object& object) {
    json::error_code error;
    const json::value document = json::parse(object.raw, error);
    if (error) return std::nullopt;
    const json::value* at = document.find_pointer("/metadata/creationTimestamp", error);
    if (!at || !at->is_string()) return std::nullopt;
    auto time = model::ParseTime(std::string_view(at->get_string()));
    if (!time) return std::nullopt;
    return *time;
}

std::string NameOf(const json::object& object) {
    return std::string(object.at("metadata").at("name").as_string());
}

}  // namespace

Enforcement::Enforcement(kube::Client& client, kube::Metrics& metrics, kube::Random& random,
                         Settings settings)
    : settings_(std::move(settings)),
      policies_(client, {.resource = kPolicies}, random),
      bindings_(client, {.resource = kBindings}, random),
      mutating_(client, Named(kMutating, settings_.webhook_configuration), random),
      validating_(client, Named(kValidating, settings_.webhook_configuration), random) {
    for (auto& [name, informer] : Informers()) {
        informer->OnChange([this](const kube::Change&) { Look(); });
        informer->OnProgress([this](std::uint64_t) {
            if (problem_ == "they have not been read yet.") Look();
        });
    }
    metrics.AddCollector([this](kube::Samples& out) {
        if (out.Family("dlws_admission_enforced", kube::Samples::kGauge,
                       "1: the policies and the webhook's configurations are as the chart wrote "
                       "them"))
            out.Add({}, problem_.empty() ? 1 : 0);
    });
}

std::vector<std::pair<std::string, kube::Informer*>> Enforcement::Informers() {
    return {{"admission-policies", &policies_},
            {"admission-bindings", &bindings_},
            {"mutating-configurations", &mutating_},
            {"validating-configurations", &validating_}};
}

bool Enforcement::HasSynced() const {
    return policies_.HasSynced() && bindings_.HasSynced() && mutating_.HasSynced() &&
           validating_.HasSynced();
}

void Enforcement::Look() {
    if (!HasSynced()) return;
    std::optional<model::Time> since;
    if (settings_.expected) {
        for (const auto& [expected, informer] :
             {std::pair{&settings_.expected->policies, &policies_},
              std::pair{&settings_.expected->bindings, &bindings_}})
            for (const json::object& object : *expected)
                if (auto found = informer->store().Get({"", NameOf(object)}))
                    if (auto at = Created(*found); at && (!since || *at > *since)) since = at;
    }
    std::string problem = Find();
    if (problem == problem_ && since == since_) return;
    since_ = since;
    if (problem != problem_) {
        if (problem.empty())
            kube::LogInfo("admission", "the policies are whole");
        else
            kube::LogWarning("admission", "{}", problem);
    }
    problem_ = std::move(problem);
    if (changed_) changed_();
}

std::string Enforcement::Find() const {
    if (!settings_.expected) return "they are switched off (chart value policies.enabled).";
    for (std::string problem : {FindPolicies(settings_.expected->policies, policies_, "policy"),
                                FindPolicies(settings_.expected->bindings, bindings_, "binding")})
        if (!problem.empty()) return problem;
    if (settings_.webhook_configuration.empty())
        return "the webhook is switched off (chart value webhook.enabled).";
    for (const auto& [informer, kind] :
         {std::pair{&mutating_, "mutating"}, std::pair{&validating_, "validating"}}) {
        auto found = informer->store().Get({"", settings_.webhook_configuration});
        if (!found)
            return fmt::format("the {} webhook configuration {} is missing.", kind,
                               settings_.webhook_configuration);
        if (std::string wrong = ConfigurationProblem(found->raw); !wrong.empty())
            return fmt::format("the {} webhook configuration {} is not whole: {}.", kind,
                               settings_.webhook_configuration, wrong);
    }
    return "";
}

std::string Enforcement::FindPolicies(const std::vector<json::object>& expected,
                                      const kube::Informer& informer, const char* kind) const {
    for (const json::object& object : expected) {
        const std::string name = NameOf(object);
        auto found = informer.store().Get({"", name});
        if (!found) return fmt::format("the {} {} is missing.", kind, name);
        if (std::string where = Deviation(object, found->raw); !where.empty())
            return fmt::format("the {} {} was changed at {}.", kind, name, where);
    }
    return "";
}

}  // namespace dlws::admission

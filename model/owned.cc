// SPDX-License-Identifier: Apache-2.0
#include "model/owned.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "model/names.h"

namespace dlws::model {

namespace json = boost::json;

json::object OwnedLabels(const Metadata& job) {
    return {{kJobLabel, job.name}, {kJobUidLabel, job.uid}, {kManagedByLabel, kManagedBy}};
}

json::array OwnerReferences(const Metadata& job) {
    return {json::object{{"apiVersion", kApiVersion},
                         {"kind", kDLJobKind},
                         {"name", job.name},
                         {"uid", job.uid},
                         {"controller", true},
                         {"blockOwnerDeletion", false}}};
}

json::object OwnedMeta(const Metadata& job, std::string_view name) {
    return {{"name", name},
            {"namespace", job.ns},
            {"labels", OwnedLabels(job)},
            {"ownerReferences", OwnerReferences(job)}};
}

std::string FenceName(RetryScope scope, std::string_view job, std::string_view role, int index,
                      int attempt) {
    return scope == RetryScope::Gang ? fmt::format("{}-attempt-{}", job, attempt)
                                     : PodName(job, role, index, attempt);
}

std::string MakeFence(const Metadata& job, std::string_view name, bool open) {
    json::object data;
    if (open) data[kFenceKey] = "true";
    return json::serialize(json::object{{"apiVersion", "v1"},
                                        {"kind", "ConfigMap"},
                                        {"metadata", OwnedMeta(job, name)},
                                        {"data", std::move(data)}});
}

std::string CloseFencePatch() {
    return json::serialize(json::object{{"data", {{kFenceKey, nullptr}}}});
}

}  // namespace dlws::model

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

std::string GangFenceName(std::string_view job, int attempt) {
    return fmt::format("{}-attempt-{}", job, attempt);
}

std::string MakeFence(const Metadata& job, std::string_view name, bool open) {
    json::object data;
    if (open) data[job.uid] = "open";
    return json::serialize(json::object{{"apiVersion", "v1"},
                                        {"kind", "ConfigMap"},
                                        {"metadata", OwnedMeta(job, name)},
                                        {"data", std::move(data)}});
}

std::string CloseFencePatch(std::string_view job_uid) {
    return json::serialize(json::object{{"data", json::object{{job_uid, nullptr}}}});
}

}  // namespace dlws::model

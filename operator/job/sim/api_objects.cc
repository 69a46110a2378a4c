// SPDX-License-Identifier: Apache-2.0
#include "operator/job/sim/api_objects.h"

#include <boost/json.hpp>

#include "model/names.h"

namespace dlws::job::sim {

namespace json = boost::json;

std::string NameIn(const std::string& body) {
    return std::string(json::parse(body).at_pointer("/metadata/name").as_string());
}

Owned OwnedFrom(const std::string& body) {
    const json::value document = json::parse(body);
    Owned owned;
    const json::value& owner = document.at_pointer("/metadata/ownerReferences/0");
    owned.owner_uid = owner.at("uid").as_string();
    owned.owner_name = owner.at("name").as_string();
    const json::value* data = document.as_object().if_contains("data");
    if (data && data->as_object().contains(owned.owner_uid)) owned.open_for = owned.owner_uid;
    return owned;
}

std::vector<FenceKey> FencesIn(const std::string& body) {
    std::vector<FenceKey> fences;
    const json::value document = json::parse(body);
    for (const json::value& variable : document.at_pointer("/spec/containers/0/env").as_array()) {
        const json::value* from = variable.as_object().if_contains("valueFrom");
        const json::value* key = from ? from->as_object().if_contains("configMapKeyRef") : nullptr;
        if (key)
            fences.push_back({std::string(key->at("name").as_string()),
                              std::string(key->at("key").as_string())});
    }
    return fences;
}

model::PodView PodFrom(const std::string& body, const std::string& uid, std::uint64_t version,
                       model::Time created) {
    json::object document = json::parse(body).as_object();
    json::object& meta = document["metadata"].as_object();
    meta["uid"] = uid;
    meta["resourceVersion"] = std::to_string(version);
    meta["creationTimestamp"] = model::FormatTime(created);
    document["status"] = json::object{{"phase", "Pending"}};
    return model::ParsePod(json::serialize(document)).value();
}

kube::ObjectPtr Header(const std::string& name, const std::string& uid, std::uint64_t version,
                       const std::string& owner_uid, const std::string& owner_name) {
    auto object = std::make_shared<kube::Object>();
    object->meta.name = name;
    object->meta.uid = uid;
    object->meta.resource_version = version;
    if (!owner_uid.empty()) {
        object->meta.controller_uid = owner_uid;
        object->meta.controller_kind = model::kDLJobKind;
        object->meta.controller_name = owner_name;
        object->meta.labels[std::string(model::kJobUidLabel)] = owner_uid;
    }
    return object;
}

kube::ObjectPtr JobObject(const model::DLJob& job) {
    json::object spec{{"stop", job.spec.stop}, {"suspend", job.spec.suspend}};
    if (const auto& by = job.spec.submittedBy)
        spec["submittedBy"] = {{"username", by->username}, {"uid", by->uid}};
    return kube::ParseObject(
               json::serialize(json::object{{"metadata",
                                             {{"name", job.meta.name},
                                              {"namespace", job.meta.ns},
                                              {"uid", job.meta.uid},
                                              {"resourceVersion", job.meta.resourceVersion}}},
                                            {"spec", std::move(spec)}}))
        .value();
}

kube::ObjectPtr ApprovalObject(const model::Approval& a) {
    json::array classes;
    for (model::PermissionClass c : a.classes)
        classes.emplace_back(model::ToString(c));
    json::object spec{{"jobName", a.jobName},
                      {"jobUID", a.jobUid},
                      {"templateHash", a.templateHash},
                      {"classes", std::move(classes)},
                      {"decision", a.approves ? "Approve" : "Deny"},
                      {"reason", a.reason},
                      {"approver", {{"username", a.approver->username}}}};
    if (a.expiresAt) spec["expiresAt"] = model::FormatTime(*a.expiresAt);
    return kube::ParseObject(
               json::serialize(json::object{
                   {"metadata",
                    {{"name", a.meta.name},
                     {"namespace", a.meta.ns},
                     {"uid", a.meta.uid},
                     {"resourceVersion", "1"},
                     {"creationTimestamp", model::FormatTime(*a.meta.creationTimestamp)}}},
                   {"spec", std::move(spec)}}))
        .value();
}

kube::ObjectPtr WithUid(const std::string& body, const std::string& uid, std::uint64_t version) {
    json::object document = json::parse(body).as_object();
    json::object& meta = document.at("metadata").as_object();
    meta["uid"] = uid;
    meta["resourceVersion"] = std::to_string(version);
    return kube::ParseObject(json::serialize(document)).value();
}

std::optional<std::string> ApprovalOf(const std::string& body) {
    const json::value pod = json::parse(body);
    json::error_code error;
    if (!pod.find_pointer("/spec/hostNetwork", error)) return std::nullopt;
    const json::value* annotations = pod.find_pointer("/metadata/annotations", error);
    const json::value* named =
        annotations ? annotations->as_object().if_contains(model::kApprovalAnnotation) : nullptr;
    return named ? std::string(named->as_string()) : "";
}

namespace {

json::object ContainerState(const model::ContainerView& c) {
    using model::ContainerView;
    switch (c.state) {
        case ContainerView::Terminated:
            return {{"terminated",
                     {{"exitCode", c.exitCode},
                      {"reason", c.reason},
                      {"message", c.message},
                      {"finishedAt", c.finishedAt ? model::FormatTime(*c.finishedAt) : ""}}}};
        case ContainerView::Running:
            return {{"running", json::object{}}};
        case ContainerView::Waiting:
            return {{"waiting", {{"reason", c.reason}, {"message", c.message}}}};
        case ContainerView::None:
            break;
    }
    return {};
}

}  // namespace

kube::ObjectPtr PodObject(const model::PodView& pod) {
    json::object meta{{"name", pod.name},
                      {"namespace", pod.ns},
                      {"uid", pod.uid},
                      {"resourceVersion", pod.resourceVersion}};
    if (!pod.job.empty())
        meta["labels"] = json::object{{model::kJobLabel, pod.job},
                                      {model::kRoleLabel, pod.role},
                                      {model::kIndexLabel, std::to_string(pod.index)},
                                      {model::kAttemptLabel, std::to_string(pod.attempt)}};
    if (!pod.ownerUid.empty())
        meta["ownerReferences"] = json::array{json::object{{"kind", model::kDLJobKind},
                                                           {"name", pod.job},
                                                           {"uid", pod.ownerUid},
                                                           {"controller", true}}};
    if (pod.deletionTimestamp)
        meta["deletionTimestamp"] = model::FormatTime(*pod.deletionTimestamp);
    json::array conditions{
        json::object{{"type", "Ready"}, {"status", pod.ready ? "True" : "False"}}};
    if (pod.disrupted)
        conditions.push_back(json::object{
            {"type", "DisruptionTarget"}, {"status", "True"}, {"reason", pod.disruptionReason}});
    json::object document{
        {"metadata", std::move(meta)},
        {"spec", {{"nodeName", pod.node}}},
        {"status",
         {{"phase", model::ToString(pod.phase)},
          {"reason", pod.reason},
          {"message", pod.message},
          {"conditions", std::move(conditions)},
          {"containerStatuses", json::array{json::object{{"name", model::kMainContainer},
                                                         {"state", ContainerState(pod.main)}}}}}}};
    return kube::ParseObject(json::serialize(document)).value();
}

void MergePatch(json::value& target, const json::value& patch) {
    if (!patch.is_object()) {
        target = patch;
        return;
    }
    if (!target.is_object()) target = json::object();
    json::object& object = target.get_object();
    for (const auto& [key, value] : patch.get_object()) {
        if (value.is_null())
            object.erase(key);
        else
            MergePatch(object[key], value);
    }
}

}  // namespace dlws::job::sim

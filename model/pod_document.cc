// SPDX-License-Identifier: Apache-2.0
// What is made of a rendering: one pod's document, and the bytes and hash of all of it.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <boost/json.hpp>
#include <vector>

#include "model/environment.h"
#include "model/names.h"
#include "model/owned.h"
#include "model/render.h"

namespace dlws::model {

namespace json = boost::json;

namespace {

// Sorted by key at every level; lists keep their order, which has a meaning.
json::value Sorted(const json::value& value) {
    if (const json::object* object = value.if_object()) {
        std::vector<const json::key_value_pair*> pairs;
        for (const json::key_value_pair& pair : *object)
            pairs.push_back(&pair);
        std::ranges::sort(pairs, {},
                          [](const json::key_value_pair* p) { return std::string_view(p->key()); });
        json::object sorted;
        for (const json::key_value_pair* pair : pairs)
            sorted[pair->key()] = Sorted(pair->value());
        return sorted;
    }
    if (const json::array* array = value.if_array()) {
        json::array sorted;
        for (const json::value& item : *array)
            sorted.push_back(Sorted(item));
        return sorted;
    }
    return value;
}

// The child of that name, made when it is not there; a template holds nothing else at these places.
json::object& ObjectAt(json::object& parent, std::string_view key) {
    json::value& child = parent[key];
    if (!child.is_object()) child = json::object{};
    return child.get_object();
}
json::array& ArrayAt(json::object& parent, std::string_view key) {
    json::value& child = parent[key];
    if (!child.is_array()) child = json::array{};
    return child.get_array();
}

json::object NotOn(const std::string& node) {
    return {{"key", "metadata.name"}, {"operator", "NotIn"}, {"values", json::array{node}}};
}

void AvoidNodes(json::object& spec, std::span<const AvoidedNode> avoided) {
    if (avoided.empty()) return;
    json::object& affinity = ObjectAt(ObjectAt(spec, "affinity"), "nodeAffinity");
    for (const AvoidedNode& n : avoided) {
        if (n.failures < 2) {
            ArrayAt(affinity, "preferredDuringSchedulingIgnoredDuringExecution")
                .push_back(json::object{
                    {"weight", 100},
                    {"preference", json::object{{"matchFields", json::array{NotOn(n.node)}}}}});
            continue;
        }
        json::array& terms =
            ArrayAt(ObjectAt(affinity, "requiredDuringSchedulingIgnoredDuringExecution"),
                    "nodeSelectorTerms");
        if (terms.empty()) terms.push_back(json::object{});
        // Terms are alternatives: to hold in each of them it must stand in each of them.
        for (json::value& term : terms)
            if (term.is_object())
                ArrayAt(term.get_object(), "matchFields").push_back(NotOn(n.node));
    }
}

}  // namespace

std::string MakePod(const Rendered& rendered, std::size_t role, int index, PodAttempt attempt,
                    std::span<const AvoidedNode> avoided, const PodApproval* approved) {
    const RenderedRole& r = rendered.roles.at(role);
    json::object pod{{"apiVersion", "v1"}, {"kind", "Pod"}};
    json::object meta{{"name", PodName(rendered.job, r.name, index, attempt.pod)},
                      {"namespace", rendered.ns}};
    for (const auto& [key, value] : r.podTemplate.at("metadata").as_object())
        meta[key] = value;
    json::object& labels = meta["labels"].as_object();
    labels[kIndexLabel] = std::to_string(index);
    labels[kAttemptLabel] = std::to_string(attempt.pod);
    if (approved) {
        json::object& annotations = ObjectAt(meta, "annotations");
        annotations[kApprovalAnnotation] = approved->approvalUid;
        annotations[kTemplateHashAnnotation] = approved->templateHash;
    }
    pod["metadata"] = std::move(meta);

    json::object spec = r.podTemplate.at("spec").as_object();
    spec["hostname"] = Hostname(r.name, index);
    json::array& env = spec.at("containers").as_array().at(0).as_object()["env"].as_array();
    json::array own = PodEnvironment(rendered, index, attempt.pod, r.firstRank + index);
    // Without its fences the container does not start (owned.h).
    auto reads_fence = [&](std::string_view variable, std::string_view fence) {
        const json::object key{{"name", fence}, {"key", rendered.jobUid}};
        own.push_back(json::object{{"name", variable}, {"valueFrom", {{"configMapKeyRef", key}}}});
    };
    reads_fence(kFenceVariable, GangFenceName(rendered.job, attempt.gang));
    if (rendered.retryScope == RetryScope::Pod)
        reads_fence(kPodFenceVariable, PodName(rendered.job, r.name, index, attempt.pod));
    env.insert(env.begin(), own.begin(), own.end());
    AvoidNodes(spec, avoided);
    pod["spec"] = std::move(spec);
    return json::serialize(pod);
}

std::string Serialize(const json::object& object) {
    return json::serialize(object);
}

std::string CanonicalBytes(const Rendered& rendered) {
    json::array classes, roles;
    for (PermissionClass c : rendered.toApprove)
        classes.emplace_back(ToString(c));
    for (const RenderedRole& r : rendered.roles)
        roles.push_back(json::object{{"name", r.name},
                                     {"replicas", r.replicas},
                                     {"gpus", r.gpus},
                                     {"firstRank", r.firstRank},
                                     {"template", r.podTemplate}});
    json::object all{{"job", rendered.job},
                     {"jobUID", rendered.jobUid},
                     {"namespace", rendered.ns},
                     {"framework", ToString(rendered.framework)},
                     {"elastic", rendered.elastic},
                     {"retryScope", rendered.retryScope == RetryScope::Pod ? "Pod" : "Gang"},
                     {"sshKeys", rendered.sshKeys},
                     {"classes", std::move(classes)},
                     {"asks", json::value_from(rendered.asks)},
                     {"roles", std::move(roles)}};
    if (rendered.service) all["service"] = *rendered.service;
    if (rendered.files) all["files"] = *rendered.files;
    return json::serialize(Sorted(all));
}

namespace {

Rendered ReadRendered(const json::object& all) {
    Rendered out;
    out.job = all.at("job").as_string();
    out.jobUid = all.at("jobUID").as_string();
    out.ns = all.at("namespace").as_string();
    out.framework = ParseFramework(all.at("framework").as_string()).value();
    out.elastic = all.at("elastic").as_bool();
    out.retryScope = all.at("retryScope").as_string() == "Pod" ? RetryScope::Pod : RetryScope::Gang;
    out.sshKeys = all.at("sshKeys").as_bool();
    for (const json::value& c : all.at("classes").as_array())
        out.toApprove.push_back(ParsePermissionClass(c.as_string()).value());
    for (const json::value& a : all.at("asks").as_array())
        out.asks.emplace_back(a.as_string());
    for (const json::value& item : all.at("roles").as_array()) {
        const json::object& r = item.as_object();
        out.roles.push_back({.name = std::string(r.at("name").as_string()),
                             .replicas = int(r.at("replicas").as_int64()),
                             .gpus = int(r.at("gpus").as_int64()),
                             .firstRank = int(r.at("firstRank").as_int64()),
                             .podTemplate = r.at("template").as_object()});
        out.totalPods += out.roles.back().replicas;
    }
    if (const json::value* service = all.if_contains("service")) out.service = service->as_object();
    if (const json::value* files = all.if_contains("files")) out.files = files->as_object();
    out.reachesHost = true;  // nothing else is kept
    return out;
}

}  // namespace

std::expected<Rendered, std::string> ParseRendered(std::string_view canonical) {
    try {
        json::parse_options options;
        options.max_depth = 64;
        return ReadRendered(json::parse(canonical, {}, options).as_object());
    } catch (const std::exception& error) {
        return std::unexpected(fmt::format("the kept template cannot be read: {}", error.what()));
    }
}

std::string Sha256Hex(std::string_view bytes) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    // Fails only where SHA-256 is missing from the library; no hash at all is then the safe answer.
    if (EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr) != 1)
        return {};
    std::string hex;
    for (unsigned int i = 0; i < size; ++i)
        hex += fmt::format("{:02x}", digest[i]);
    return hex;
}

}  // namespace dlws::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "kube/error.h"

namespace dlws::kube {

/// One kind of the API, enough to build a path: `/api/v1/...` or `/apis/GROUP/VERSION/...`.
struct Resource {
    std::string_view group;  ///< empty for the core group
    std::string_view version;
    std::string_view plural;
    std::string_view kind;
    bool namespaced = true;
};

inline constexpr Resource kPods{"", "v1", "pods", "Pod", true};
inline constexpr Resource kServices{"", "v1", "services", "Service", true};
inline constexpr Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap", true};
inline constexpr Resource kSecrets{"", "v1", "secrets", "Secret", true};
inline constexpr Resource kNamespaces{"", "v1", "namespaces", "Namespace", false};
inline constexpr Resource kNodes{"", "v1", "nodes", "Node", false};
inline constexpr Resource kControllerRevisions{"apps", "v1", "controllerrevisions",
                                               "ControllerRevision", true};
inline constexpr Resource kSubjectAccessReviews{
    "authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", false};
inline constexpr Resource kSelfSubjectAccessReviews{
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false};
inline constexpr Resource kSelfSubjectReviews{"authentication.k8s.io", "v1", "selfsubjectreviews",
                                              "SelfSubjectReview", false};
inline constexpr Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease", true};
inline constexpr Resource kEvents{"events.k8s.io", "v1", "events", "Event", true};

/// Namespace and name; `ns` is empty for cluster-scoped objects. Prints as "ns/name".
/// Not an aggregate, for the reason given at CallOptions (client.h).
struct ObjectKey {
    std::string ns;
    std::string name;

    ObjectKey() {}
    ObjectKey(std::string ns, std::string name) : ns(std::move(ns)), name(std::move(name)) {}

    auto operator<=>(const ObjectKey&) const = default;
    std::string ToString() const { return ns.empty() ? name : ns + "/" + name; }
};

struct ObjectKeyHash {
    std::size_t operator()(const ObjectKey& key) const { return Of(key.ns, key.name); }
    static std::size_t Of(const std::string& ns, const std::string& name) {
        return std::hash<std::string>{}(ns) * 31 + std::hash<std::string>{}(name);
    }
};

/// The typed header that the runtime itself needs of an object.
struct Meta {
    std::string ns;
    std::string name;
    std::string uid;
    /// Integers since KEP-5504 says resourceVersions of one resource may be compared; 0 = unknown.
    std::uint64_t resource_version = 0;
    std::int64_t generation = 0;
    bool deleting = false;       ///< metadata.deletionTimestamp is set
    std::string controller_uid;  ///< uid of the ownerReference with controller: true, else empty
    std::string controller_kind;
    std::string controller_name;
    std::map<std::string, std::string> labels;

    ObjectKey Key() const { return {ns, name}; }
};

/// An object as the server sent it: immutable bytes (compact JSON) plus the header.
/// Shared by value of `ObjectPtr` between store, handlers and reconcilers; any thread may read it.
struct Object {
    Meta meta;
    std::string raw;
};
using ObjectPtr = std::shared_ptr<const Object>;

/// Parses the header out of one object's JSON and keeps the bytes. kProtocol on malformed JSON
/// or a missing metadata.name. `metadata.managedFields` is cut out of the kept bytes: nothing of
/// ours reads it and it is up to half of an object.
Result<ObjectPtr> ParseObject(std::string raw);

}  // namespace dlws::kube

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

namespace dlws::kube {

/// May somebody do this? `resource` as in RBAC; without `ns`: in all namespaces, without `name`: to
/// all objects.
struct AccessQuestion {
    AccessQuestion() {}
    AccessQuestion(std::string verb, std::string group, std::string resource, std::string ns = "",
                   std::string name = "", std::string subresource = "")
        : verb(std::move(verb)),
          group(std::move(group)),
          resource(std::move(resource)),
          ns(std::move(ns)),
          name(std::move(name)),
          subresource(std::move(subresource)) {}
    std::string verb, group, resource, ns, name, subresource;
};

/// The SelfSubjectAccessReview that asks it of the API server, for Api::Ask with the token of who
/// is meant. Pure.
std::string AccessReviewOf(const AccessQuestion& question);

}  // namespace dlws::kube

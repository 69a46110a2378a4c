// SPDX-License-Identifier: Apache-2.0
#include "kube/access_review.h"

#include <boost/json.hpp>

namespace dlws::kube {

std::string AccessReviewOf(const AccessQuestion& q) {
    namespace json = boost::json;
    json::object attributes{{"verb", q.verb}, {"group", q.group}, {"resource", q.resource}};
    if (!q.subresource.empty()) attributes["subresource"] = q.subresource;
    if (!q.ns.empty()) attributes["namespace"] = q.ns;
    if (!q.name.empty()) attributes["name"] = q.name;
    return json::serialize(json::object{{"apiVersion", "authorization.k8s.io/v1"},
                                        {"kind", "SelfSubjectAccessReview"},
                                        {"spec", {{"resourceAttributes", std::move(attributes)}}}});
}

}  // namespace dlws::kube

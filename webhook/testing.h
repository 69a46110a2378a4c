// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>

#include "webhook/review.h"

/// @file
/// Reviews for the tests of this folder.

namespace dlws::webhook::testing {

/// An AdmissionReview about a DLJob, as the API server sends it. Empty objects are null.
inline std::string ReviewBody(const std::string& operation, const std::string& object,
                              const std::string& old_object = "") {
    return fmt::format(
        R"({{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{{)"
        R"("uid":"r1","operation":"{}","namespace":"vision","name":"digits","dryRun":false,)"
        R"("resource":{{"group":"dlworkspace.io","version":"v1","resource":"dljobs"}},)"
        R"("userInfo":{{"username":"alice","uid":"u-1","groups":["lab","system:authenticated"]}},)"
        R"("object":{},"oldObject":{}}}}})",
        operation, object.empty() ? "null" : object, old_object.empty() ? "null" : old_object);
}

/// A DLJob whose spec has `more` in it (",\"x\":1").
inline std::string Job(const std::string& more = "") {
    return R"({"apiVersion":"dlworkspace.io/v1","kind":"DLJob","metadata":{"name":"digits",)"
           R"("namespace":"vision","uid":"j-1"},"spec":{"image":"digits:1",)"
           R"("roles":[{"name":"worker","replicas":2}])" +
           more + "}}";
}

inline const std::string kByAlice = R"(,"submittedBy":{"username":"alice","uid":"u-1"})";
inline const std::string kByBob = R"(,"submittedBy":{"username":"bob"})";

}  // namespace dlws::webhook::testing

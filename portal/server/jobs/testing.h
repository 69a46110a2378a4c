// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>

#include "kube/informer.h"
#include "model/time.h"

/// @file
/// For tests and benchmarks: DLJobs as the API server has them, and changes of them.

namespace dlws::portal::testing {

struct JobText {
    std::string ns = "vision", name = "digits", uid = "u1";
    std::uint64_t version = 1;
    std::string created = "2026-11-29T10:00:00Z";
    std::string owner = "alice";
    std::string metadata;  ///< more of it, with a comma before it
    std::string spec = R"("image":"registry.example/digits:1")";
    std::string status = R"("phase":"Queued")";

    std::string Json() const {
        return fmt::format(
            R"({{"apiVersion":"dlworkspace.io/v1","kind":"DLJob","metadata":{{"name":"{}",)"
            R"("namespace":"{}","uid":"{}","resourceVersion":"{}","creationTimestamp":"{}"{}}},)"
            R"("spec":{{{},"submittedBy":{{"username":"{}"}}}},"status":{{{}}}}})",
            name, ns, uid, version, created, metadata, spec, owner, status);
    }
    kube::ObjectPtr Object() const { return kube::ParseObject(Json()).value(); }
};

inline kube::Change Appeared(const JobText& job) {
    return {nullptr, job.Object()};
}
inline kube::Change Changed(const JobText& job) {
    return {job.Object(), job.Object()};
}
inline kube::Change Gone(const JobText& job) {
    return {job.Object(), nullptr};
}

}  // namespace dlws::portal::testing

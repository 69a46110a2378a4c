// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <expected>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kube/informer.h"
#include "model/time.h"
#include "portal/server/jobs/query.h"

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

/// Names and values of parameters of ListJobs, encoded and read as a request's.
using Parameters = std::vector<std::pair<std::string, std::string>>;
inline kube::HttpParameters Given(const Parameters& parameters) {
    std::string text;
    for (const auto& [name, value] : parameters) {
        text.append(text.empty() ? "" : "&").append(name).append("=");
        for (const char c : value)
            text += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
    return kube::ParseHttpQuery(text, kJobParameters).value();
}
inline std::expected<Query, ParameterError> ParseQuery(const Parameters& parameters) {
    return portal::ParseQuery(Given(parameters));
}
inline std::expected<Filter, ParameterError> ParseFilter(const Parameters& parameters) {
    return portal::ParseFilter(Given(parameters));
}

}  // namespace dlws::portal::testing

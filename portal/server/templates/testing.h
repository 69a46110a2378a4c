// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "portal/server/templates/table.h"

/// @file
/// For tests: DLJobTemplates as the API server has them.

namespace dlws::portal::testing {

struct TemplateText {
    std::string ns = "vision", name = "digits", uid = "t1";
    std::uint64_t version = 7;
    std::string metadata;  ///< more of it, with a comma before it
    std::string title = "Digits", description = "Two pods.";
    std::string job = R"({"spec":{"image":"registry.example/digits:1"}})";

    std::string Json() const {
        return fmt::format(
            R"({{"apiVersion":"dlworkspace.io/v1","kind":"DLJobTemplate","metadata":{{"name":"{}",)"
            R"("namespace":"{}","uid":"{}","resourceVersion":"{}",)"
            R"("creationTimestamp":"2026-11-29T10:00:00Z"{}}},)"
            R"("spec":{{"title":"{}","description":"{}","job":{}}}}})",
            name, ns, uid, version, metadata, title, description, job);
    }
    /// As the portal's cache has it.
    kube::ObjectPtr Kept() const {
        kube::Object object = *kube::ParseObject(Json()).value();
        TemplateCacheSettings().transform(object);
        return std::make_shared<const kube::Object>(std::move(object));
    }
};

}  // namespace dlws::portal::testing

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/templates/template.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <string>
#include <utility>

#include "model/encode.h"
#include "model/names.h"
#include "model/time.h"
#include "portal/server/jobs/writes.h"

namespace dlws::portal {
namespace json = boost::json;

namespace {

using Text = std::string_view;

constexpr Text kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

// The member of that name if it is an object; null otherwise.
const json::object* ObjectAt(const json::object& in, Text key) {
    const json::value* found = in.if_contains(key);
    return found ? found->if_object() : nullptr;
}

Text TextAt(const json::object& in, Text key) {
    const json::value* found = in.if_contains(key);
    const json::string* text = found ? found->if_string() : nullptr;
    return text ? Text(*text) : Text();
}

// Of one that was not saved here: when it was made.
std::optional<model::Time> ChangedAt(const json::object& metadata) {
    if (const json::object* annotations = ObjectAt(metadata, "annotations"))
        if (auto saved = model::ParseTime(TextAt(*annotations, kSavedAtAnnotation))) return *saved;
    auto made = model::ParseTime(TextAt(metadata, "creationTimestamp"));
    return made ? std::optional(*made) : std::nullopt;
}

Problem Wrong(const std::string& field, std::string message) {
    Problem problem = BadRequest("body", field + " " + message);
    problem.errors.front() = {.field = field, .reason = "", .message = std::move(message)};
    return problem;
}

std::expected<json::object, Problem> ReadJob(const json::object& given) {
    json::object job;
    for (const auto& [key, value] : given) {
        if (key == "apiVersion" || key == "kind") {
            const Text must = key == "kind" ? model::kDLJobKind : model::kApiVersion;
            if (value != json::value(must))
                return std::unexpected(
                    Wrong(fmt::format("job.{}", Text(key)), fmt::format("must be {}", must)));
            continue;
        }
        if (key == "status") continue;
        if (key != "metadata" && key != "spec")
            return std::unexpected(Wrong(fmt::format("job.{}", Text(key)), "is no field here"));
        if (!value.is_object())
            return std::unexpected(Wrong(fmt::format("job.{}", Text(key)), "must be an object"));
        job[key] = value;
    }
    if (!job.contains("spec")) return std::unexpected(Wrong("job.spec", "is missing"));
    if (json::value* metadata = job.if_contains("metadata")) {
        metadata->as_object().erase("namespace");
        json::value* annotations = metadata->as_object().if_contains("annotations");
        if (json::object* those = annotations ? annotations->if_object() : nullptr)
            those->erase(kLastApplied);
    }
    return job;
}

}  // namespace

std::optional<json::object> TemplateJson(Text dljobtemplate, bool with_job) {
    json::parse_options options;
    options.max_depth = 256;
    json::error_code error;
    const json::value document =
        json::parse({dljobtemplate.data(), dljobtemplate.size()}, error, {}, options);
    const json::object* object = error ? nullptr : document.if_object();
    if (!object) return std::nullopt;
    const json::object* metadata = ObjectAt(*object, "metadata");
    const json::object* spec = ObjectAt(*object, "spec");
    const json::object* job = spec ? ObjectAt(*spec, "job") : nullptr;
    if (!metadata || !job) return std::nullopt;
    // The definition counts characters, of up to four bytes each.
    json::object result{{"namespace", TextAt(*metadata, "namespace")},
                        {"name", TextAt(*metadata, "name")},
                        {"uid", TextAt(*metadata, "uid")},
                        {"title", TextAt(*spec, "title")}};
    model::PutText(result, "description", TextAt(*spec, "description"), 4 * 1'024);
    model::PutTime(result, "changedAt", ChangedAt(*metadata));
    if (with_job) result["job"] = *job;
    return result;
}

std::expected<json::object, Problem> TemplateSpec(const json::value& content) {
    const json::object* given = content.if_object();
    if (!given) return std::unexpected(BadRequest("body", "must be an object"));
    json::object spec;
    for (const auto& [key, value] : *given) {
        const bool job = key == "job";
        if (!job && key != "title" && key != "description")
            return std::unexpected(Wrong(key, "is no field here"));
        if (job ? !value.is_object() : !value.is_string())
            return std::unexpected(Wrong(key, job ? "must be an object" : "must be text"));
        if (!job) {
            spec[key] = value;
            continue;
        }
        auto read = ReadJob(value.as_object());
        if (!read) return std::unexpected(std::move(read.error()));
        spec[key] = std::move(*read);
    }
    for (const char* needed : {"title", "job"})
        if (!spec.contains(needed)) return std::unexpected(Wrong(needed, "is missing"));
    return spec;
}

void FindInBody(Problem& problem) {
    constexpr Text kSpec = "spec.";
    if (problem.status == 400) FindFields(problem);
    for (FieldError& error : problem.errors)
        if (error.field.starts_with(kSpec)) error.field.erase(0, kSpec.size());
}

}  // namespace dlws::portal

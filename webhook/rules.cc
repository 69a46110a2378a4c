// SPDX-License-Identifier: Apache-2.0
#include "webhook/rules.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <expected>

#include "model/render.h"

namespace dlws::webhook {

namespace json = boost::json;

namespace {

bool IsDLJob(const Review& review) {
    return review.group == "dlworkspace.io" && review.resource == "dljobs" &&
           review.subresource.empty();
}

json::object ToJson(const model::User& user) {
    json::object stamp{{"username", user.username}};
    if (!user.uid.empty()) stamp["uid"] = user.uid;
    return stamp;
}

// A field of an object, or null.
json::value Field(const json::value& object, std::string_view name) {
    const json::object* fields = object.if_object();
    const json::value* found = fields ? fields->if_contains(name) : nullptr;
    return found ? *found : json::value();
}
json::value SpecField(const json::value& object, std::string_view name) {
    return Field(Field(object, "spec"), name);
}

std::string Patch(std::string_view op, const json::value& stamp) {
    json::object change{{"op", op}, {"path", "/spec/submittedBy"}};
    if (op != "remove") change["value"] = stamp;
    return json::serialize(json::array{std::move(change)});
}

// Nesting was bounded when the review was read; the parser's own limit is lower.
json::value Parse(const std::string& text) {
    json::parse_options options;
    options.max_depth = kMaxDepth;
    return json::parse(text, {}, options);
}

// Why a job cannot become pods as it is.
std::expected<void, model::RenderError> Renders(const std::string& object,
                                                const model::DLCluster* cluster) {
    auto job = model::ParseDLJob(object);
    if (!job)
        return std::unexpected(model::RenderError{
            .reason = std::string(model::reason::kSpecInvalid.name), .message = job.error()});
    auto rendered = model::Render(*job, cluster ? *cluster : model::DLCluster{});
    if (!rendered) return std::unexpected(std::move(rendered.error()));
    return {};
}

}  // namespace

Verdict Mutate(const Review& review) {
    if (!IsDLJob(review)) return {};
    const json::value object = Parse(review.object);
    if (!Field(object, "spec").is_object()) return {};  // the CRD refuses it, in better words
    json::value stamp;
    if (review.operation == "CREATE") stamp = ToJson(review.user);
    if (review.operation == "UPDATE") stamp = SpecField(Parse(review.old_object), "submittedBy");
    if (SpecField(object, "submittedBy") == stamp) return {};
    return {.patch = Patch(stamp.is_null() ? "remove" : "add", stamp)};
}

Verdict Validate(const Review& review, const model::DLCluster* cluster) {
    if (!IsDLJob(review) || (review.operation != "CREATE" && review.operation != "UPDATE"))
        return {};
    const json::value object = Parse(review.object);
    const bool update = review.operation == "UPDATE";
    const json::value before = update ? Parse(review.old_object) : json::value();
    // Another admission webhook may have written after ours.
    if (SpecField(object, "submittedBy") !=
        (update ? SpecField(before, "submittedBy") : json::value(ToJson(review.user))))
        return Refuse(403, "Forbidden",
                      "spec.submittedBy is written by admission alone; leave it out");
    if (update && Field(object, "spec") == Field(before, "spec")) return {};
    const auto renders = Renders(review.object, cluster);
    if (renders) return {};
    if (renders.error().cls != model::ReasonClass::Change)
        return {.warnings = {"the job will wait: " + renders.error().message}};
    if (update && !Renders(review.old_object, cluster)) return {};
    return Refuse(422, "Invalid", renders.error().message);
}

}  // namespace dlws::webhook

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/templates/handlers.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "model/names.h"
#include "model/time.h"
#include "portal/server/jobs/body.h"
#include "portal/server/jobs/paging.h"
#include "portal/server/jobs/query.h"
#include "portal/server/jobs/text_search.h"
#include "portal/server/templates/template.h"

namespace dlws::portal {
namespace json = boost::json;

namespace {

// ---- list ----

Place WhereIs(const TemplateRow* row) {
    return {0, row->name, row->uid};
}

kube::Awaitable<Outcome> ListTemplates(const Templates& templates, Call call) {
    const auto filter = ParseFilter(call.query);  // namespace and q are as those of ListJobs
    if (!filter)
        co_return std::unexpected(
            BadRequest("query." + filter.error().name, filter.error().message));
    const std::string question = "templates" + std::to_string(QuestionOf(*filter, {}));
    const auto paging = ReadPaging(call.query, question);
    if (!paging) co_return std::unexpected(paging.error());
    const auto visible = co_await templates.backend.visibility.Of(
        call.caller, "list", std::string(kDLJobTemplates.plural), filter->namespaces);
    if (!visible) co_return std::unexpected(visible.error());
    const auto rows = templates.table.Select([&](const TemplateRow& row) {
        return visible->Has(row.ns) &&
               std::ranges::all_of(filter->words, [&](const std::string& word) {
                   return Contains(row.text, word);
               });
    });
    const ListPage page = MakeListPage(rows, *paging, false, &WhereIs,
                                       [](const TemplateRow* row) { return row->json; });
    co_return TaggedJson(page.Json());
}

// ---- one ----

Outcome AnswerWith(const kube::Object& object, int status) {
    const auto shown = TemplateJson(object.raw, true);
    if (!shown)
        return std::unexpected(FromError(kube::Error{.kind = kube::ErrorKind::kProtocol,
                                                     .message = "a DLJobTemplate without a job"}));
    kube::HttpAnswer answer = JsonAnswer(json::serialize(*shown), status);
    answer.fields.emplace_back("ETag", fmt::format("\"{}\"", object.meta.resource_version));
    return answer;
}

kube::Awaitable<Outcome> GetTemplate(const Templates& templates, Call call) {
    kube::ObjectKey key(call.Namespace(), call.Name("template"));
    auto found = co_await templates.backend.users.Get(kDLJobTemplates, std::move(key),
                                                      AsCaller(call.caller));
    if (!found) co_return std::unexpected(FromError(found.error()));
    co_return AnswerWith(**found, 200);
}

// ---- save ----

constexpr std::size_t kLongestTag = 80;  // schema ETag

Problem ChangedMeanwhile() {
    return {412, "PreconditionFailed", "It changed since you read it",
            "Read the template again and send its new ETag; if it is gone, save it without "
            "If-Match."};
}

// The resourceVersion that the caller has read; empty: the template must be new. A proxy that
// compresses makes a tag weak, and ours names the same template all the same.
std::expected<std::string, Problem> VersionRead(const kube::HttpRequest& request) {
    const auto sent = std::ranges::find_if(request.fields, [](const auto& field) {
        return boost::beast::iequals(field.first, "If-Match");
    });
    if (sent == request.fields.end()) return "";
    // An empty one is no tag: whoever sends it has lost the one that they had read.
    const std::string_view given = sent->second;
    std::string_view tag = given;
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    const bool quoted = tag.size() > 2 && tag.front() == '"' && tag.back() == '"';
    const std::string_view version = quoted ? tag.substr(1, tag.size() - 2) : "";
    const auto is_opaque = [](char c) { return c >= '!' && c <= '~' && c != '"'; };
    if (version.empty() || given.size() > kLongestTag || !std::ranges::all_of(version, is_opaque))
        return std::unexpected(
            BadRequest("header.If-Match", "must be the ETag of GetTemplate, such as \"48211\""));
    return std::string(version);
}

kube::WriteOptions WriteAs(const Caller& caller) {
    auto options = AsCaller(caller, kube::WriteOptions());
    options.field_manager = "dlws-portal";
    options.strict = true;
    return options;
}

std::string Now(const Templates& templates) {
    return model::FormatTime(
        std::chrono::floor<std::chrono::seconds>(templates.backend.users.ServerTime()));
}

Problem NotSaved(const kube::Error& error) {
    Problem problem = FromError(error);
    if (problem.status == 422) problem.title = "The template is not valid";
    FindInBody(problem);
    return problem;
}

kube::Awaitable<Outcome> Make(const Templates& templates, Call call, json::object spec) {
    const std::string &ns = call.Namespace(), &name = call.Name("template");
    const json::object made{{"apiVersion", model::kApiVersion},
                            {"kind", kDLJobTemplates.kind},
                            {"metadata",
                             {{"name", name},
                              {"namespace", ns},
                              {"annotations", {{kSavedAtAnnotation, Now(templates)}}}}},
                            {"spec", std::move(spec)}};
    auto stored = co_await templates.backend.users.Create(
        kDLJobTemplates, ns, json::serialize(made), WriteAs(call.caller));
    if (stored) co_return AnswerWith(**stored, 201);
    Problem problem = NotSaved(stored.error());
    if (stored.error().IsAlreadyExists()) {
        problem.title = "There is one of that name";
        problem.detail = fmt::format(
            "There is a template {} in {}. Choose another name, or send its ETag in If-Match to "
            "replace it.",
            name, ns);
    }
    co_return std::unexpected(std::move(problem));
}

// The document with another spec; its labels, and what others have written to it, stay. Nothing:
// it is no JSON object.
std::optional<std::string> WithSpec(const std::string& raw, json::object spec,
                                    const std::string& now) {
    json::parse_options options;
    options.max_depth = 256;
    json::error_code error;
    json::value document = json::parse(raw, error, {}, options);
    json::object* object = error ? nullptr : document.if_object();
    json::value* metadata = object ? object->if_contains("metadata") : nullptr;
    if (!metadata || !metadata->is_object()) return std::nullopt;
    json::value& annotations = metadata->as_object()["annotations"];
    if (!annotations.is_object()) annotations = json::object();
    annotations.as_object()[kSavedAtAnnotation] = now;
    (*object)["spec"] = std::move(spec);
    return json::serialize(document);
}

kube::Awaitable<Outcome> Replace(const Templates& templates, Call call, json::object spec,
                                 std::string version) {
    const kube::ObjectKey key(call.Namespace(), call.Name("template"));
    auto options = AsCaller(call.caller);
    options.deadline = std::chrono::seconds(10);  // two calls within a request's 30 s
    auto found = co_await templates.backend.users.Get(kDLJobTemplates, key, std::move(options));
    if (!found && found.error().IsNotFound()) co_return std::unexpected(ChangedMeanwhile());
    if (!found) co_return std::unexpected(FromError(found.error()));
    if (std::to_string((*found)->meta.resource_version) != version)
        co_return std::unexpected(ChangedMeanwhile());
    auto document = WithSpec((*found)->raw, std::move(spec), Now(templates));
    if (!document) co_return AnswerWith(**found, 200);  // says what is wrong with it
    auto stored = co_await templates.backend.users.Update(
        kDLJobTemplates, key, std::move(*document), WriteAs(call.caller));
    if (stored) co_return AnswerWith(**stored, 200);
    if (stored.error().IsConflict() || stored.error().IsNotFound())
        co_return std::unexpected(ChangedMeanwhile());
    co_return std::unexpected(NotSaved(stored.error()));
}

kube::Awaitable<Outcome> SaveTemplate(const Templates& templates, Call call) {
    auto version = VersionRead(call.request);
    if (!version) co_return std::unexpected(std::move(version.error()));
    auto body = ReadBody(call.request.body, false);
    if (!body) co_return std::unexpected(std::move(body.error()));
    auto spec = TemplateSpec(body->value);
    if (!spec) co_return std::unexpected(std::move(spec.error()));
    if (version->empty()) co_return co_await Make(templates, std::move(call), std::move(*spec));
    co_return co_await Replace(templates, std::move(call), std::move(*spec), std::move(*version));
}

// ---- delete ----

kube::Awaitable<Outcome> DeleteTemplate(const Templates& templates, Call call) {
    auto options = AsCaller(call.caller, kube::DeleteOptions());
    const auto meant = ReadUid(call.query);
    if (!meant) co_return std::unexpected(meant.error());
    options.uid = *meant;
    kube::ObjectKey key(call.Namespace(), call.Name("template"));
    auto deleted = co_await templates.backend.users.Delete(kDLJobTemplates, std::move(key),
                                                           std::move(options));
    if (!deleted && !meant->empty() && deleted.error().code == 409)
        co_return std::unexpected(
            Problem(409, "WrongObject", "It is another object than the one that is meant",
                    "The template was deleted and made anew. Look at it again."));
    if (!deleted) co_return std::unexpected(FromError(deleted.error()));
    kube::HttpAnswer answer;
    answer.status = 204;
    co_return answer;
}

}  // namespace

void AddTemplates(Router& router, const Templates& templates) {
    const std::string one = "/api/v1/namespaces/{namespace}/templates/{template}";
    router.Add(
        {.id = "ListTemplates",
         .method = "GET",
         .path = "/api/v1/templates",
         .query = {{"namespace", true}, {"q"}, {"limit"}, {"cursor"}},
         .handler = [&templates](Call call) { return ListTemplates(templates, std::move(call)); }});
    router.Add(
        {.id = "GetTemplate", .method = "GET", .path = one, .handler = [&templates](Call call) {
             return GetTemplate(templates, std::move(call));
         }});
    router.Add(
        {.id = "SaveTemplate",
         .method = "PUT",
         .path = one,
         .media = {"application/json"},
         .handler = [&templates](Call call) { return SaveTemplate(templates, std::move(call)); }});
    router.Add({.id = "DeleteTemplate",
                .method = "DELETE",
                .path = one,
                .query = {{"uid"}},
                .handler = [&templates](Call call) {
                    return DeleteTemplate(templates, std::move(call));
                }});
}

}  // namespace dlws::portal

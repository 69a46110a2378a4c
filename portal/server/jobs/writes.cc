// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/writes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <utility>

#include "kube/yaml.h"
#include "model/names.h"
#include "portal/server/jobs/body.h"

namespace dlws::portal {

namespace {

namespace json = boost::json;
using Text = std::string_view;

kube::WriteOptions WriteAs(const Caller& caller) {
    auto options = AsCaller(caller, kube::WriteOptions());
    options.field_manager = "dlws-portal";
    options.strict = true;
    return options;
}

// The member of that name, made if it is not there; null: there is another thing.
json::object* ObjectAt(json::object& in, Text key) {
    if (!in.contains(key)) in[key] = json::object();
    return in[key].if_object();
}

// ---- submit ----

Problem Wrong(Text field, std::string message) {
    Problem problem = BadRequest("body", fmt::format("{} {}", field, message));
    problem.errors.front() = {.field = std::string(field), .reason = "", .message = message};
    return problem;
}

// What the API server would take for something else than the caller means.
std::optional<Problem> Complete(json::value& document, const std::string& ns) {
    json::object* job = document.if_object();
    if (!job) return BadRequest("body", "must be one DLJob");
    for (const auto& [key, wanted] :
         {std::pair{"apiVersion", model::kApiVersion}, {"kind", model::kDLJobKind}}) {
        if (!job->contains(key)) (*job)[key] = wanted;
        if ((*job)[key] != json::value(wanted))
            return Wrong(key, fmt::format("must be {}", wanted));
    }
    json::object* metadata = ObjectAt(*job, "metadata");
    if (!metadata) return Wrong("metadata", "must be an object");
    const json::value* written = metadata->if_contains("namespace");
    if (written && *written != json::value(ns))
        return Wrong("metadata.namespace", fmt::format("must be {}, or not be there", ns));
    return std::nullopt;
}

Problem Refused(const kube::Error& error, const Body& body, const std::string& ns,
                const std::string& name) {
    Problem problem = FromError(error);
    if (error.IsAlreadyExists()) {
        problem.title = "There is one of that name";
        problem.detail = fmt::format(
            "There is a job {0} in {1}. Choose another name, for example {0}-2.", name, ns);
    }
    if (problem.status == 400) FindFields(problem);
    if (problem.status == 422) problem.title = "The job is not valid";
    body.AddLines(problem);
    return problem;
}

kube::Awaitable<Outcome> SubmitJob(const Jobs& jobs, Call call) {
    const std::string* dry_run = call.query.Find("dryRun");
    if (dry_run && *dry_run != "All")
        co_return std::unexpected(BadRequest("query.dryRun", "must be All"));
    auto body = ReadBody(call.request.body, MediaType(call.request) == "application/yaml");
    if (!body) co_return std::unexpected(std::move(body.error()));
    const std::string& ns = call.Namespace();
    if (auto wrong = Complete(body->value, ns)) {
        body->AddLines(*wrong);
        co_return std::unexpected(std::move(*wrong));
    }
    kube::WriteOptions options = WriteAs(call.caller);
    options.dry_run = dry_run != nullptr;
    auto made = co_await jobs.backend.users.Create(kDLJobs, ns, json::serialize(body->value),
                                                   std::move(options));
    if (!made) {
        const json::value* name = body->value.at("metadata").as_object().if_contains("name");
        const std::string meant = name && name->is_string() ? std::string(name->as_string()) : "";
        co_return std::unexpected(Refused(made.error(), *body, ns, meant));
    }
    const kube::Object& job = **made;
    if (dry_run) co_return JsonAnswer(job.raw);
    kube::HttpAnswer answer = JsonAnswer(MakeRow(job)->json, 201);
    answer.fields.emplace_back("Location",
                               fmt::format("/api/v1/namespaces/{}/jobs/{}", ns, job.meta.name));
    co_return answer;
}

// ---- change and delete ----

Problem AnotherJob(const std::string& name) {
    return {409, "WrongObject", "It is another object than the one that is meant",
            fmt::format("The job {} was deleted and made anew. Look at it again.", name)};
}

// So the API server says that a test of a patch does not hold. What is invalid has causes, and what
// a webhook refuses its name.
bool IsFailedTest(const kube::Error& error) {
    return error.IsInvalid() && error.causes.empty() &&
           error.message.find("admission webhook") == std::string::npos;
}

kube::Awaitable<Outcome> Change(const Jobs& jobs, Call call, const char* field, bool value) {
    const auto meant = ReadUid(call.query);
    if (!meant) co_return std::unexpected(meant.error());
    const std::string& uid = *meant;
    json::array patch;
    if (!uid.empty()) patch.push_back({{"op", "test"}, {"path", "/metadata/uid"}, {"value", uid}});
    patch.push_back({{"op", "add"}, {"path", fmt::format("/spec/{}", field)}, {"value", value}});
    kube::ObjectKey key(call.Namespace(), call.Name("job"));
    auto changed =
        co_await jobs.backend.users.Patch(kDLJobs, std::move(key), kube::PatchType::kJson,
                                          json::serialize(patch), WriteAs(call.caller));
    if (changed) co_return JsonAnswer(MakeRow(**changed)->json);
    if (!uid.empty() && IsFailedTest(changed.error()))
        co_return std::unexpected(AnotherJob(call.Name("job")));
    co_return std::unexpected(FromError(changed.error()));
}

kube::Awaitable<Outcome> DeleteJob(const Jobs& jobs, Call call) {
    auto options = AsCaller(call.caller, kube::DeleteOptions());
    const auto meant = ReadUid(call.query);
    if (!meant) co_return std::unexpected(meant.error());
    options.uid = *meant;
    options.propagation = "Background";
    const bool named = !options.uid.empty();
    kube::ObjectKey key(call.Namespace(), call.Name("job"));
    auto deleted = co_await jobs.backend.users.Delete(kDLJobs, std::move(key), std::move(options));
    if (!deleted && named && deleted.error().code == 409)
        co_return std::unexpected(AnotherJob(call.Name("job")));
    if (!deleted) co_return std::unexpected(FromError(deleted.error()));
    kube::HttpAnswer answer;
    answer.status = 204;
    co_return answer;
}

// ---- manifest ----

kube::Awaitable<Outcome> GetJobManifest(const Jobs& jobs, Call call) {
    const std::string* what = call.query.Find("for");
    if (what && *what != "view" && *what != "clone")
        co_return std::unexpected(BadRequest("query.for", "must be view or clone"));
    const auto form = FormFor(call.request.Field("Accept"));
    if (!form) co_return std::unexpected(form.error());
    kube::ObjectKey key(call.Namespace(), call.Name("job"));
    auto found = co_await jobs.backend.users.Get(kDLJobs, std::move(key), AsCaller(call.caller));
    if (!found) co_return std::unexpected(FromError(found.error()));
    json::parse_options options;
    options.max_depth = 256;
    json::error_code error;
    json::value document = json::parse((*found)->raw, error, {}, options);
    if (error)
        co_return std::unexpected(FromError(
            kube::Error{.kind = kube::ErrorKind::kProtocol, .message = "a DLJob that is no JSON"}));
    if (what && *what == "clone") document = CloneOf(document);
    if (*form == Form::Json) co_return JsonAnswer(json::serialize(document));
    kube::HttpAnswer answer = JsonAnswer(kube::ToYaml(document));
    answer.content_type = "application/yaml";
    co_return answer;
}

Handler Changing(const Jobs& jobs, const char* field, bool value) {
    return [&jobs, field, value](Call call) { return Change(jobs, std::move(call), field, value); };
}

}  // namespace

void FindFields(Problem& problem) {
    if (!problem.errors.empty()) return;
    for (const auto& [before, message] :
         {std::pair<Text, Text>{"unknown field \"", "is no field of a DLJob"},
          {"duplicate field \"", "is there twice"}})
        for (std::size_t at = problem.detail.find(before); at != std::string::npos;
             at = problem.detail.find(before, at + 1)) {
            const std::size_t begin = at + before.size();
            const std::size_t end = problem.detail.find('"', begin);
            if (end == std::string::npos || problem.errors.size() == kMostErrors) break;
            problem.errors.push_back({.field = problem.detail.substr(begin, end - begin),
                                      .reason = "FieldValueInvalid",
                                      .message = std::string(message)});
        }
}

std::expected<Form, Problem> FormFor(std::string_view accept) {
    if (accept.empty()) return Form::Yaml;
    struct Welcome {
        int named = 0;  // 1: */*, 2: application/*, 3: by its name
        double q = 0;
    };
    std::array<Welcome, 2> forms;  // by Form
    for (std::size_t begin = 0; begin <= accept.size();) {
        const std::size_t end = std::min(accept.find(',', begin), accept.size());
        std::string range = Lower(accept.substr(begin, end - begin));
        begin = end + 1;
        std::erase_if(range, [](char c) { return c == ' ' || c == '\t'; });
        double q = 1;
        if (const std::size_t at = range.find(";q="); at != std::string::npos)
            std::from_chars(range.data() + at + 3, range.data() + range.size(), q);
        const Text type = Text(range).substr(0, range.find(';'));
        for (const auto& [form, name] : {std::pair<Form, Text>{Form::Yaml, "application/yaml"},
                                         {Form::Json, "application/json"}}) {
            const int named = type == name              ? 3
                              : type == "application/*" ? 2
                              : type == "*/*"           ? 1
                                                        : 0;
            Welcome& welcome = forms[std::size_t(form)];
            if (named > welcome.named) welcome = {named, q};
        }
    }
    const auto& [yaml, json] = forms;
    if (yaml.q <= 0 && json.q <= 0)
        return std::unexpected(Problem(406, "NotAcceptable", "Accept names no type that we have",
                                       "Ask for application/yaml or application/json."));
    const bool prefers_json = json.q > yaml.q || (json.q == yaml.q && json.named > yaml.named);
    return prefers_json ? Form::Json : Form::Yaml;
}

json::value CloneOf(const json::value& dljob) {
    json::object clone{{"apiVersion", model::kApiVersion}, {"kind", model::kDLJobKind}};
    json::object& metadata = clone["metadata"].emplace_object();
    const json::value& was = dljob.at("metadata");
    for (const char* key : {"name", "labels", "annotations"})
        if (const json::value* value = was.as_object().if_contains(key)) metadata[key] = *value;
    if (json::value* annotations = metadata.if_contains("annotations")) {
        annotations->as_object().erase("kubectl.kubernetes.io/last-applied-configuration");
        if (annotations->as_object().empty()) metadata.erase("annotations");
    }
    if (const json::value* spec = dljob.as_object().if_contains("spec")) clone["spec"] = *spec;
    if (json::object* spec = clone["spec"].if_object())
        for (const char* key : {"suspend", "stop", "submittedBy"})
            spec->erase(key);
    return clone;
}

void AddJobWrites(Router& router, const Jobs& jobs) {
    const std::string all = "/api/v1/namespaces/{namespace}/jobs", one = all + "/{job}";
    const std::vector<kube::HttpParameter> uid = {{"uid"}};
    router.Add({.id = "SubmitJob",
                .method = "POST",
                .path = all,
                .query = {{"dryRun"}},
                .media = {"application/json", "application/yaml"},
                .handler = [&jobs](Call call) { return SubmitJob(jobs, std::move(call)); }});
    router.Add({.id = "KillJob",
                .method = "POST",
                .path = one + "/stop",
                .query = uid,
                .handler = Changing(jobs, "stop", true)});
    router.Add({.id = "SuspendJob",
                .method = "POST",
                .path = one + "/suspend",
                .query = uid,
                .handler = Changing(jobs, "suspend", true)});
    router.Add({.id = "ResumeJob",
                .method = "POST",
                .path = one + "/resume",
                .query = uid,
                .handler = Changing(jobs, "suspend", false)});
    router.Add({.id = "DeleteJob",
                .method = "DELETE",
                .path = one,
                .query = uid,
                .handler = [&jobs](Call call) { return DeleteJob(jobs, std::move(call)); }});
    router.Add({.id = "GetJobManifest",
                .method = "GET",
                .path = one + "/manifest",
                .query = {{"for"}},
                .handler = [&jobs](Call call) { return GetJobManifest(jobs, std::move(call)); }});
}

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#include "portal/server/approvals/handlers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <boost/json.hpp>
#include <set>
#include <utility>

#include "model/approval.h"
#include "model/encode.h"
#include "model/names.h"
#include "model/resources.h"
#include "portal/server/jobs/body.h"
#include "portal/server/jobs/paging.h"

namespace dlws::portal {
namespace json = boost::json;

namespace {

using State = model::ApprovalStatus::State;
constexpr std::array kStates = {State::Awaiting, State::Approved, State::Denied, State::Revoked,
                                State::Expired};
const std::string kGroup(model::kGroup);

struct Asked {
    std::vector<std::string> namespaces;
    std::vector<State> states;
    Paging paging;
};

std::expected<Asked, Problem> Read(const Call& call) {
    Asked asked;
    std::string question = "approvals";
    const std::vector<std::string> namespaces = call.query.All("namespace");
    const std::set<std::string> once(namespaces.begin(), namespaces.end());
    if (once.size() < namespaces.size() || once.size() > 16)
        return std::unexpected(BadRequest("query.namespace", "must be at most 16, each once"));
    for (const std::string& ns : once) {
        if (std::string wrong = WrongName("namespace", ns); !wrong.empty())
            return std::unexpected(BadRequest("query.namespace", std::move(wrong)));
        asked.namespaces.push_back(ns);
        question += "/" + ns;
    }
    const std::vector<std::string> states = call.query.All("state");
    for (const State state : kStates) {
        const auto named = std::ranges::count(states, ToString(state));
        if (named > 1) return std::unexpected(BadRequest("query.state", "must be each once"));
        if (named == 0 && !(states.empty() && state == State::Awaiting)) continue;
        asked.states.push_back(state);
        question += "+" + std::string(ToString(state));
    }
    if (asked.states.size() < states.size())
        return std::unexpected(BadRequest(
            "query.state", "must be one of Awaiting, Approved, Denied, Revoked, Expired"));
    auto paging = ReadPaging(call.query, question);
    if (!paging) return std::unexpected(std::move(paging.error()));
    asked.paging = std::move(*paging);
    return asked;
}

Place PlaceOf(const AskingJob& job) {
    return {AskedSince(*job).time_since_epoch().count(), {}, job->meta.uid};
}

kube::Awaitable<Outcome> ListApprovals(const Approvals& approvals, Call call) {
    auto asked = Read(call);
    if (!asked) co_return std::unexpected(std::move(asked.error()));
    auto visible =
        co_await approvals.backend.visibility.Of(call.caller, "list", "dljobs", asked->namespaces);
    if (!visible) co_return std::unexpected(std::move(visible.error()));
    const std::vector<AskingJob> jobs = approvals.questions.Select(
        asked->states, [&](const std::string& ns) { return visible->Has(ns); });
    // Who may decide is asked of those alone that are on the page.
    std::vector<AskingJob> shown;
    ListPage page = MakeListPage(jobs, asked->paging, false, PlaceOf, [&](const AskingJob& job) {
        shown.push_back(job);
        return std::string();
    });
    page.items.clear();
    for (const AskingJob& job : shown) {
        const std::string why_not =
            co_await WhyNotDecide(approvals.backend.visibility, call.caller, *job);
        page.items += (page.items.empty() ? "" : ",") + QuestionJson(*job, why_not);
    }
    co_return TaggedJson(page.Json());
}

// ---- decide ----

Problem Wrong(const std::string& field, std::string message) {
    Problem problem = BadRequest("body", field + " " + message);
    problem.errors.front() = {.field = field, .reason = "", .message = std::move(message)};
    return problem;
}

// The DLJobApproval that the body of ApproveJob or DenyJob means. What its fields may be, the API
// server checks.
std::expected<json::object, Problem> ApprovalOf(const Call& call, bool approve) {
    auto body = ReadBody(call.request.body, false);
    if (!body) return std::unexpected(std::move(body.error()));
    const json::object* given = body->value.if_object();
    if (!given) return std::unexpected(BadRequest("body", "must be an object"));
    json::object spec{{"jobName", call.Name("job")}, {"decision", approve ? "Approve" : "Deny"}};
    for (const auto& [key, value] : *given) {
        const bool list = key == "classes";
        const bool known = list || key == "uid" || key == "templateHash" || key == "reason" ||
                           (approve && key == "expiresAt");
        if (!known) return std::unexpected(Wrong(key, "is no field here"));
        if (list ? !value.is_array() : !value.is_string())
            return std::unexpected(Wrong(key, list ? "must be a list" : "must be text"));
        spec[key == "uid" ? std::string_view("jobUID") : std::string_view(key)] = value;
    }
    for (const char* needed : {"uid", "templateHash", "classes"})
        if (!given->contains(needed)) return std::unexpected(Wrong(needed, "is missing"));
    if (!approve && !given->contains("reason"))
        return std::unexpected(Wrong("reason", "is missing; who submitted the job reads it"));
    return json::object{
        {"apiVersion", model::kApiVersion},
        {"kind", model::kDLJobApprovalKind},
        {"metadata", {{"generateName", call.Name("job") + "-"}, {"namespace", call.Namespace()}}},
        {"spec", std::move(spec)}};
}

kube::Awaitable<Outcome> Decide(const Approvals& approvals, Call call, bool approve) {
    auto approval = ApprovalOf(call, approve);
    if (!approval) co_return std::unexpected(std::move(approval.error()));
    auto options = AsCaller(call.caller, kube::WriteOptions());
    options.field_manager = "dlws-portal";
    options.strict = true;
    auto made = co_await approvals.backend.users.Create(
        kDLJobApprovals, call.Namespace(), json::serialize(*approval), std::move(options));
    if (!made) co_return std::unexpected(FromError(made.error()));
    co_return JsonAnswer(json::serialize(json::object{{"approval", (*made)->meta.name}}), 201);
}

kube::Awaitable<Outcome> RevokeApproval(const Approvals& approvals, Call call) {
    auto options = AsCaller(call.caller, kube::DeleteOptions());
    const auto meant = ReadUid(call.query);
    if (!meant) co_return std::unexpected(meant.error());
    options.uid = *meant;
    const bool named = !options.uid.empty();
    kube::ObjectKey key(call.Namespace(), call.Name("approval"));
    auto deleted = co_await approvals.backend.users.Delete(kDLJobApprovals, std::move(key),
                                                           std::move(options));
    if (!deleted && named && deleted.error().code == 409)
        co_return std::unexpected(
            Problem(409, "WrongObject", "It is another object than the one that is meant",
                    "The approval was deleted and made anew. Look at it again."));
    if (!deleted) co_return std::unexpected(FromError(deleted.error()));
    kube::HttpAnswer answer;
    answer.status = 204;
    co_return answer;
}

}  // namespace

kube::Awaitable<std::string> WhyNotDecide(const Visibility& visibility, const Caller& caller,
                                          const model::DLJob& job) {
    model::Approver approver;
    approver.username = caller.username;
    approver.uid = caller.uid;
    approver.groups = caller.groups;
    const std::string& ns = job.meta.ns;
    std::string same = model::FourEyes(job.spec.submittedBy, approver, ns);
    if (!same.empty()) co_return same;
    const std::string approve(model::kApproveVerb);
    Question make("create", kGroup, std::string(model::kDLJobApprovalPlural), ns);
    Question decide(approve, kGroup, std::string(model::kDLJobPlural), ns, job.meta.name);
    const bool may_make = co_await visibility.May(caller, std::move(make));
    const bool may_decide = co_await visibility.May(caller, std::move(decide));
    if (!may_make || !may_decide)
        co_return fmt::format(
            "You may not approve jobs in {}. Who runs it can bind the role dlworkspace-approver to "
            "you.",
            ns);
    for (const model::PermissionClass c : job.status.approval->classes) {
        const std::string name(ToString(c));
        Question of_class(approve, kGroup, std::string(model::kPermissionClassPlural), ns, name);
        const bool may = co_await visibility.May(caller, std::move(of_class));
        if (!may) co_return fmt::format("You may not approve {} in {}.", name, ns);
    }
    co_return "";
}

std::string QuestionJson(const model::DLJob& job, const std::string& why_not) {
    const model::ApprovalStatus& asked = *job.status.approval;
    const auto texts = [](const std::vector<std::string>& from, std::size_t most,
                          std::size_t length) {
        json::array list;
        for (const std::string& text : from)
            if (list.size() < most) list.push_back(json::value(model::Cut(text, length)));
        return list;
    };
    json::array classes;
    for (const model::PermissionClass c : asked.classes)
        classes.push_back(json::value(ToString(c)));
    std::set<std::string> images;
    if (!job.spec.image.empty()) images.insert(job.spec.image);
    for (const model::Role& role : job.spec.roles)
        if (!role.image.empty()) images.insert(role.image);
    json::object o{
        {"namespace", job.meta.ns},
        {"job", job.meta.name},
        {"uid", job.meta.uid},
        {"submittedBy", job.spec.submittedBy ? model::Cut(job.spec.submittedBy->username, 512)
                                             : std::string_view()},
        {"since", model::FormatTime(AskedSince(job))},
        {"state", ToString(asked.state)},
        {"templateHash", asked.templateHash},
        {"classes", std::move(classes)},
        {"asks", texts(asked.asks, 80, 1'100)},
        {"mounts", texts(asked.mounts, 256, 300)},
        {"images", texts({images.begin(), images.end()}, 16, 512)},
        {"diff", model::Cut(asked.diff, model::kMaxDiff)},
        {"mayDecide", why_not.empty()}};
    model::PutText(o, "whyNot", why_not, 512);
    model::PutText(o, "approval", asked.approval, 253);
    model::PutText(o, "approver", asked.approver, 512);
    model::PutText(o, "reason", asked.reason, 512);
    model::PutTime(o, "expiresAt", asked.expiresAt);
    return json::serialize(o);
}

void AddApprovals(Router& router, const Approvals& approvals) {
    router.Add(
        {.id = "ListApprovals",
         .method = "GET",
         .path = "/api/v1/approvals",
         .query = {{"namespace", true}, {"state", true}, {"limit"}, {"cursor"}},
         .handler = [&approvals](Call call) { return ListApprovals(approvals, std::move(call)); }});
    for (const auto& [id, action, approve] :
         {std::tuple{"ApproveJob", "approve", true}, std::tuple{"DenyJob", "deny", false}})
        router.Add({.id = id,
                    .method = "POST",
                    .path = std::string("/api/v1/namespaces/{namespace}/jobs/{job}/") + action,
                    .media = {"application/json"},
                    .handler = [&approvals, approve](Call call) {
                        return Decide(approvals, std::move(call), approve);
                    }});
    router.Add({.id = "RevokeApproval",
                .method = "DELETE",
                .path = "/api/v1/namespaces/{namespace}/approvals/{approval}",
                .query = {{"uid"}},
                .handler = [&approvals](Call call) {
                    return RevokeApproval(approvals, std::move(call));
                }});
}

}  // namespace dlws::portal

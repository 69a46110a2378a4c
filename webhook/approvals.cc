// SPDX-License-Identifier: Apache-2.0
#include "webhook/approvals.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>

#include "kube/audit.h"
#include "model/names.h"
#include "model/resources.h"

namespace dlws::webhook {

namespace json = boost::json;

namespace {

constexpr std::string_view kServiceAccount = "system:serviceaccount:";

model::Approver AskedBy(const Review& review) {
    model::Approver who;
    who.username = review.user.username;
    who.uid = review.user.uid;
    who.groups = review.groups;
    return who;
}

model::Question QuestionOf(const Review& review, const model::Approval& approval) {
    return {.ns = review.ns,
            .jobName = approval.jobName,
            .jobUid = approval.jobUid,
            .templateHash = approval.templateHash,
            .classes = approval.classes};
}

}  // namespace

bool IsApproval(const Review& review) {
    return review.group == model::kGroup && review.resource == model::kDLJobApprovalPlural &&
           review.subresource.empty();
}

kube::Awaitable<std::expected<Facts, std::string>> LookUp(kube::Api& api, const Review& review) {
    Facts facts;
    facts.now = std::chrono::floor<std::chrono::seconds>(api.ServerTime());
    auto approval = model::ParseDLJobApproval(review.object);
    if (!approval) co_return facts;  // refused for what it is
    kube::CallOptions patience;
    patience.deadline = std::chrono::seconds(3);
    kube::ObjectKey key{review.ns, approval->jobName};
    auto found = co_await api.Get(kDLJobs, std::move(key), patience);
    if (!found && !found.error().IsNotFound()) co_return std::unexpected(found.error().message);
    if (found) {
        auto job = model::ParseDLJob(found.value()->raw);
        if (!job) co_return std::unexpected(job.error());
        facts.job = std::move(*job);
    }
    const model::Question question = QuestionOf(review, *approval);
    const auto reviews = model::MayApproveReviews(AskedBy(review), question);
    for (std::size_t i = 0; i < reviews.size(); ++i) {
        std::string body = reviews[i];
        auto answer = co_await api.Ask(kube::kSubjectAccessReviews, std::move(body));
        if (!answer) co_return std::unexpected(answer.error().message);
        if (model::IsAllowed(*answer)) continue;
        facts.missing_right =
            i == 0 ? "dljobs"
                   : fmt::format("permissionclasses {}", model::ToString(question.classes[i - 1]));
        break;
    }
    co_return facts;
}

Verdict StampApprover(const Review& review) {
    if (review.operation != "CREATE") return {};
    json::object stamp{{"username", review.user.username}};
    if (!review.user.uid.empty()) stamp["uid"] = review.user.uid;
    if (!review.groups.empty()) stamp["groups"] = json::value_from(review.groups);
    json::parse_options options;
    options.max_depth = kMaxDepth;
    const json::value object = json::parse(review.object, {}, options);
    const json::object* fields = object.if_object();
    const json::value* spec = fields ? fields->if_contains("spec") : nullptr;
    if (!spec || !spec->is_object()) return {};  // the CRD refuses it, in better words
    const json::value* is = spec->get_object().if_contains("approver");
    if (is && *is == json::value(stamp)) return {};
    return {.patch = json::serialize(json::array{json::object{
                {"op", "add"}, {"path", "/spec/approver"}, {"value", std::move(stamp)}}})};
}

Verdict ValidateApproval(const Review& review, const Facts& facts,
                         const std::vector<std::string>& service_accounts) {
    if (review.operation != "CREATE") return {};
    const auto approval = model::ParseDLJobApproval(review.object);
    if (!approval) return Refuse(422, "Invalid", approval.error());
    const std::string& who = review.user.username;
    if (!approval->approver || *approval->approver != AskedBy(review))
        return Refuse(403, "Forbidden",
                      "spec.approver is written by admission alone; leave it out");
    if (who.starts_with(kServiceAccount) &&
        std::ranges::find(service_accounts, who) == service_accounts.end())
        return Refuse(403, "Forbidden",
                      fmt::format("{} is a ServiceAccount, and those approve only when an "
                                  "administrator lists them (chart value "
                                  "policies.approverServiceAccounts)",
                                  who));
    if (who.starts_with(fmt::format("{}{}:", kServiceAccount, review.ns)))
        return Refuse(403, "Forbidden",
                      fmt::format("{} is of the job's own namespace, where its submitter may use "
                                  "it; somebody else must decide",
                                  who));
    const std::string again = fmt::format(
        "take the one that the job shows now: kubectl -n {} get dljob {} -o "
        "jsonpath='{{.status.approval.manifest}}'",
        review.ns, approval->jobName);
    if (!facts.job)
        return Refuse(
            422, "Invalid",
            fmt::format("there is no DLJob {} in namespace {}", approval->jobName, review.ns));
    const model::DLJob& job = *facts.job;
    if (job.meta.uid != approval->jobUid)
        return Refuse(422, "Invalid", "spec.jobUID is that of another job; " + again);
    if (std::string why = model::FourEyes(job.spec.submittedBy, approval->approver, review.ns);
        !why.empty())
        return Refuse(403, "Forbidden", why);
    if (!facts.missing_right.empty())
        return Refuse(
            403, "Forbidden",
            fmt::format("{} lacks the verb approve on {} in namespace {}; an administrator "
                        "can bind the ClusterRole dlworkspace-approver there",
                        who, facts.missing_right, review.ns));
    const auto& asked = job.status.approval;
    if (!asked)
        return Refuse(422, "Invalid",
                      "the job asks for nothing that needs an approval, or not yet");
    if (model::IsTrue(job.status.conditions, model::kConditionFinished))
        return Refuse(422, "Invalid", "the job has ended");
    if (asked->templateHash != approval->templateHash)
        return Refuse(422, "Invalid", "spec.templateHash is not that of what would run; " + again);
    if (approval->classes != asked->classes)
        return Refuse(422, "Invalid", "spec.classes are not those that the job asks for; " + again);
    if (model::IsExpired(*approval, facts.now))
        return Refuse(
            422, "Invalid",
            fmt::format("spec.expiresAt {} has passed: it is {} now",
                        model::FormatTime(*approval->expiresAt), model::FormatTime(facts.now)));
    return {};
}

void AuditReview(const Review& review, const Verdict& verdict) {
    if (review.dry_run) return;
    kube::AuditFields fields{{"user", review.user.username}, {"uid", review.user.uid}};
    std::string event;
    if (IsApproval(review)) {
        const bool deletes = review.operation == "DELETE";
        const auto a = model::ParseDLJobApproval(deletes ? review.old_object : review.object);
        event = deletes ? "revoke" : a && a->approves ? "approve" : "deny";
        if (review.operation == "UPDATE") return;  // of metadata alone
        if (a) {
            fields.emplace_back("job", review.ns + "/" + a->jobName);
            fields.emplace_back("jobUID", a->jobUid);
            fields.emplace_back("templateHash", a->templateHash);
            fields.emplace_back("classes", model::Join(a->classes, ","));
            fields.emplace_back("reason", a->reason);
        }
        if (!review.name.empty()) fields.emplace_back("approval", review.name);
    } else {
        if (review.operation != "CREATE" || review.resource != model::kDLJobPlural) return;
        const auto job = model::ParseDLJob(review.object);
        if (!job || !job->spec.permissions.Any()) return;
        event = "request";
        fields.emplace_back("job", review.ns + "/" + job->meta.name);
        fields.emplace_back("jobUID", job->meta.uid);
        fields.emplace_back("classes", model::Join(model::ClassesOf(job->spec.permissions), ","));
    }
    if (!verdict.allowed) {
        fields.emplace_back("refused", event);
        fields.emplace_back("because", verdict.message);
        event = "refusal";
    }
    kube::Audit(event, fields);
}

}  // namespace dlws::webhook

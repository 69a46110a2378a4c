// SPDX-License-Identifier: Apache-2.0
#include "operator/job/permit.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>

#include "model/names.h"
#include "model/owned.h"
#include "operator/job/executor.h"

namespace dlws::job {

namespace json = boost::json;

namespace {

// The exact bytes, as text: an object would be the API server's to write in its own way.
constexpr std::string_view kBytes = "canonical";

std::string RevisionBody(const model::Metadata& job, const std::string& bytes) {
    return json::serialize(json::object{
        {"apiVersion", "apps/v1"},
        {"kind", "ControllerRevision"},
        {"metadata", model::OwnedMeta(job, model::TemplateRevisionName(job.name, job.uid))},
        {"data", json::object{{kBytes, bytes}}},
        {"revision", 1}});
}

Kept ReadKept(const kube::Object& revision) {
    Kept kept;
    json::error_code error;
    const json::value document = json::parse(revision.raw, error);
    const json::value* bytes = error ? nullptr : document.find_pointer("/data/canonical", error);
    if (!bytes || !bytes->is_string()) return kept;
    const std::string_view text = bytes->get_string();
    kept.hash = model::Sha256Hex(text);
    if (auto rendered = model::ParseRendered(text))
        kept.rendered = std::make_shared<const model::Rendered>(std::move(*rendered));
    return kept;
}

}  // namespace

Read<std::vector<model::Approval>> ReadApprovals(kube::Api& api, const World& world) {
    std::vector<model::Approval> approvals;
    kube::ListOptions options;
    options.ns = world.job.meta.ns;
    do {
        kube::ListOptions page_options = options;
        auto page = co_await api.List(kDLJobApprovals, std::move(page_options));
        if (!page) co_return std::unexpected(page.error());
        for (const kube::ObjectPtr& object : page->items) {
            auto approval = model::ParseDLJobApproval(object->raw);
            if (approval && approval->jobUid == world.job.meta.uid)
                approvals.push_back(std::move(*approval));
        }
        options.continue_token = page->continue_token;
    } while (!options.continue_token.empty());
    co_return approvals;
}

Read<Kept> KeepTemplate(kube::Api& api, const World& world, const model::Rendered* rendered) {
    const model::Metadata& job = world.job.meta;
    kube::ObjectKey key{job.ns, model::TemplateRevisionName(job.name, job.uid)};
    auto found = co_await api.Get(kube::kControllerRevisions, std::move(key));
    if (!found && found.error().IsNotFound()) {
        if (!rendered) co_return Kept{};
        std::string body = RevisionBody(job, model::CanonicalBytes(*rendered));
        std::string ns = job.ns;
        found = co_await api.Create(kube::kControllerRevisions, std::move(ns), std::move(body));
    }
    if (!found) co_return std::unexpected(found.error());
    co_return ReadKept(*found.value());
}

Read<std::string> MayStillApprove(kube::Api& api, const Permit& permit) {
    for (std::string& review :
         model::MayApproveReviews(*permit.approval.approver, permit.question)) {
        std::string body = std::move(review);
        auto answer = co_await api.Ask(kube::kSubjectAccessReviews, std::move(body));
        if (!answer) co_return std::unexpected(answer.error());
        if (!model::IsAllowed(*answer))
            co_return fmt::format("{} has not the right to approve it any more",
                                  permit.approval.approver->username);
    }
    co_return "";
}

Read<std::string> StillHolds(kube::Api& api, const World& world, const Permit& permit) {
    const model::Metadata& meta = world.job.meta;
    kube::ObjectKey job_key{meta.ns, meta.name};
    auto found_job = co_await api.Get(kDLJobs, std::move(job_key));
    if (!found_job && !found_job.error().IsNotFound()) co_return std::unexpected(found_job.error());
    auto job = found_job ? model::ParseDLJob(found_job.value()->raw)
                         : std::unexpected(std::string("the job is gone"));
    if (!job) co_return job.error();
    if (job->meta.uid != meta.uid || job->meta.Deleting()) co_return "the job is gone";
    if (job->spec.stop || job->spec.suspend) co_return "the job is to have no pods any more";

    kube::ObjectKey key{meta.ns, permit.approval.meta.name};
    auto found = co_await api.Get(kDLJobApprovals, std::move(key));
    if (!found && !found.error().IsNotFound()) co_return std::unexpected(found.error());
    auto approval = found ? model::ParseDLJobApproval(found.value()->raw)
                          : std::unexpected(std::string("the approval was taken back"));
    if (!approval) co_return approval.error();
    if (approval->meta.uid != permit.approval.meta.uid) co_return "the approval was taken back";
    if (!approval->approves) co_return "the approval says no";
    model::Question question = permit.question;
    question.submitter = job->spec.submittedBy;
    const auto now = std::chrono::floor<std::chrono::seconds>(api.ServerTime());
    co_return model::WhyItDoesNotCount(*approval, question, now, permit.since);
}

}  // namespace dlws::job

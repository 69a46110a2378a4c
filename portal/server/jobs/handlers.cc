// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/handlers.h"

#include <algorithm>
#include <vector>

#include "kube/together.h"
#include "model/approval.h"
#include "model/names.h"
#include "portal/server/jobs/page.h"

namespace dlws::portal {

namespace {

const std::string kGroup(model::kGroup);

kube::Awaitable<void> Ask(const Visibility& visibility, const Caller& caller, Question question,
                          bool& may) {
    may = co_await visibility.May(caller, std::move(question));
}

kube::Awaitable<Outcome> ListJobs(const Jobs& jobs, Call call) {
    auto query = ParseQuery(call.query);
    if (!query && query.error().name == "cursor")
        co_return std::unexpected(CursorInvalid(std::move(query.error().message)));
    if (!query)
        co_return std::unexpected(
            BadRequest("query." + query.error().name, std::move(query.error().message)));
    auto visible = co_await jobs.backend.visibility.Of(call.caller, "list", "dljobs",
                                                       query->filter.namespaces);
    if (!visible) co_return std::unexpected(std::move(visible.error()));
    const Page page = MakePage(jobs.table, *query, *visible, call.caller.username);
    kube::HttpAnswer answer = JsonAnswer(PageJson(page, *visible, jobs.stream_id()));
    answer.fields.emplace_back("ETag", ETagOf(page, *query, *visible));
    co_return answer;
}

kube::Awaitable<Outcome> GetJobDetail(const Jobs& jobs, Call call) {
    const std::string &ns = call.Namespace(), &name = call.Name("job");
    Question question("get", kGroup, "dljobs", ns, name);
    auto may = co_await jobs.backend.visibility.Must(call.caller, std::move(question));
    if (!may) co_return std::unexpected(std::move(may.error()));
    auto detail = co_await DetailOf(jobs, call.caller, ns, name);
    if (!detail) co_return std::unexpected(NotFound("job"));
    co_return TaggedJson(std::move(*detail));
}

// All that is asked of who approves: not their own job, and each class by its name.
std::vector<Question> ApproveQuestions(const Caller& caller, const model::DLJob& job) {
    const auto& approval = job.status.approval;
    if (!approval || approval->state != model::ApprovalStatus::Awaiting) return {};
    model::Approver approver;
    approver.username = caller.username;
    approver.uid = caller.uid;
    approver.groups = caller.groups;
    if (!model::FourEyes(job.spec.submittedBy, approver, job.meta.ns).empty()) return {};
    const std::string& ns = job.meta.ns;
    const std::string approve(model::kApproveVerb);
    std::vector<Question> questions = {
        Question("create", kGroup, std::string(model::kDLJobApprovalPlural), ns),
        Question(approve, kGroup, std::string(model::kDLJobPlural), ns, job.meta.name)};
    for (const model::PermissionClass c : approval->classes)
        questions.emplace_back(approve, kGroup, std::string(model::kPermissionClassPlural), ns,
                               std::string(ToString(c)));
    return questions;
}

}  // namespace

kube::Awaitable<Can> CanDo(const Backend& backend, const Caller& caller, const model::DLJob& job) {
    const std::string &ns = job.meta.ns, &name = job.meta.name;
    Can can;
    const std::vector<Question> approve = ApproveQuestions(caller, job);
    std::unique_ptr<bool[]> approved(new bool[approve.size()]());
    std::vector<kube::Awaitable<void>> asked;
    const auto ask = [&](Question question, bool& may) {
        asked.push_back(Ask(backend.visibility, caller, std::move(question), may));
    };
    ask({"patch", kGroup, "dljobs", ns, name}, can.change);
    ask({"delete", kGroup, "dljobs", ns, name}, can.remove);
    ask({"get", "", "pods", ns, "", "log"}, can.read_logs);
    ask({"list", "", "pods", ns}, can.list_pods);
    for (std::size_t i = 0; i < approve.size(); ++i)
        ask(approve[i], approved[i]);
    co_await kube::Together(std::move(asked));
    can.approve = !approve.empty() &&
                  std::all_of(approved.get(), approved.get() + approve.size(), std::identity());
    co_return can;
}

kube::Awaitable<std::optional<std::string>> DetailOf(const Jobs& jobs, const Caller& caller,
                                                     std::string ns, std::string name) {
    const kube::ObjectKey key(ns, name);
    auto job = std::expected<model::DLJob, std::string>(std::unexpect);
    if (const kube::ObjectPtr stored = jobs.store.Get(key)) job = model::ParseDLJob(stored->raw);
    Can can;
    if (job) can = co_await CanDo(jobs.backend, caller, *job);
    // It may have changed while the API server was asked.
    const kube::ObjectPtr stored = jobs.store.Get(key);
    const RowPtr row = jobs.table.ByName(ns, name);
    if (!stored || !row) co_return std::nullopt;
    co_return DetailJson(*stored, *row, can, job ? jobs.folder(*job) : "");
}

void AddJobs(Router& router, const Jobs& jobs) {
    router.Add({.id = "ListJobs",
                .method = "GET",
                .path = "/api/v1/jobs",
                .query = {kJobParameters.begin(), kJobParameters.end()},
                .handler = [&jobs](Call call) { return ListJobs(jobs, std::move(call)); }});
    router.Add({.id = "GetJobDetail",
                .method = "GET",
                .path = "/api/v1/namespaces/{namespace}/jobs/{job}",
                .handler = [&jobs](Call call) { return GetJobDetail(jobs, std::move(call)); }});
}

}  // namespace dlws::portal

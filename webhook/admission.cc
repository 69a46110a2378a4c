// SPDX-License-Identifier: Apache-2.0
#include "webhook/admission.h"

#include <chrono>

#include "webhook/approvals.h"
#include "webhook/rules.h"

namespace dlws::webhook {

namespace {

// Names and buckets of controller-runtime's webhook server.
constexpr std::string_view kLatency = "controller_runtime_webhook_latency_seconds";
constexpr std::string_view kRequests = "controller_runtime_webhook_requests_total";
constexpr std::string_view kDecisions = "dlws_approval_decisions_total";

}  // namespace

Admission::Admission(kube::Api& api, kube::Metrics& metrics, Cluster cluster,
                     std::vector<std::string> service_accounts)
    : api_(api),
      metrics_(metrics),
      cluster_(std::move(cluster)),
      service_accounts_(std::move(service_accounts)) {
    metrics_.Describe(kLatency, "Time to answer an admission review",
                      {0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5});
    metrics_.Describe(kRequests, "Admission reviews by path and HTTP status");
    metrics_.Describe(kDecisions, "DLJobApprovals that were accepted, by decision");
    for (const char* decision : {"Approve", "Deny"})
        metrics_.Count(kDecisions, {{"decision", decision}}, 0);
    metrics_.Describe("dlws_admission_refusals_total", "Requests that a rule refused");
}

kube::Awaitable<kube::HttpAnswer> Admission::Answer(kube::HttpRequest request) {
    const auto began = std::chrono::steady_clock::now();
    kube::HttpAnswer answer = co_await AnswerIt(request);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    // Paths that we do not know are a caller's invention: no series for each of them.
    const std::string path = answer.status == 404 ? "other" : request.path;
    metrics_.Observe(kLatency, {{"webhook", path}}, took.count());
    metrics_.Count(kRequests, {{"webhook", path}, {"code", std::to_string(answer.status)}});
    co_return answer;
}

kube::Awaitable<kube::HttpAnswer> Admission::AnswerIt(const kube::HttpRequest& request) {
    const bool mutate = request.path == "/mutate";
    if (!mutate && request.path != "/validate" && request.path != "/audit")
        co_return kube::Refusal(404, "nothing is here");
    if (request.method != "POST") {
        kube::HttpAnswer answer = kube::Refusal(405, "POST an AdmissionReview");
        answer.fields = {{"Allow", "POST"}};
        co_return answer;
    }
    if (!request.Field("content-type").starts_with("application/json"))
        co_return kube::Refusal(415, "POST an AdmissionReview as application/json");
    const auto review = ParseReview(request.body);
    if (!review) co_return kube::Refusal(400, review.error());
    // A deletion is told, and never kept from happening.
    const bool deletion = review->operation == "DELETE";
    std::expected<Verdict, std::string> verdict = Verdict();
    if (!deletion) verdict = co_await Judge(*review, mutate);
    if (!verdict) co_return kube::Refusal(500, verdict.error());
    if (!mutate) AuditReview(*review, *verdict);
    if (!verdict->allowed)
        metrics_.Count("dlws_admission_refusals_total", {{"reason", verdict->reason}});
    if (IsApproval(*review) && verdict->allowed && !mutate && !review->dry_run &&
        review->operation == "CREATE") {
        const auto approval = model::ParseDLJobApproval(review->object);
        metrics_.Count(kDecisions,
                       {{"decision", approval && approval->approves ? "Approve" : "Deny"}});
    }
    kube::HttpAnswer answer;
    answer.content_type = "application/json";
    answer.body = AnswerReview(review->uid, *verdict);
    co_return answer;
}

// Error: it could not be found out. The request is refused then, for failurePolicy is Fail.
kube::Awaitable<std::expected<Verdict, std::string>> Admission::Judge(const Review& review,
                                                                      bool mutate) {
    if (!IsApproval(review)) {
        const auto cluster = cluster_();
        co_return mutate ? Mutate(review) : Validate(review, cluster.get());
    }
    if (mutate) co_return StampApprover(review);
    if (review.operation != "CREATE") co_return Verdict();
    auto facts = co_await LookUp(api_, review);
    if (!facts) co_return std::unexpected(facts.error());
    co_return ValidateApproval(review, *facts, service_accounts_);
}

}  // namespace dlws::webhook

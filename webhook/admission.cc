// SPDX-License-Identifier: Apache-2.0
#include "webhook/admission.h"

#include <chrono>

#include "webhook/rules.h"

namespace dlws::webhook {

namespace {

// Names and buckets of controller-runtime's webhook server.
constexpr std::string_view kLatency = "controller_runtime_webhook_latency_seconds";
constexpr std::string_view kRequests = "controller_runtime_webhook_requests_total";

}  // namespace

Admission::Admission(kube::Metrics& metrics, Cluster cluster)
    : metrics_(metrics), cluster_(std::move(cluster)) {
    metrics_.Describe(kLatency, "Time to answer an admission review",
                      {0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5});
    metrics_.Describe(kRequests, "Admission reviews by path and HTTP status");
    metrics_.Describe("dlws_admission_refusals_total", "Requests that a rule refused");
}

kube::Awaitable<kube::HttpAnswer> Admission::Answer(kube::HttpRequest request) {
    const auto began = std::chrono::steady_clock::now();
    kube::HttpAnswer answer = AnswerNow(request);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    // Paths that we do not know are a caller's invention: no series for each of them.
    const std::string path = answer.status == 404 ? "other" : request.path;
    metrics_.Observe(kLatency, {{"webhook", path}}, took.count());
    metrics_.Count(kRequests, {{"webhook", path}, {"code", std::to_string(answer.status)}});
    co_return answer;
}

kube::HttpAnswer Admission::AnswerNow(const kube::HttpRequest& request) const {
    const bool mutate = request.path == "/mutate";
    if (!mutate && request.path != "/validate") return kube::Refusal(404, "nothing is here");
    if (request.method != "POST") {
        kube::HttpAnswer answer = kube::Refusal(405, "POST an AdmissionReview");
        answer.fields = {{"Allow", "POST"}};
        return answer;
    }
    if (!request.Field("content-type").starts_with("application/json"))
        return kube::Refusal(415, "POST an AdmissionReview as application/json");
    const auto review = ParseReview(request.body);
    if (!review) return kube::Refusal(400, review.error());
    const auto cluster = cluster_();
    const Verdict verdict = mutate ? Mutate(*review) : Validate(*review, cluster.get());
    if (!verdict.allowed)
        metrics_.Count("dlws_admission_refusals_total", {{"reason", verdict.reason}});
    kube::HttpAnswer answer;
    answer.content_type = "application/json";
    answer.body = AnswerReview(review->uid, verdict);
    return answer;
}

}  // namespace dlws::webhook

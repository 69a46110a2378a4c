// SPDX-License-Identifier: Apache-2.0
#include "portal/server/metrics/handlers.h"

#include "kube/log.h"
#include "model/names.h"
#include "portal/server/metrics/answer.h"
#include "portal/server/metrics/ask.h"

namespace dlws::portal {
namespace {

constexpr const char* kNone =
    "No Prometheus is set up. An administrator can name one (portal.prometheus.url in the chart's "
    "values).";

kube::Awaitable<std::expected<JobLogs, Problem>> FindJob(const JobMetrics& metrics,
                                                         const Call& call) {
    const std::string &ns = call.Namespace(), &name = call.Name("job");
    const Visibility& visibility = metrics.backend.visibility;
    Question get("get", std::string(model::kGroup), std::string(model::kDLJobPlural), ns, name);
    auto may = co_await visibility.Must(call.caller, std::move(get));
    if (!may) co_return std::unexpected(std::move(may.error()));
    Question list("list", "", "pods", ns);
    may = co_await visibility.Must(call.caller, std::move(list));
    if (!may) co_return std::unexpected(std::move(may.error()));
    auto job = metrics.find(ns, name);
    if (!job) co_return std::unexpected(NotFound("job"));
    co_return std::move(*job);
}

model::Time Now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

kube::Awaitable<Outcome> GetJobMetrics(const JobMetrics& metrics, Call call) {
    const auto ask = ReadMetricsAsk(call.query);
    if (!ask) co_return std::unexpected(ask.error());
    const auto job = co_await FindJob(metrics, call);
    if (!job) co_return std::unexpected(job.error());
    const auto plan = PlanMetrics(*ask, *job, Now(), metrics.scrape_seconds, metrics.matchers);
    if (!plan) co_return std::unexpected(plan.error());
    if (!metrics.prometheus) co_return JsonAnswer(NoMetricsJson(ask->metric, kNone));
    if (!plan->range) co_return JsonAnswer(MetricsJson(*plan, {}));
    auto query = PromQl(plan->query);
    if (!query) {
        kube::LogError("metrics", "{}/{} cannot be asked about", call.Namespace(),
                       call.Name("job"));
        co_return std::unexpected(Internal());
    }
    const auto body = co_await metrics.prometheus->Range(std::move(*query), *plan->range);
    if (!body) co_return JsonAnswer(NoMetricsJson(ask->metric, body.error()));
    const auto series = ReadMatrix(*body, *plan);
    if (!series)
        co_return JsonAnswer(NoMetricsJson(ask->metric, "What Prometheus answers is no answer."));
    co_return JsonAnswer(MetricsJson(*plan, *series));
}

}  // namespace

void AddJobMetrics(Router& router, const JobMetrics& metrics) {
    router.Add(
        {.id = "GetJobMetrics",
         .method = "GET",
         .path = "/api/v1/namespaces/{namespace}/jobs/{job}/metrics",
         .query = {{"metric"}, {"from"}, {"to"}, {"rank", true}},
         .handler = [&metrics](Call call) { return GetJobMetrics(metrics, std::move(call)); }});
}

}  // namespace dlws::portal

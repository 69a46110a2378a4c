// SPDX-License-Identifier: Apache-2.0
#include "kube/client_metrics.h"

namespace dlws::kube::internal {
namespace {

constexpr const char* kRequests = "rest_client_requests_total";
constexpr const char* kDuration = "rest_client_request_duration_seconds";

}  // namespace

void RequestTally::Describe(Metrics& metrics) {
    metrics.Describe(kRequests,
                     "Number of HTTP requests, partitioned by status code, method, and host");
    metrics.Describe(kDuration, "Request latency in seconds, broken down by verb and host",
                     {0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60});
}

void RequestTally::Finish(const std::string& code) {
    if (!metrics_) return;
    const std::string host(host_), method(method_);
    metrics_->Count(kRequests, {{"code", code}, {"method", method}, {"host", host}});
    if (!watch_) {
        const std::chrono::duration<double> took = Clock::now() - began_;
        metrics_->Observe(kDuration, {{"verb", method}, {"host", host}}, took.count());
    }
    metrics_ = nullptr;
}

}  // namespace dlws::kube::internal

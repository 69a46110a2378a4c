// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kube/api.h"
#include "kube/http_server.h"
#include "kube/metrics.h"
#include "model/dlcluster.h"
#include "webhook/review.h"

namespace dlws::webhook {

/// Answers the API server's questions: POST /mutate, /validate and /audit (which only tells of
/// deletions) with an AdmissionReview.
///
///     Admission admission(client, metrics, [&] { return cluster; });
///     HttpServer server(executor, address, port,
///                       [&](HttpRequest r) { return admission.Answer(std::move(r)); }, …);
///
/// What is no AdmissionReview is 400. Anything that goes wrong is an HTTP error: with
/// failurePolicy Fail the API server then refuses the request.
class Admission {
  public:
    using Cluster = std::function<std::shared_ptr<const model::DLCluster>()>;
    /// `api`: where jobs and rights are looked up for approvals; `service_accounts`: those that may
    /// approve.
    Admission(kube::Api& api, kube::Metrics& metrics, Cluster cluster,
              std::vector<std::string> service_accounts = {});

    kube::Awaitable<kube::HttpAnswer> Answer(kube::HttpRequest request);

  private:
    kube::Awaitable<kube::HttpAnswer> AnswerIt(const kube::HttpRequest& request);
    kube::Awaitable<std::expected<Verdict, std::string>> Judge(const Review& review, bool mutate);

    kube::Api& api_;
    kube::Metrics& metrics_;
    Cluster cluster_;
    std::vector<std::string> service_accounts_;
};

}  // namespace dlws::webhook

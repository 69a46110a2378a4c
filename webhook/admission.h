// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "kube/http_server.h"
#include "kube/metrics.h"
#include "model/dlcluster.h"

namespace dlws::webhook {

/// Answers the API server's questions: POST /mutate and /validate with an AdmissionReview.
///
///     Admission admission(metrics, [&] { return cluster; });
///     HttpServer server(executor, address, port,
///                       [&](HttpRequest r) { return admission.Answer(std::move(r)); }, …);
///
/// What is no AdmissionReview is 400. Anything that goes wrong is an HTTP error: with
/// failurePolicy Fail the API server then refuses the request.
class Admission {
  public:
    using Cluster = std::function<std::shared_ptr<const model::DLCluster>()>;
    Admission(kube::Metrics& metrics, Cluster cluster);

    kube::Awaitable<kube::HttpAnswer> Answer(kube::HttpRequest request);

  private:
    kube::HttpAnswer AnswerNow(const kube::HttpRequest& request) const;

    kube::Metrics& metrics_;
    Cluster cluster_;
};

}  // namespace dlws::webhook

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "kube/http_message.h"
#include "kube/metrics.h"
#include "portal/server/callers.h"
#include "portal/server/limits.h"
#include "portal/server/router.h"

namespace dlws::portal {

/// All that happens to a request before and after its operation: from another site it is refused,
/// it is routed and its parameters are checked, who calls is found out, limits are kept; what went
/// wrong becomes problem+json; each answer has security headers, each request a line in the log
/// (operationId, status, time and number, nothing else of it).
///
/// Confined to the server's executor; all it is given outlives it.
class Front {
  public:
    struct Parts {
        const Router& router;
        const Callers& callers;
        Verdicts& verdicts;
        Limits& limits;
        kube::Metrics& metrics;
        /// Since when what the caches hold may be old; absent: it is not.
        std::function<std::optional<std::chrono::system_clock::time_point>()> stale;
        /// Why nothing can be answered yet; empty: it can.
        std::function<std::string()> lacks;
        /// What is no operation: the web page. Path as it came.
        std::function<kube::HttpAnswer(const kube::HttpRequest&)> page;
        bool hsts = true;
    };

    explicit Front(Parts parts) : parts_(std::move(parts)) {}

    kube::Awaitable<kube::HttpAnswer> Answer(kube::HttpRequest request);

  private:
    /// `operation`: gets what is called, for the log.
    kube::Awaitable<kube::HttpAnswer> AnswerOperation(kube::HttpRequest request, std::string id,
                                                      std::string& operation);
    /// `ticket`: gets what the caller has of the limits until the answer is written.
    kube::Awaitable<Outcome> Call(const Router::Match& match, kube::HttpRequest request,
                                  std::string id, Limits::Ticket& ticket);

    Parts parts_;
};

/// Whether a page of another site makes its browser ask this (Fetch Metadata). A request that does
/// not say comes from no browser of today, or is the user's own.
/// Source: https://www.w3.org/TR/fetch-metadata/.
bool IsCrossSite(const kube::HttpFields& fields);

/// The statuses that the front, and the HTTP server before it, may answer to any call of the
/// operation (of which id, who and media count): the contract must list them.
std::set<int> FrontAnswers(const Operation& operation);

/// For kube::HttpServer::Settings: what the server itself refuses becomes problem+json.
void DressRefusal(kube::HttpAnswer& refusal, bool hsts);

/// What every answer has: no frames, no other origin, no scripts but the page's own files, nothing
/// sniffed. `secure`: that the browser comes by TLS only from now on.
void AddSecurityHeaders(kube::HttpAnswer& answer, bool secure);

}  // namespace dlws::portal

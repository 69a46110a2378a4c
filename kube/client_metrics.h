// SPDX-License-Identifier: Apache-2.0
// rest_client_*: what the client counts of each request. Internal to kube/.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "kube/metrics.h"

namespace dlws::kube::internal {

/// One request on the wire. Counts when it is told the status, or else, when destroyed, as
/// "<error>": no answer, or one that broke off.
///
///     RequestTally tally(settings_.metrics, host, "GET", false);
///     tally.Sent();
///     ... tally.Answered(200);
///
/// `metrics` may be null. A watch is counted and not timed, as in client-go: its time says nothing.
class RequestTally {
  public:
    RequestTally(Metrics* metrics, std::string_view host, std::string_view method, bool watch)
        : metrics_(metrics), host_(host), method_(method), watch_(watch) {}
    ~RequestTally() { Finish("<error>"); }
    RequestTally(const RequestTally&) = delete;
    RequestTally& operator=(const RequestTally&) = delete;

    /// The time begins: waiting for a free connection is not the server's.
    void Sent() { began_ = Clock::now(); }
    void Answered(int status) { Finish(std::to_string(status)); }
    /// It never reached the server and is sent again.
    void Forget() { metrics_ = nullptr; }

    static void Describe(Metrics& metrics);

  private:
    using Clock = std::chrono::steady_clock;
    void Finish(const std::string& code);

    Metrics* metrics_;
    std::string_view host_, method_;
    bool watch_;
    Clock::time_point began_ = Clock::now();
};

}  // namespace dlws::kube::internal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/client.h"
#include "portal/server/logs/ports.h"

namespace dlws::portal {

/// pods/log of the API server, which has it of the kubelet. A stream that is silent for two minutes
/// is given up, since nothing tells a silent program from a connection that is no more; the reader
/// goes on with a new one. `users` has no identity of its own, and outlives what is opened.
class ApiLogKubelet : public LogKubelet {
  public:
    explicit ApiLogKubelet(kube::Client& users) : users_(users) {}

    Awaitable<LogResult<std::unique_ptr<LogLive>>> Open(std::string token, std::string ns,
                                                        std::string pod, std::string container,
                                                        LogLiveAsk ask) override;

  private:
    kube::Client& users_;
};

/// The path with its query. All are names as Kubernetes takes them. Pure.
std::string PodLogTarget(const std::string& ns, const std::string& pod,
                         const std::string& container, const LogLiveAsk& ask);
/// What the API server's answer means. Pure.
LogFailure LiveFailureOf(const kube::Error& error);

}  // namespace dlws::portal

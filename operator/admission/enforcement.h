// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kube/client.h"
#include "kube/informer.h"
#include "kube/metrics.h"
#include "model/time.h"
#include "operator/admission/policies.h"

/// @file
/// Watches the policies and the webhook's configurations: special permissions are given only while
/// what guards them is there as the chart wrote it. Repairs nothing.

namespace dlws::admission {

/// Example:
///     Enforcement enforcement(client, metrics, random, {.expected = …});
///     enforcement.OnChange([&] { look at every job again });
///     if (!enforcement.Problem().empty()) …   // create no pod that reaches its node
///
/// Exports `dlws_admission_enforced` (1 or 0). `client`, `metrics` and `random` must outlive it.
/// Confined to the client's executor.
class Enforcement {
  public:
    struct Settings {
        std::optional<Expected> expected;   ///< none: the chart's policies are switched off
        std::string webhook_configuration;  ///< name of both; empty: the webhook is switched off
    };
    Enforcement(kube::Client& client, kube::Metrics& metrics, kube::Random& random,
                Settings settings);

    std::vector<std::pair<std::string, kube::Informer*>> Informers();
    bool HasSynced() const;
    /// Called when Problem() or Since() may have changed.
    void OnChange(std::function<void()> handler) { changed_ = std::move(handler); }

    /// What is missing or altered, one sentence; empty: all is whole.
    const std::string& Problem() const { return problem_; }
    /// Since when the newest of the policies has been there.
    std::optional<model::Time> Since() const { return since_; }

  private:
    void Look();
    std::string Find() const;
    std::string FindPolicies(const std::vector<boost::json::object>& expected,
                             const kube::Informer& informer, const char* kind) const;

    Settings settings_;
    kube::Informer policies_, bindings_, mutating_, validating_;
    std::function<void()> changed_;
    std::string problem_ = "they have not been read yet.";
    std::optional<model::Time> since_;
};

}  // namespace dlws::admission

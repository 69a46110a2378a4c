// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "test/e2e/cluster.h"

namespace dlws::e2e {

/// A test with a namespace of its own, which goes away with it.
///
///     TEST_F(E2e, Runs) {
///         Submit(Job("hello", "command: [echo, hi]"));
///         Json job = WaitForPhase("hello", "Succeeded");
///     }
class E2e : public ::testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    Cluster& cluster() { return Cluster::Get(); }
    const Api& api() { return Cluster::Get().api(); }

    /// A DLJob of the small test image; `spec` is more of its spec, YAML without indentation. Pods
    /// end fast when told to.
    std::string Job(const std::string& name, const std::string& spec) const;
    /// Creates an object of this namespace from YAML, and expects that it is taken.
    void Submit(const std::string& yaml);

    std::string JobPath(const std::string& name) const;
    /// `resource` of the core group: pods, services, configmaps.
    std::string CorePath(const std::string& resource, const std::string& name = "") const;

    /// The job, once `done` holds of it. When it does not in time: a failure that shows what the
    /// cluster says.
    Json WaitForJob(const std::string& name, const std::string& what,
                    const std::function<bool(const Json&)>& done, int seconds = 60);
    Json WaitForPhase(const std::string& name, const std::string& phase, int seconds = 60);
    Json WaitForPending(const std::string& name, const std::string& reason, int seconds = 60);
    /// Waits until `done`; a failure named `what` when it is not in time.
    bool WaitUntil(const std::string& what, const std::function<bool()>& done, int seconds = 60);

    void PatchSpec(const std::string& job, const std::string& yaml);
    std::vector<Json> Pods(const std::string& job);
    Json Pod(const std::string& name);
    /// Of the namespace.
    std::vector<Json> Events();
    std::string Log(const std::string& pod);
    void DeletePod(const std::string& name);

    /// Everything worth knowing when a job is not where it should be.
    std::string Explain(const std::string& job);

    inline static const std::string kKubectl = "script/cluster kubectl";
    std::string ns_;
    std::int64_t audit_ = 0;  ///< where the audit log ended when the test began
};

/// `condition` of a DLJob: "True", "False" or "".
std::string Condition(const Json& job, const std::string& type);

}  // namespace dlws::e2e

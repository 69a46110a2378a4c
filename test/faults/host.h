// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "test/faults/faults.h"
#include "test/faults/host_operator.h"

/// @file
/// Operators as processes of this machine, in place of the installed one: a kubelet waits longer
/// and longer before it starts a container again. Their pods are on simulated nodes.

namespace dlws::faults {

/// A test in which the installed operator does not run.
class HostOperators : public Faults {
  protected:
    void SetUp() override;
    void TearDown() override;

    /// An operator with the installed one's ServiceAccount. `server` empty: the API server itself.
    HostOperator::Settings Operator(const std::string& name, const std::string& server = "");
    /// A job of `replicas` pods on simulated nodes; `more` of its spec.
    std::string Simulated(const std::string& name, int replicas, const std::string& more = "");
    /// Says of a pod on a simulated node that its container has ended.
    void EndPod(const std::string& pod, int exit_code);
    int JobsIn(const std::string& phase);

    /// Host and port of the API server, and its authority.
    std::string server_host_, server_port_, ca_file_;

  private:
    std::string token_;
};

/// spec.podOverrides that puts a job's pods on simulated nodes.
extern const char* const kOnSimulatedNodes;

/// Merge patch of a pod's status: its container ended with that code.
Json PodEnded(int exit_code);

/// Writes a kubeconfig, readable by us alone, whose user is a bearer token.
void WriteKubeconfig(const std::string& file, const std::string& server, const std::string& ca_file,
                     const std::string& token);

/// Token for the operator's ServiceAccount, good for an hour.
std::string OperatorToken();

/// What the checkout built, or DLWS_FAULTS_OPERATOR: one that is broken on purpose, say.
std::string OperatorBinary();

/// Ends the installed operator; and brings it back.
void ScaleInstalledOperator(int replicas);

}  // namespace dlws::faults

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "test/e2e/api.h"

namespace dlws::e2e {

struct Output {
    int code = 0;  ///< exit status; 124: it ran past its deadline
    std::string text;
};

/// Runs a line of bash in the top folder of the checkout; standard error comes with the rest.
Output Shell(const std::string& command, std::chrono::seconds deadline = std::chrono::seconds(60));
/// The same, and throws with the output when it fails.
std::string MustShell(const std::string& command,
                      std::chrono::seconds deadline = std::chrono::seconds(60));
/// `text` as one word of bash.
std::string Quoted(std::string_view text);

/// One write of the operator, as the API server's audit log tells it.
struct Audited {
    std::string verb, resource, subresource, ns, name;
    int code = 0;  ///< HTTP status of the answer
    std::string ToString() const;
};

/// The operator that is installed on the cluster under test, and that cluster.
///
/// The first use installs what the checkout builds (test/cluster/install.sh), unless that very
/// thing is there already. One for the process; used from the main thread.
class Cluster {
  public:
    static Cluster& Get();

    const Api& api() const { return api_; }
    /// Folder of the test cluster: audit log, shared folder.
    const std::string& state() const { return state_; }
    /// What every node mounts as the shared folder.
    std::string shared() const { return state_ + "/shared"; }

    /// Where the audit log ends now; `Writes` reads on from there.
    std::int64_t AuditEnd() const;
    /// The operator's writes since then; `ns` empty: in all namespaces. Its Lease is left out.
    std::vector<Audited> Writes(std::int64_t from, const std::string& ns = "") const;
    /// How many requests of anybody were refused since then: by authorization, by admission or as
    /// invalid.
    int Refusals(std::int64_t from) const;
    /// How often each pod of the namespace was created (status 201) since then, by name.
    std::map<std::string, int> PodCreates(std::int64_t from, const std::string& ns) const;

    /// Pods of the operator, as the API server knows them.
    std::vector<Json> OperatorPods() const;
    /// Name of the operator's pod that holds the lease; empty when nobody does.
    std::string Leader() const;
    /// The newest lines of both replicas' logs.
    std::string OperatorLogs(int lines = 15) const;
    /// Waits until all replicas are ready and one of them leads.
    void WaitForOperator(std::chrono::seconds deadline = std::chrono::seconds(60)) const;

  private:
    Cluster();
    std::string state_;
    Api api_;
};

/// Somebody who logs in with a certificate: `uid` "-": their way of logging in has none.
Api LogIn(const std::string& name, const std::string& uid = "");

/// Calls `done` every 100 ms until it is true; false after `deadline`.
bool Eventually(std::chrono::milliseconds deadline, const std::function<bool()>& done);

/// A line of the figures that campaigns report.
void PrintFigure(const std::string& name, double value, const std::string& unit,
                 const std::string& goal = "");

/// The seed of sampled campaigns: DLWS_SEED, else the clock; printed once.
unsigned Seed();
/// DLWS_FULL: run all of a campaign, not a sample.
bool Full();

}  // namespace dlws::e2e

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "test/e2e/cluster.h"
#include "test/faults/host_operator.h"
#include "test/faults/plans/history.h"
#include "test/faults/proxy/proxy.h"

namespace dlws::faults {

/// What all plans of a campaign share.
struct Site {
    const e2e::Cluster* cluster = nullptr;
    ProxyThreads* threads = nullptr;
    FaultProxy::Settings server;
    std::string token;   ///< of the operator's ServiceAccount
    std::string folder;  ///< of logs and kubeconfigs
};

class Stage;

/// A user's part in the life of one job, named "job": the operator does the rest.
struct Workload {
    std::string name;
    void (*play)(Stage&);
};
const std::vector<Workload>& Workloads();

/// What came of a run; two runs of a workload are compared by it.
struct Outcome {
    std::string end;                     ///< job, pods, Services and ConfigMaps, as text
    std::map<std::string, int> creates;  ///< times that the API server made each object, by name
    std::set<std::string> deletes;       ///< what the operator deleted
    std::vector<std::string> violations;
    bool triggered = false;
    std::vector<Seen> log;  ///< the first operator's requests
    double seconds = 0;
};

/// A namespace, one operator that serves it alone (two, where one of them is to be frozen), a proxy
/// before each, and a job's life in it.
///
///     Outcome outcome = Stage(site, "gang", fault).Run(workload, &reference);
///
/// Used from one thread; many stages side by side.
class Stage {
  public:
    Stage(const Site& site, const std::string& ns, std::optional<Fault> fault);
    ~Stage();
    /// With `reference` null: the fault-free run itself.
    Outcome Run(const Workload& workload, const Outcome* reference);

    // ---- for workloads; what does not come in time throws ----
    void Submit(const std::string& spec);
    /// The job, once `done` holds of it.
    Json Await(const std::string& what, const std::function<bool(const Json&)>& done);
    void AwaitPhase(const std::string& phase, int attempt = 0);
    void AwaitPods(std::size_t count);
    void AwaitGone();
    void PatchSpec(const std::string& yaml);
    void DeleteJob();
    /// Ends a pod's container with that code; for all pods of an attempt: EndPods.
    void EndPod(const std::string& name, int exit_code);
    void EndPods(int attempt);
    /// A pod that is nobody's, and its end.
    void MakeForeignPod(const std::string& name);
    void DeletePod(const std::string& name);

  private:
    using Clock = std::chrono::steady_clock;
    void SetUp();
    void StartOperators();
    void Supervise();
    void AwaitThat(const std::string& what, const std::function<bool()>& done);
    void Settle(const Outcome* reference);
    std::string End() const;
    void ExpectQuiet();
    void ReadAudit();
    void Compare(const Outcome& reference);
    std::vector<Seen> AllSeen() const;
    e2e::Reply Must(const std::string& what, const std::function<e2e::Reply()>& request) const;
    std::string Path(const std::string& resource, const std::string& name = "") const;
    const e2e::Api& api() const { return site_.cluster->api(); }

    const Site& site_;
    std::string ns_;
    std::optional<Fault> fault_;
    std::int64_t audit_ = 0;
    std::unique_ptr<History> history_;
    std::unique_ptr<FaultProxy> proxy_, second_proxy_;
    // After the proxies: a proxy's callbacks use them, and end with it.
    std::unique_ptr<HostOperator> first_, second_;
    Outcome outcome_;
};

}  // namespace dlws::faults

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kube/api.h"
#include "model/approval.h"
#include "model/dlcluster.h"
#include "model/dljob.h"
#include "model/pod.h"
#include "operator/job/sim/fingerprint.h"
#include "operator/job/sim/shared.h"

/// @file
/// A Kubernetes cluster with one DLJob in it, as a value: API server, scheduler, kubelets, garbage
/// collector and clock, as far as the operator can tell. Copy it to try something. What must never
/// happen sets `broken`.
///
///     Cluster c;
///     c.Submit(job);
///     // … rounds of the operator (process.h) …
///     c.StepPods();          // every pod takes a step of its life
///     ASSERT_EQ(c.broken, "");

namespace dlws::job::sim {

/// What an informer shows of the cluster at one moment.
struct Snapshot {
    std::shared_ptr<const model::DLJob> job;
    SharedMap<std::map<std::string, model::PodView>> pods;
    SharedMap<std::map<std::string, model::Approval>> approvals;  ///< seen with the job
    bool service = false;
    /// The resourceVersion of the last change of each kind.
    std::uint64_t job_version = 0, pods_version = 0, services_version = 0;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

/// A Service, ConfigMap or Secret.
struct Owned {
    std::string uid, owner_uid, owner_name;
    std::uint64_t version = 0;
    std::string open_for;  ///< of a fence: the key that is in it
};

/// A key of a ConfigMap that a container waits for.
struct FenceKey {
    std::string fence, key;
};

/// A pod that reaches its node.
struct Guarded {
    std::string approval;  ///< UID of the approval that it names
    std::string body;      ///< as it was posted
};

/// How a container ends by itself; no value: it runs until it is told to end.
using Script = std::function<std::optional<int>(const struct Cluster&, const model::PodView&)>;

/// A request that was sent before its sender died, and has not arrived yet.
struct LateRequest {
    std::string what;
    /// The resourceVersion that it must find to have an effect, and of which object; or neither.
    std::string version, object;
    std::function<void(struct Cluster&)> arrive;
};

struct Cluster {
    model::Time now{std::chrono::seconds(1'800'000'000)};
    std::uint64_t version = 1;
    std::shared_ptr<const model::DLJob> job;
    SharedMap<std::map<std::string, model::PodView>> pods;
    SharedMap<std::map<std::string, std::vector<FenceKey>>> reads;  ///< by UID of the pod
    SharedMap<std::map<std::string, Owned>> services, configmaps, secrets;
    SharedMap<std::map<std::string, model::Approval>> approvals;
    std::map<std::string, std::string> revisions;       ///< ControllerRevisions as they were posted
    std::set<std::string> approvers{"carol", "dave"};   ///< who may approve
    SharedMap<std::map<std::string, Guarded>> guarded;  ///< pods that reach their node, by UID
    std::shared_ptr<const model::DLCluster> settings;
    std::set<std::string> nodes_down, nodes_out_of_service;
    std::vector<LateRequest> late;
    /// Two may lead at once: what holds for one leader only is not asked.
    bool two_leaders = false;

    // What happened, for those who judge.
    std::string broken;
    /// Pods by name, each time it took effect.
    SharedMap<std::map<std::string, int>> created, deleted;
    int writes = 0;  ///< that the API server performed for us

    // ---- people ----
    void Submit(model::DLJob wanted);
    /// Changes the spec.
    void Edit(const std::function<void(model::DLJobSpec&)>& change);
    void DeleteJob();
    void RemovePod(const std::string& name);  ///< somebody's kubectl delete pod
    void Settings(std::shared_ptr<const model::DLCluster> wanted);
    /// Somebody answers what the job asks for, if it asks.
    void Approve(const std::string& by, bool yes = true, std::optional<model::Time> until = {},
                 std::string name = "");
    void Revoke();                            ///< all approvals are deleted
    void Squat(const std::string& pod_name);  ///< somebody else's pod takes the name

    // ---- the API server, called by Api ----
    kube::Result<kube::ObjectPtr> Create(kube::Resource resource, const std::string& body);
    kube::Result<kube::ObjectPtr> Get(kube::Resource resource, const std::string& name) const;
    kube::Result<kube::ListPage> ListPods() const;
    kube::Result<kube::ObjectPtr> Patch(kube::Resource resource, const std::string& name,
                                        const std::string& patch);
    kube::Result<void> Delete(kube::Resource resource, const std::string& name,
                              const kube::DeleteOptions& options);
    bool MayApprove(const std::string& review) const;
    SnapshotPtr Look() const;
    /// Somebody's approval says yes to what the job asks for, at this moment.
    bool IsApproved() const;

    // ---- the rest of the cluster ----
    /// One pod takes one step; `exit_code` is how its container ends if it runs by now. False when
    /// there is nothing to do for it.
    bool StepPod(const std::string& name, std::optional<int> exit_code);
    bool StepPods(const Script& script);
    bool CollectGarbage();
    /// Pods that reach their node and whose approval is gone must go within a minute.
    void WatchStrays();
    /// Ends a pod as its node or the scheduler would for a reason of the cluster's.
    void Preempt(const std::string& name);

    /// What of it decides what can happen next (fingerprint.h).
    void AddTo(Fingerprint& fingerprint) const;
    model::Phase Phase() const { return job ? job->status.phase : model::Phase::None; }

  private:
    std::uint64_t Changed(std::uint64_t& kind) { return kind = ++version; }
    /// `next` is the job from now on.
    void Store(model::DLJob next);
    void Changed(model::PodView& pod) {
        pod.resourceVersion = std::to_string(Changed(pods_version_));
    }
    bool MayStart(const model::PodView& pod) const;
    void Started(const model::PodView& pod);
    kube::Result<kube::ObjectPtr> CreatePod(const std::string& body);
    kube::Result<kube::ObjectPtr> PatchStatus(const std::string& patch);
    void Judge(const model::JobStatus& was, const model::JobStatus& next);
    void Break(std::string what) {
        if (broken.empty()) broken = std::move(what);
    }

    std::uint64_t job_version_ = 1, pods_version_ = 1, services_version_ = 1;
    int uids_ = 0;
    std::map<std::string, model::Time> strays_;  // by UID of the pod, since when
    bool alone_ = false;  // the job replaces single pods: attempts run side by side
    mutable SnapshotPtr look_;
};

}  // namespace dlws::job::sim

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/approval.h"
#include "model/dlcluster.h"
#include "model/dljob.h"
#include "model/pod.h"
#include "model/render.h"
#include "model/status.h"
#include "operator/job/failure.h"
#include "operator/job/gang.h"

/// @file
/// What to do about one DLJob, as a pure function of what is known: no clock, no I/O, no
/// randomness. So a crash between two writes, a stale cache or a second leader are plain inputs,
/// and explore_test.cc walks through them.
///
///     Decision d = Decide(world);
///     for (const Write& w : d.writes) if (!perform(w)) break;   // in this order
///
/// Rules it follows (docs/decisions/0004-status-writes.md): record first, act second (a failure is
/// in status before a pod is deleted); a new attempt starts only when every pod of the old one is
/// terminal or gone; a job that is Finished stays so; nothing is written when nothing changed.

namespace dlws::job {

/// Why the last round could not perform a write, as far as a user must know it.
struct WriteProblem {
    model::ReasonClass cls = model::ReasonClass::Wait;
    std::string reason;   ///< a name of model/reason.h
    std::string message;  ///< one sentence
    bool operator==(const WriteProblem&) const = default;
};

/// What the job's ControllerRevision keeps.
struct Kept {
    std::string hash;                                 ///< of its bytes
    std::shared_ptr<const model::Rendered> rendered;  ///< null: there is none, or not of this form
};

/// Everything a decision may depend on.
struct World {
    model::DLJob job;
    std::shared_ptr<const model::DLCluster> cluster;  ///< null: there is none
    std::string cluster_problem;                      ///< why it could not be read, if so
    /// Whom its pods run as, or why nobody; none: the cluster's default user.
    std::optional<std::expected<model::PodUser, model::RenderError>> user;
    std::vector<model::PodView> pods;  ///< every pod whose controller is this job's UID
    bool service_exists = false;       ///< the job's own headless Service is there
    /// Which storage of the job does not work, where its pods run or may have to; empty: all do.
    std::string storage_trouble;
    /// Pods that no longer reach a storage of theirs, because it was mounted anew: why, by name.
    std::map<std::string, std::string> stale_pods;
    StorageChecks storage_checks;  ///< of the nodes of its pods
    std::optional<WriteProblem> problem;
    bool namespace_managed = true;  ///< the namespace has the label of those where jobs run
    /// Why the policies that guard special permissions are not whole; empty: they are.
    std::string admission_problem;
    /// Approvals from before do not count: the policies were not there.
    std::optional<model::Time> admission_since;
    std::vector<model::Approval> approvals;  ///< those for this job's UID
    bool approvals_read = false;             ///< they come from the API server itself
    std::optional<Kept> kept;                ///< read or made just now
    /// `pods` come from the API server itself, not from our cache.
    bool pods_listed = false;
    /// Names of fences that are closed, sorted; `pods` are what the API server listed after that.
    std::vector<std::string> closed_fences;
    /// Why they cannot be closed, where trying again will not help: somebody else's ConfigMap has
    /// the name, say.
    std::optional<WriteProblem> fence_problem;
    model::Time now{};
};

struct CreateFiles {};    ///< the ConfigMap of rendered.files
struct CreateSshKeys {};  ///< the Secret that rendered.sshKeys asks for; kept if it is there
struct CreateService {};  ///< rendered.service
/// Fences, open (model/owned.h). Before their pods.
struct CreateFences {
    std::vector<std::string> names;
};
/// Pods of one attempt; created in parallel, any order.
struct CreatePods {
    model::PodAttempt attempt{0};
    std::vector<Slot> slots;
};
/// Deleted by name with UID and resourceVersion as preconditions, each with its own grace period. A
/// pod that has changed since is left alone: it may have ended by now, and its log is worth
/// keeping.
struct DeletePods {
    struct Target {
        std::string name, uid, version;
        bool force = false;  ///< at once: its node does not answer and the job's policy says so
    };
    std::vector<Target> pods;
};
struct DeleteJob {};  ///< spec.ttlSecondsAfterFinished is over
struct EventNote {
    bool warning = false;
    std::string reason, note;
};
/// Writes the status; then records the events.
struct Publish {
    model::JobStatus status;
    std::vector<EventNote> events;
    /// False: only counts moved, so it may be put off for two seconds to save writes.
    bool urgent = true;
};
using Write = std::variant<CreateFiles, CreateSshKeys, CreateService, CreateFences, CreatePods,
                           DeletePods, Publish, DeleteJob>;

/// Pods are created under this approval alone, which is read again, and the job with it, right
/// before each of them.
struct Permit {
    model::Approval approval;
    model::Question question;
    std::optional<model::Time> since;  ///< World::admission_since
};

struct Decision {
    /// In order; the first that fails ends the round, and the job is looked at again.
    std::vector<Write> writes;
    /// Set when a write creates something.
    std::shared_ptr<const model::Rendered> rendered;
    /// What follows from the pods cannot be taken back: a failure is to be recorded, an elastic job
    /// has succeeded or is to grow, a suspended one has no pods any more. Nothing is written then:
    /// list them at the API server, and decide again with World::pods_listed. A cache that is
    /// behind may lack a pod, or show the one that had its name before.
    bool list_pods = false;
    /// Pods that run are to be deleted because the job shrank: not on the word of a cache that is
    /// behind. Read the job from the API server before the writes.
    bool confirm_job = false;
    /// Fences of pods in whose place others are to start, or none any more; that it is so has been
    /// recorded, or was listed. Nothing is written then: close them, list the job's pods at the API
    /// server, and decide again with World::closed_fences and those pods. A pod that is created
    /// later cannot start any more.
    std::vector<std::string> close_fences;
    /// What the job runs is to be kept before anything of it is asked for: read its
    /// ControllerRevision, or make it from `rendered` (null: only read), and decide again with
    /// World::kept. Nothing else is written then.
    bool keep_template = false;
    /// Approvals decide over the job's end: read them at the API server, and decide again with
    /// World::approvals_read. Nothing is written then.
    bool read_approvals = false;
    /// Set where pods may be created on somebody's approval alone.
    std::optional<Permit> permit;
    /// When time alone will change the decision.
    std::optional<model::Time> look_again;
};

Decision Decide(const World& world);

}  // namespace dlws::job

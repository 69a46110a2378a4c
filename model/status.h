// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/permissions.h"
#include "model/reason.h"
#include "model/time.h"

/// @file
/// `status` of a DLJob: what the operator says about it. Plain values without clock or I/O.
///
///     JobStatus next = job.status;
///     next.phase = Phase::Running;
///     SetCondition(next.conditions, {.type = "Running", .status = "True",
///         .reason = std::string(reason::kAllPodsReady.name), .message = "2 of 2 pods run."}, now);
///     if (next != job.status) patch(StatusMergePatch(job.status, next, uid, resourceVersion));

namespace dlws::model {

enum class Phase {
    None,              ///< not written yet
    AwaitingApproval,  ///< somebody must approve the job's permissions
    Queued,            ///< seen, no pod created; `pending` says why
    Starting,          ///< pods are created, not all of them run
    Running,           ///< every pod runs (or has succeeded already)
    Restarting,        ///< a pod failed: its attempt ends, the next is to come
    Suspended,         ///< spec.suspend: no pods
    Stopping,          ///< the job's end is decided, its pods are ending
    Succeeded,
    Failed,
    Stopped,
};

/// "" for None.
std::string_view ToString(Phase p);
/// None for an unknown word, as an operator of a later version may have written it.
Phase ParsePhase(std::string_view text);
/// Succeeded, Failed, Stopped.
bool IsFinal(Phase p);

// Condition types.
/// The permissions that the job asks for may be used.
inline constexpr std::string_view kConditionApproved = "Approved";
inline constexpr std::string_view kConditionRunning = "Running";
inline constexpr std::string_view kConditionSuspended = "Suspended";
inline constexpr std::string_view kConditionFinished = "Finished";
/// True once nine tenths of spec.activeDeadlineSeconds are used up.
inline constexpr std::string_view kConditionDeadlineNear = "DeadlineNear";
/// A storage of the job does not work where its pods run, or where they might.
inline constexpr std::string_view kConditionStorageLost = "StorageLost";

struct Condition {
    std::string type;
    std::string status;  ///< "True", "False" or "Unknown"
    std::string reason;  ///< a name of the table in reason.h
    std::string message;
    Time lastTransitionTime{};
    std::int64_t observedGeneration = 0;
    bool operator==(const Condition&) const = default;
};

/// Pods of a role, by the state they are in; they add up to what exists of it.
struct RoleStatus {
    std::string name;
    int replicas = 0;  ///< wanted
    int pending = 0;   ///< created, the container does not run
    int running = 0;   ///< the container runs
    int ready = 0;     ///< of those, how many are Ready
    int succeeded = 0;
    int failed = 0;
    bool operator==(const RoleStatus&) const = default;
};

/// Why the job does not run yet.
struct Pending {
    ReasonClass cls = ReasonClass::Wait;  ///< Wait, Ask or Change
    std::string reason;
    std::string message;
    Time since{};
    bool operator==(const Pending&) const = default;
};

/// Whose fault a failure is, which decides whether and how often it is tried again.
enum class Cause {
    User,            ///< the job's own: counts against retry.limit
    Infrastructure,  ///< the cluster's: counts against retry.infrastructureLimit
    Change,          ///< only another spec can cure it: never tried again
};
std::string_view ToString(Cause cause);

/// The first failure of an attempt. Without a pod where the job as a whole failed (a deadline).
struct Failure {
    std::string pod;
    std::string role;
    int index = 0;
    std::string node;
    std::optional<int> exitCode;
    std::optional<int> signal;
    std::string reason;
    std::string message;
    std::string log;  ///< last line of its log, if it wrote one
    Cause cause = Cause::User;
    bool operator==(const Failure&) const = default;
};

/// An attempt that failed.
struct AttemptRecord {
    int attempt = 0;
    std::optional<Time> startTime;  ///< when its pods were all created
    Time finishTime{};              ///< when the failure was seen
    Failure failure;
    bool operator==(const AttemptRecord&) const = default;
};
/// So many are kept; Restarts counts all.
inline constexpr std::size_t kMaxAttemptRecords = 10;

/// Failed attempts by cause.
struct Restarts {
    int user = 0, infrastructure = 0;
    bool operator==(const Restarts&) const = default;
};

struct AvoidedNode {
    std::string node;
    int failures = 0;
    Time until{};
    bool operator==(const AvoidedNode&) const = default;
};
inline constexpr std::size_t kMaxAvoidedNodes = 20;

/// A place whose pod alone was made anew (retry.scope Pod); all others are of launchedAttempt.
struct ReplacedPod {
    std::string role;
    int index = 0;
    int attempt = 0;       ///< of its latest pod
    int replaces = 0;      ///< of the pod before, whose fence closes before this one is created
    bool created = false;  ///< that pod was created: one that is missing was deleted by somebody
    bool operator==(const ReplacedPod&) const = default;
};

struct ElasticStatus {
    int replicas = 0;      ///< pods that exist
    int launched = 0;      ///< created in this attempt: one missing below was deleted by somebody
    std::string selector;  ///< of its pods, for the scale subresource
    bool operator==(const ElasticStatus&) const = default;
};

/// What somebody must approve before the job's pods are created, and who did.
struct ApprovalStatus {
    enum State { Awaiting, Approved, Denied, Revoked, Expired };
    State state = Awaiting;
    std::string templateHash;  ///< SHA-256 of the kept bytes
    std::string revision;      ///< the ControllerRevision that keeps them
    PermissionClasses classes;
    std::vector<std::string> asks;    ///< in words
    std::vector<std::string> mounts;  ///< ConfigMaps and Secrets that the pods read
    std::string diff;                 ///< to a plain pod of the cluster
    std::string manifest;             ///< a DLJobApproval that says yes
    std::string mayDecide;            ///< who may, in words
    // Of the decision, when there is one.
    std::string approval;
    std::string approver, approverUid;
    std::string reason;
    std::optional<Time> expiresAt;
    bool operator==(const ApprovalStatus&) const = default;
};
std::string_view ToString(ApprovalStatus::State state);
/// Longest `diff`.
inline constexpr std::size_t kMaxDiff = 8192;

struct JobStatus {
    Phase phase = Phase::None;
    std::string message;  ///< one sentence for people
    std::int64_t observedGeneration = 0;
    int attempt = 0;  ///< number of the current gang, or of the pod replaced last, from 0
    /// The last attempt of which every pod was created; a pod missing of it was deleted by
    /// somebody. Absent until then.
    std::optional<int> launchedAttempt;
    std::string ready;  ///< "1/2": ready pods of wanted pods
    int gpus = 0;
    std::optional<Time> startTime;   ///< when the first attempt's pods were first all running
    std::optional<Time> finishTime;  ///< when Finished became True
    std::vector<RoleStatus> roles;
    std::vector<Condition> conditions;
    std::optional<Pending> pending;
    std::optional<ApprovalStatus> approval;
    std::optional<Time> launchTime;   ///< when launchedAttempt was complete
    std::optional<Time> activeSince;  ///< set while the job holds pods
    std::int64_t activeSeconds = 0;   ///< held before activeSince
    Restarts restarts;
    std::vector<AttemptRecord> attempts;  ///< failed ones, oldest first
    std::vector<AvoidedNode> avoidedNodes;
    std::vector<ReplacedPod> replaced;
    std::optional<ElasticStatus> elastic;
    std::optional<Failure> failure;  ///< the one that decided the job's end
    bool operator==(const JobStatus&) const = default;
};

/// Longest text the CRD takes in a message; ToJson cuts longer ones at a character's border.
inline constexpr std::size_t kMaxMessage = 1024;

/// Reads `status` of a whole DLJob document (as ParseDLJob does for its part).
/// No status at all is an empty JobStatus.
std::expected<JobStatus, std::string> ParseStatus(std::string_view dljobJson);

/// The document of `status` with keys in the order of the struct; absent values are left out.
/// Equal values give equal bytes.
std::string ToJson(const JobStatus& status);
boost::json::object ToJsonObject(const JobStatus& status);

/// A JSON merge patch (RFC 7386) for the `status` subresource that turns `was` into `now`: only
/// what differs, null for what goes away, with metadata.uid and metadata.resourceVersion as
/// preconditions (an empty one is left out). Empty string when nothing differs.
std::string StatusMergePatch(const JobStatus& was, const JobStatus& now, std::string_view uid,
                             std::string_view resourceVersion);

/// Adds or replaces the condition of that type. `lastTransitionTime` becomes `now` only if the
/// condition's status changes (what `c` carries there is ignored). Finished never leaves True and
/// keeps its first reason and message: such a call changes nothing. True if anything changed.
bool SetCondition(std::vector<Condition>& conditions, Condition c, Time now);

/// nullptr when there is none. The pointer lives as long as the vector is not changed.
const Condition* FindCondition(const std::vector<Condition>& conditions, std::string_view type);

/// True when the condition is there with status "True".
bool IsTrue(const std::vector<Condition>& conditions, std::string_view type);

}  // namespace dlws::model

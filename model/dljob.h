// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/exit_codes.h"
#include "model/permissions.h"
#include "model/status.h"
#include "model/time.h"

/// @file
/// A typed view of a DLJob. It is for reading: never write a decoded struct back, patch the
/// fields that are yours (status.h makes such a patch).
///
///     auto job = ParseDLJob(raw->bytes());
///     if (!job) return Complain(job.error());
///     if (TotalPods(*job) > 1) …
///
/// Every type here is a plain value: copy, compare, share between threads as you like.

namespace dlws::model {

enum class Framework {
    None,        ///< only DLWS_* names are set
    Torch,       ///< torch.distributed and torchrun find their peers in the environment
    MPI,         ///< role `launcher` runs mpirun; hostfile and ssh for it
    JAX,         ///< jax.distributed finds its coordinator in the environment
    TensorFlow,  ///< TF_CONFIG
    DeepSpeed,   ///< role `launcher` runs deepspeed; as MPI
};

std::string_view ToString(Framework f);
std::optional<Framework> ParseFramework(std::string_view text);

/// True when role `launcher` starts the others' processes over ssh (MPI, DeepSpeed).
bool UsesSsh(Framework f);

struct SecretKeyRef {
    std::string name;
    std::string key;
    bool operator==(const SecretKeyRef&) const = default;
};

struct EnvVar {
    std::string name;
    std::string value;                   ///< empty when `secret` is set
    std::optional<SecretKeyRef> secret;  ///< in the job's own namespace
    bool operator==(const EnvVar&) const = default;
};

/// Kubernetes quantities as the user wrote them; empty = not given.
struct Resources {
    std::string cpu = "100m";  ///< request; there is no CPU limit
    std::string memory;        ///< request and limit
    std::string shm;           ///< size of /dev/shm; empty = the runtime's 64Mi
    bool operator==(const Resources&) const = default;
};

/// What an exit code of a role's pods means; the first rule that has the code counts.
enum class ExitAction {
    Retry,   ///< as a fault of the cluster: not counted against retry.limit
    Fail,    ///< the job fails at once
    Ignore,  ///< the pod counts as one that ended well
};
struct ExitCodeRule {
    ExitCodes codes;
    ExitAction action = ExitAction::Retry;
    bool operator==(const ExitCodeRule&) const = default;
};

/// Pods of the role are created once the other role has come so far.
struct StartAfter {
    enum When { Ready, Succeeded };
    std::string role;
    When when = Ready;
    bool operator==(const StartAfter&) const = default;
};

struct Role {
    std::string name;
    /// Wanted now: of the elastic role, elastic.replicas.
    int replicas = 1;
    int gpus = 0;
    std::string gpuType;  ///< empty = any
    Resources resources;
    // What a role may say instead of the spec.
    std::string image;                                ///< empty = spec.image
    std::optional<std::vector<std::string>> command;  ///< a role that sets it inherits no args
    std::optional<std::vector<std::string>> args;
    std::vector<EnvVar> env;  ///< added to spec.env; wins where names are equal
    std::vector<ExitCodeRule> exitCodes;
    std::vector<StartAfter> startAfter;
    bool operator==(const Role&) const = default;
};

struct StorageMount {
    std::string name;       ///< "data" or "work"
    std::string path;       ///< below it, relative; empty = all of it
    std::string mountPath;  ///< absolute, in the container
    bool readOnly = false;
    bool operator==(const StorageMount&) const = default;
};

struct File {
    std::string name;  ///< plain file name below /job
    std::string content;
    int mode = 0444;
    bool operator==(const File&) const = default;
};

struct Toleration {
    std::string key;
    std::string op = "Equal";  ///< Equal or Exists
    std::string value;
    std::string effect;  ///< empty = every effect
    std::optional<std::int64_t> tolerationSeconds;
    bool operator==(const Toleration&) const = default;
};

struct PodOverrides {
    std::map<std::string, std::string> nodeSelector;
    std::vector<Toleration> tolerations;
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;
    std::optional<std::int64_t> terminationGracePeriodSeconds;
    bool operator==(const PodOverrides&) const = default;
};

enum class OnNodeLost { Wait, ForceDelete };

/// What is made anew when a pod fails: the whole gang, or that pod alone.
enum class RetryScope { Gang, Pod };

struct Retry {
    int limit = 0;                 ///< new attempts after faults of the job's own
    int infrastructureLimit = 10;  ///< after faults of the cluster
    OnNodeLost onNodeLost = OnNodeLost::Wait;
    RetryScope scope = RetryScope::Gang;
    bool operator==(const Retry&) const = default;
};

struct Success {
    enum Policy { All, Any, RankZero };
    /// Empty = every role. Of a job that uses ssh: the launcher unless the job says otherwise,
    /// since its other pods wait for ever.
    std::string role;
    Policy policy = All;
    bool operator==(const Success&) const = default;
};

enum class CleanupPods { Running, All, None };

struct Elastic {
    std::string role;
    int replicas = 1, minReplicas = 1, maxReplicas = 1;
    bool operator==(const Elastic&) const = default;
};

/// Somebody as the API server authenticated them.
struct User {
    std::string username;
    std::string uid;  ///< empty: their way of logging in has none
    bool operator==(const User&) const = default;
};

struct DLJobSpec {
    std::string image;
    std::vector<std::string> command;
    std::vector<std::string> args;
    std::string workingDir;  ///< empty = the image's
    Framework framework = Framework::None;
    std::vector<Role> roles;
    std::vector<StorageMount> storage;
    std::vector<EnvVar> env;
    std::vector<std::string> imagePullSecrets;
    std::vector<File> files;
    bool suspend = false;
    bool stop = false;
    Retry retry;
    std::optional<std::int64_t> activeDeadlineSeconds;
    std::optional<std::int64_t> ttlSecondsAfterFinished;
    Success success;
    CleanupPods cleanupPods = CleanupPods::Running;
    std::string managedBy;            ///< empty = us
    std::optional<User> submittedBy;  ///< stamped by admission; none: it was not there
    std::optional<Elastic> elastic;
    PodOverrides podOverrides;
    Permissions permissions;  ///< spec.permissions and spec.devices
    bool operator==(const DLJobSpec&) const = default;
};

/// The metadata the operator needs of an object of ours.
struct Metadata {
    std::string name;
    std::string ns;  ///< empty for cluster-scoped kinds
    std::string uid;
    std::string resourceVersion;
    std::int64_t generation = 0;
    std::optional<Time> creationTimestamp;
    std::optional<Time> deletionTimestamp;  ///< set = somebody deleted it
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;
    std::vector<std::string> finalizers;

    bool Deleting() const { return deletionTimestamp.has_value(); }
    bool operator==(const Metadata&) const = default;
};

struct DLJob {
    Metadata meta;
    DLJobSpec spec;
    JobStatus status;
    bool operator==(const DLJob&) const = default;
};

/// Reads a DLJob as the API server sends it. Tolerant: unknown fields are skipped, absent ones
/// get the CRD's defaults. Error: one sentence with the field's path (wrong type, a framework this
/// version does not know, no metadata.uid). `json` need not be padded; it is copied once.
std::expected<DLJob, std::string> ParseDLJob(std::string_view json);

/// Pods of the whole job: the sum of replicas.
int TotalPods(const DLJobSpec& spec);
/// GPUs of the whole job.
int TotalGpus(const DLJobSpec& spec);

}  // namespace dlws::model

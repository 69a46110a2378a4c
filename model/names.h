// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

/// @file
/// Every name we give to something in Kubernetes, in one place.
///
/// Example:
///     PodName("digits", "worker", 1, 0)   // "digits-worker-1-0"
///     Hostname("worker", 1)               // "worker-1", the same in every attempt
///     // so rank 0 of the job is reached as "worker-0.digits" from its peers
///
/// A role name has no dash, so the last three fields of a pod name are always role, index and
/// attempt, and two jobs can never want one pod name. All functions are pure and thread-safe.

namespace dlws::model {

// API group and kinds.
inline constexpr std::string_view kGroup = "dlworkspace.io";
inline constexpr std::string_view kVersion = "v1";
inline constexpr std::string_view kApiVersion = "dlworkspace.io/v1";
inline constexpr std::string_view kDLJobKind = "DLJob";
inline constexpr std::string_view kDLJobPlural = "dljobs";
inline constexpr std::string_view kDLClusterKind = "DLCluster";
inline constexpr std::string_view kDLClusterPlural = "dlclusters";
inline constexpr std::string_view kDLUserKind = "DLUser";
inline constexpr std::string_view kDLNodeKind = "DLNode";
inline constexpr std::string_view kDLJobApprovalKind = "DLJobApproval";
inline constexpr std::string_view kDLJobApprovalPlural = "dljobapprovals";
/// Nothing of this name exists: a right on it is the right to approve the class that it is named
/// by.
inline constexpr std::string_view kPermissionClassPlural = "permissionclasses";
inline constexpr std::string_view kApproveVerb = "approve";
/// The only DLCluster there may be.
inline constexpr std::string_view kDLClusterName = "cluster";

// Labels and annotations. Users cannot set any key under this prefix.
inline constexpr std::string_view kKeyPrefix = "dlworkspace.io/";
inline constexpr std::string_view kJobLabel = "dlworkspace.io/job";          ///< the job's name
inline constexpr std::string_view kJobUidLabel = "dlworkspace.io/job-uid";   ///< the job's UID
inline constexpr std::string_view kRoleLabel = "dlworkspace.io/role";        ///< the role's name
inline constexpr std::string_view kIndexLabel = "dlworkspace.io/index";      ///< "0", "1", …
inline constexpr std::string_view kAttemptLabel = "dlworkspace.io/attempt";  ///< "0", "1", …
/// On a pod that may reach its node, "true"; and on such a pod, who made its job. Policies of the
/// chart read them.
inline constexpr std::string_view kReachesHostLabel = "dlworkspace.io/reaches-host";
inline constexpr std::string_view kSubmittedByAnnotation = "dlworkspace.io/submitted-by";
/// On a pod that somebody's approval let be created: UID of the approval, and hash of what it is
/// for.
inline constexpr std::string_view kApprovalAnnotation = "dlworkspace.io/approval";
inline constexpr std::string_view kTemplateHashAnnotation = "dlworkspace.io/template-hash";
/// On a pod, the text of /etc/passwd and /etc/group in its container `main` (accounts.h).
inline constexpr std::string_view kPasswdAnnotation = "dlworkspace.io/passwd";
inline constexpr std::string_view kGroupAnnotation = "dlworkspace.io/group";
/// On a pod, the user's ssh keys: /etc/ssh/authorized_keys in its container `main`.
inline constexpr std::string_view kSshKeysAnnotation = "dlworkspace.io/authorized-keys";
/// On a pod, the job's folder below that of all job folders: `<user>/<yyyy-mm>/<job>-<uid8>`.
inline constexpr std::string_view kJobFolderAnnotation = "dlworkspace.io/job-folder";
/// On a namespace, "true": jobs run there, and the policies of the chart hold.
inline constexpr std::string_view kManagedLabel = "dlworkspace.io/managed";
/// On everything we create; the operator's informers select by it.
inline constexpr std::string_view kManagedByLabel = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kManagedBy = "dlworkspace";
/// `spec.managedBy` of the jobs that are ours; absent means the same.
inline constexpr std::string_view kOurselves = "dlworkspace.io/operator";
/// On a node, before the name of a storage: what it is like there; "Healthy" is where jobs go.
inline constexpr std::string_view kStorageLabelPrefix = "storage.dlworkspace.io/";
inline constexpr std::string_view kHealthy = "Healthy";
/// Where a node says what GPUs it has, unless DLCluster names another label.
inline constexpr std::string_view kGpuTypeLabel = "dlworkspace.io/gpu-type";

/// The extended resource that `gpus` asks for.
inline constexpr std::string_view kGpuResource = "nvidia.com/gpu";

// Inside the pod.
inline constexpr std::string_view kMainContainer = "main";
/// What a container reads from its fences (owned.h) before it starts.
inline constexpr std::string_view kFenceVariable = "DLWS_FENCE";
inline constexpr std::string_view kPodFenceVariable = "DLWS_POD_FENCE";
/// `spec.files` are mounted here, read-only: `python3 /job/train.py`.
inline constexpr std::string_view kFilesMountPath = "/job";
/// The host's driver folder is mounted here, read-only (driver mode HostPath).
inline constexpr std::string_view kDriverMountPath = "/usr/local/nvidia";
/// Files of ours beside them, for frameworks that start their processes over ssh (ssh.h).
inline constexpr std::string_view kSshFilesPath = "/job/.dlws";
/// The job's ssh keys are mounted here, read-only.
inline constexpr std::string_view kSshKeysPath = "/run/secrets/dlws-ssh";
/// torch.distributed's usual port; JAX's coordinator listens there too.
inline constexpr int kTorchPort = 29500;
/// torchrun's usual port of an elastic rendezvous.
inline constexpr int kTorchRendezvousPort = 29400;
/// TensorFlow's usual port, of every task.
inline constexpr int kTensorFlowPort = 2222;
/// The workers' ssh servers: not 22, because they do not run as root.
inline constexpr int kSshPort = 2222;
/// The role that starts the others' processes (frameworks MPI and DeepSpeed).
inline constexpr std::string_view kLauncherRole = "launcher";

// Storage names every cluster with a shared folder has.
inline constexpr std::string_view kDataStorage = "data";  ///< `<shared>/storage`
inline constexpr std::string_view kWorkStorage = "work";  ///< `<shared>/work/<user>`
/// Every job's own folder, with its logs: `<shared>/jobfiles/<user>/<yyyy-mm>/<job>-<uid8>`.
inline constexpr std::string_view kJobFilesStorage = "jobfiles";
/// Whose work folder a job of somebody without a DLUser gets.
inline constexpr std::string_view kDefaultUserName = "default";

// Sizes the API server and DNS impose; the CRD refuses longer ones.
inline constexpr int kMaxJobName = 40;
inline constexpr int kMaxRoleName = 15;
inline constexpr int kMaxPods = 10000;

/// `<job>-<role>-<index>-<attempt>`. The attempt is in it because a pod on a dead node keeps its
/// name.
std::string PodName(std::string_view job, std::string_view role, int index, int attempt);

/// `<role>-<index>`: stable over attempts, so peers can be named before they exist.
std::string Hostname(std::string_view role, int index);

/// The headless Service of a job with more than one pod: the job's own name.
std::string ServiceName(std::string_view job);

/// The ConfigMap that carries `spec.files`: `<job>-files`.
std::string FilesConfigMapName(std::string_view job);

/// The Secret with the job's ssh keys: `<job>-ssh-<uid>`. The UID is in it so that nothing of an
/// earlier job can have the name, and nobody needs to read a Secret to know whose it is.
std::string SshSecretName(std::string_view job, std::string_view uid);

/// The ControllerRevision that keeps what a job with special permissions runs:
/// `<job>-template-<uid>`, for the same reason.
std::string TemplateRevisionName(std::string_view job, std::string_view uid);

/// True for a label or annotation key whose domain users may not write in `podOverrides`:
/// dlworkspace.io, kubernetes.io, k8s.io, cncf.io and everything below them (but not
/// cluster-autoscaler.kubernetes.io); and keys with a dot but no domain, which container runtimes
/// obey. They steer our own bookkeeping, security profiles and
/// networks.
bool IsReservedKey(std::string_view key);

}  // namespace dlws::model

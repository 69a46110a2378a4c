// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace dlws::model {

/// Who can end a state that a reason names.
enum class ReasonClass {
    Wait,     ///< nobody: it ends by itself (capacity frees up, an image arrives)
    Ask,      ///< somebody else: an administrator or an owner of a quota must act
    Change,   ///< the user: this spec can never start here as it is
    Outcome,  ///< nobody: it is how a job ended, or why a pod of it failed
    Note,     ///< nobody need act: it explains the value of a condition
};

std::string_view ToString(ReasonClass c);

/// One row of the table of reasons. Status, documentation and portal all read this table.
/// `name` is a CamelCase word that never changes its meaning; `text` is one line for people.
struct Reason {
    std::string_view name;
    ReasonClass cls;
    std::string_view text;
};

namespace reason {

// Wait: it goes away by itself.
inline constexpr Reason kUnschedulable{
    "Unschedulable", ReasonClass::Wait,
    "No node has room for a pod of the job now; the scheduler keeps trying."};
inline constexpr Reason kPodsStarting{
    "PodsStarting", ReasonClass::Wait,
    "Pods were created; their nodes are preparing volumes and images."};
inline constexpr Reason kTerminatingPods{"TerminatingPods", ReasonClass::Wait,
                                         "Pods of an earlier attempt have not ended yet."};
inline constexpr Reason kWaitsForRole{
    "WaitsForRole", ReasonClass::Wait,
    "A role waits until those in its startAfter have come so far."};
inline constexpr Reason kApiServerBusy{"ApiServerBusy", ReasonClass::Wait,
                                       "The API server refused a write for now; it is repeated."};

// Ask: an administrator must act.
inline constexpr Reason kClusterNotConfigured{
    "ClusterNotConfigured", ReasonClass::Ask,
    "There is no DLCluster named `cluster`; an administrator must create it."};
inline constexpr Reason kNoSharedFolder{"NoSharedFolder", ReasonClass::Ask,
                                        "The job asks for storage and DLCluster declares none."};
inline constexpr Reason kBaseTemplateInvalid{
    "BaseTemplateInvalid", ReasonClass::Ask,
    "DLCluster's podTemplate cannot be used; an administrator must correct it."};
inline constexpr Reason kClusterInvalid{
    "ClusterInvalid", ReasonClass::Ask,
    "A setting of DLCluster cannot be used; an administrator must correct it."};
inline constexpr Reason kAwaitingApproval{
    "AwaitingApproval", ReasonClass::Ask,
    "Somebody other than who made the job must approve the permissions it asks for."};
inline constexpr Reason kAdmissionNotEnforced{
    "AdmissionNotEnforced", ReasonClass::Ask,
    "The policies that guard special permissions are missing or changed; an administrator must "
    "install them again."};
inline constexpr Reason kNamespaceNotManaged{
    "NamespaceNotManaged", ReasonClass::Ask,
    "The namespace lacks the label dlworkspace.io/managed=true; an administrator must set it."};
inline constexpr Reason kStorageNotForNamespace{
    "StorageNotForNamespace", ReasonClass::Ask,
    "The storage is not for jobs of this namespace; an administrator must add it."};
inline constexpr Reason kUserUnknown{
    "UserUnknown", ReasonClass::Ask,
    "There is no DLUser for who made the job; an administrator must create one."};
inline constexpr Reason kUserConflict{
    "UserConflict", ReasonClass::Ask,
    "Two DLUsers have one username or one uid; an administrator must change one of them."};
inline constexpr Reason kQuotaExceeded{
    "QuotaExceeded", ReasonClass::Ask,
    "A ResourceQuota of the namespace leaves no room for a pod of the job."};
inline constexpr Reason kPodRefused{
    "PodRefused", ReasonClass::Ask,
    "The API server or an admission rule of the cluster refuses the job's pods."};

// Change: the user must submit another spec.
inline constexpr Reason kSpecInvalid{"SpecInvalid", ReasonClass::Change,
                                     "The spec cannot become pods as it is written."};
inline constexpr Reason kUnknownStorage{
    "UnknownStorage", ReasonClass::Change,
    "The job asks for a storage that DLCluster does not declare."};
inline constexpr Reason kPermissionDenied{
    "PermissionDenied", ReasonClass::Change,
    "The job asks for a permission or a device that DLCluster does not allow it."};
inline constexpr Reason kImageWithoutDigest{
    "ImageWithoutDigest", ReasonClass::Change,
    "The job needs an approval and names an image by a tag, which can move; name it by digest."};
inline constexpr Reason kConflictsWithCluster{
    "ConflictsWithCluster", ReasonClass::Change,
    "podOverrides says something else than the administrator's podTemplate."};
inline constexpr Reason kNameTaken{
    "NameTaken", ReasonClass::Change,
    "A pod, Service or ConfigMap with a name the job needs exists and is not the job's."};
inline constexpr Reason kImageCannotBePulled{
    "ImageCannotBePulled", ReasonClass::Change,
    "A node cannot pull the image: wrong name, no such tag, or no credentials. It keeps trying."};
inline constexpr Reason kImageNameInvalid{"ImageNameInvalid", ReasonClass::Change,
                                          "The image's name is not one that a node can read."};
inline constexpr Reason kContainerConfig{"ContainerConfig", ReasonClass::Change,
                                         "A container cannot be made from its configuration, for "
                                         "example a Secret or its key is missing."};
inline constexpr Reason kVolumeCannotMount{"VolumeCannotMount", ReasonClass::Ask,
                                           "A node cannot mount a folder the job needs."};

// Outcome of a job (reason of condition Finished).
inline constexpr Reason kSucceeded{"Succeeded", ReasonClass::Outcome,
                                   "Every pod ended with exit code 0."};
inline constexpr Reason kFailed{"Failed", ReasonClass::Outcome,
                                "A pod failed; status.failure says which, and how."};
inline constexpr Reason kStopped{"Stopped", ReasonClass::Outcome, "Somebody set spec.stop."};

// Outcome of a pod (status.failure.reason).
inline constexpr Reason kExitCode{"ExitCode", ReasonClass::Outcome,
                                  "The command ended with an exit code other than 0."};
inline constexpr Reason kSignal{"Signal", ReasonClass::Outcome,
                                "The command was ended by a signal."};
inline constexpr Reason kOutOfMemory{
    "OutOfMemory", ReasonClass::Outcome,
    "The kernel killed the container because it used more memory than resources.memory allows."};
inline constexpr Reason kCannotStart{
    "CannotStart", ReasonClass::Outcome,
    "The command could not be started, for example because the image does not have it."};
inline constexpr Reason kEvicted{"Evicted", ReasonClass::Outcome,
                                 "The node or the cluster evicted the pod."};
inline constexpr Reason kNodeRefused{"NodeRefused", ReasonClass::Outcome,
                                     "The node refused the pod after it was scheduled there."};
inline constexpr Reason kNodeLost{"NodeLost", ReasonClass::Outcome,
                                  "The pod's node is gone or does not answer."};
inline constexpr Reason kStorageRemounted{
    "StorageRemounted", ReasonClass::Outcome,
    "A storage was mounted anew on the pod's node; only a new pod reaches it."};
inline constexpr Reason kStorageFailed{
    "StorageFailed", ReasonClass::Outcome,
    "The command ended with an error while a storage of it did not work on its node."};
inline constexpr Reason kPodDeleted{"PodDeleted", ReasonClass::Outcome,
                                    "Somebody deleted the pod while the job ran."};
inline constexpr Reason kPodFailed{"PodFailed", ReasonClass::Outcome,
                                   "The pod failed and does not say why."};
inline constexpr Reason kApprovalDenied{"ApprovalDenied", ReasonClass::Outcome,
                                        "Somebody denied the permissions the job asks for."};
inline constexpr Reason kApprovalRevoked{"ApprovalRevoked", ReasonClass::Outcome,
                                         "The approval was deleted while the job ran."};
inline constexpr Reason kApprovalExpired{"ApprovalExpired", ReasonClass::Outcome,
                                         "The approval ended while the job ran."};
inline constexpr Reason kPodAltered{
    "PodAltered", ReasonClass::Outcome,
    "The API server stored another pod than was posted: some admission changed it."};
inline constexpr Reason kDeadlineExceeded{"DeadlineExceeded", ReasonClass::Outcome,
                                          "The job held its pods for activeDeadlineSeconds."};

// Note: why a condition has the value it has.
inline constexpr Reason kJobAccepted{"Accepted", ReasonClass::Note,
                                     "The job was seen; its pods are about to be created."};
inline constexpr Reason kApprovalNotRequired{
    "NotRequired", ReasonClass::Note, "The job asks for no permission that needs an approval."};
inline constexpr Reason kApproved{"Approved", ReasonClass::Note,
                                  "Somebody approved the permissions the job asks for."};
inline constexpr Reason kAllPodsReady{"AllPodsReady", ReasonClass::Note,
                                      "Every pod of the job runs."};
inline constexpr Reason kNotAllPodsReady{"NotAllPodsReady", ReasonClass::Note,
                                         "Some pod of the job does not run yet, or no longer."};
inline constexpr Reason kSuspendRequested{
    "SuspendRequested", ReasonClass::Note,
    "spec.suspend is true: the job has no pods until it is set to false."};
inline constexpr Reason kSuspending{"Suspending", ReasonClass::Note,
                                    "spec.suspend is true: the job's pods are ending."};
inline constexpr Reason kNotSuspended{"NotSuspended", ReasonClass::Note, "spec.suspend is false."};
inline constexpr Reason kStopping{"Stopping", ReasonClass::Note,
                                  "spec.stop is true: the job's pods are ending."};
inline constexpr Reason kSucceeding{
    "Succeeding", ReasonClass::Note,
    "The job has succeeded by its success policy; its other pods are ending."};
inline constexpr Reason kRestarting{"Restarting", ReasonClass::Note,
                                    "A pod failed: its attempt ends, the next one is to come."};
inline constexpr Reason kStorageNotHealthy{
    "StorageNotHealthy", ReasonClass::Note,
    "A storage of the job does not work on a node; an administrator must see to it."};
inline constexpr Reason kStorageHealthy{"StorageHealthy", ReasonClass::Note,
                                        "The job's storages work again."};
inline constexpr Reason kDeadlineNear{"DeadlineNear", ReasonClass::Note,
                                      "Less than a tenth of activeDeadlineSeconds is left."};
inline constexpr Reason kNotFinished{"NotFinished", ReasonClass::Note, "The job has not ended."};

}  // namespace reason

/// The whole table, in the order above.
std::span<const Reason> AllReasons();

/// The row of that name, or nullptr. The pointer is valid for ever.
const Reason* FindReason(std::string_view name);

}  // namespace dlws::model

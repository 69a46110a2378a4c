// SPDX-License-Identifier: Apache-2.0
#include "model/reason.h"

#include <algorithm>

namespace dlws::model {

namespace {

constexpr Reason kTable[] = {
    reason::kUnschedulable,
    reason::kPodsStarting,
    reason::kTerminatingPods,
    reason::kWaitsForRole,
    reason::kApiServerBusy,
    reason::kClusterNotConfigured,
    reason::kNoSharedFolder,
    reason::kBaseTemplateInvalid,
    reason::kClusterInvalid,
    reason::kAwaitingApproval,
    reason::kAdmissionNotEnforced,
    reason::kNamespaceNotManaged,
    reason::kStorageNotForNamespace,
    reason::kUserUnknown,
    reason::kUserConflict,
    reason::kQuotaExceeded,
    reason::kPodRefused,
    reason::kVolumeCannotMount,
    reason::kSpecInvalid,
    reason::kUnknownStorage,
    reason::kPermissionDenied,
    reason::kImageWithoutDigest,
    reason::kConflictsWithCluster,
    reason::kNameTaken,
    reason::kImageCannotBePulled,
    reason::kImageNameInvalid,
    reason::kContainerConfig,
    reason::kSucceeded,
    reason::kFailed,
    reason::kStopped,
    reason::kExitCode,
    reason::kSignal,
    reason::kOutOfMemory,
    reason::kCannotStart,
    reason::kEvicted,
    reason::kNodeRefused,
    reason::kNodeLost,
    reason::kStorageRemounted,
    reason::kStorageFailed,
    reason::kPodDeleted,
    reason::kPodFailed,
    reason::kApprovalDenied,
    reason::kApprovalRevoked,
    reason::kApprovalExpired,
    reason::kPodAltered,
    reason::kDeadlineExceeded,
    reason::kJobAccepted,
    reason::kApprovalNotRequired,
    reason::kApproved,
    reason::kAllPodsReady,
    reason::kNotAllPodsReady,
    reason::kSuspendRequested,
    reason::kSuspending,
    reason::kNotSuspended,
    reason::kStopping,
    reason::kSucceeding,
    reason::kRestarting,
    reason::kStorageNotHealthy,
    reason::kStorageHealthy,
    reason::kDeadlineNear,
    reason::kNotFinished,
};

}  // namespace

std::string_view ToString(ReasonClass c) {
    switch (c) {
        case ReasonClass::Wait:
            return "Wait";
        case ReasonClass::Ask:
            return "Ask";
        case ReasonClass::Change:
            return "Change";
        case ReasonClass::Outcome:
            return "Outcome";
        case ReasonClass::Note:
            return "Note";
    }
    return "";
}

std::span<const Reason> AllReasons() {
    return kTable;
}

const Reason* FindReason(std::string_view name) {
    const auto* row = std::ranges::find(kTable, name, &Reason::name);
    return row == std::end(kTable) ? nullptr : row;
}

}  // namespace dlws::model

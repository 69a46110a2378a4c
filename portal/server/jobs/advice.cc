// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/advice.h"

#include <algorithm>
#include <array>
#include <utility>

#include "model/reason.h"

namespace dlws::portal {

namespace {

namespace reason = model::reason;
using Advice = std::pair<std::string_view, std::string_view>;

constexpr std::string_view kNotTheJobsFault =
    "It was not the job's fault: submit it again; a higher retry.infrastructureLimit lets it "
    "survive more of these.";

// Where more can be said than what the reason means.
constexpr std::array kAdvice = {
    Advice{reason::kUnschedulable.name,
           "It starts as soon as a node has room; fewer GPUs a pod, or another gpuType, may start "
           "sooner."},
    Advice{reason::kAwaitingApproval.name,
           "Ask an approver of the namespace, who must be somebody else; the job starts as soon as "
           "it is approved."},
    Advice{reason::kQuotaExceeded.name,
           "Stop another job of the namespace, ask for less, or ask an administrator for a larger "
           "quota; it then starts by itself."},
    Advice{reason::kPodRefused.name,
           "A rule of the cluster refuses the pods: show an administrator what it says."},
    Advice{reason::kVolumeCannotMount.name,
           "An administrator must see to the storage on that node; the job then starts by itself."},
    Advice{reason::kSpecInvalid.name, "Correct what is named and submit the job again."},
    Advice{reason::kUnknownStorage.name,
           "Choose one of the cluster's storages and submit the job again."},
    Advice{reason::kPermissionDenied.name,
           "Submit the job again without it, or ask an administrator to allow it."},
    Advice{reason::kImageWithoutDigest.name,
           "Name the image by digest, as IMAGE@sha256:…, and submit the job again."},
    Advice{reason::kConflictsWithCluster.name,
           "Leave what is named out of podOverrides and submit the job again."},
    Advice{reason::kNameTaken.name,
           "Submit the job under another name, or delete the object that is named."},
    Advice{
        reason::kImageCannotBePulled.name,
        "Look at the image's name and tag, and at imagePullSecrets; the job starts by itself once "
        "the image can be pulled."},
    Advice{reason::kImageNameInvalid.name,
           "Write the image as registry.example/digits:1 and submit the job again."},
    Advice{reason::kContainerConfig.name,
           "Make the Secret or the key that is named; the job then starts by itself."},
    Advice{reason::kExitCode.name,
           "Read the end of its log; retry.limit lets the next one start anew after such an end."},
    Advice{reason::kSignal.name,
           "Read the end of its log; retry.limit lets the next one start anew after such an end."},
    Advice{reason::kOutOfMemory.name,
           "Raise resources.memory of the role, or let it use less, and submit the job again."},
    Advice{reason::kCannotStart.name,
           "Look at command and image: the program must be in the image, and executable."},
    Advice{reason::kEvicted.name, kNotTheJobsFault},
    Advice{reason::kNodeRefused.name, kNotTheJobsFault},
    Advice{reason::kNodeLost.name, kNotTheJobsFault},
    Advice{reason::kStorageRemounted.name, kNotTheJobsFault},
    Advice{reason::kStorageFailed.name, kNotTheJobsFault},
    Advice{reason::kPodDeleted.name, kNotTheJobsFault},
    Advice{reason::kApprovalDenied.name,
           "Do without what was denied, or talk to who denied it, and submit the job again."},
    Advice{reason::kApprovalRevoked.name, "Submit the job again and ask for another approval."},
    Advice{reason::kApprovalExpired.name, "Submit the job again and ask for another approval."},
    Advice{reason::kPodAltered.name,
           "Some admission of the cluster changes pods: show an administrator what it says."},
    Advice{reason::kDeadlineExceeded.name,
           "Raise activeDeadlineSeconds, let it go on from a checkpoint, and submit it again."}};

}  // namespace

std::string_view AdviceFor(const Row& row) {
    using model::Phase;
    if (row.phase == Phase::Suspended) return "Resume it to let it go on.";
    if (row.phase == Phase::Succeeded || row.phase == Phase::Stopped) return "";
    if (row.phase == Phase::Restarting && !row.pending) return "";  // it goes on by itself
    const auto known = std::ranges::find(kAdvice, row.reason, &Advice::first);
    if (known != kAdvice.end()) return known->second;
    const model::Reason* found = model::FindReason(row.reason);
    return found ? found->text : "";
}

}  // namespace dlws::portal

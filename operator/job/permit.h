// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "kube/api.h"
#include "model/resources.h"
#include "operator/job/decide.h"

/// @file
/// What the executor asks of the API server about special permissions: the kept template, and
/// whether an approval still holds. Every read is a quorum read.

namespace dlws::job {

/// Error of a read: what is told to nobody but the administrator, and may be tried again.
template <typename T>
using Read = kube::Awaitable<kube::Result<T>>;

/// The approvals for this job's UID, whatever they say. One that cannot be read counts as none.
Read<std::vector<model::Approval>> ReadApprovals(kube::Api& api, const World& world);

/// What the job's ControllerRevision keeps; made from `rendered` if there is none and it is not
/// null.
Read<Kept> KeepTemplate(kube::Api& api, const World& world, const model::Rendered* rendered);

/// Empty: the approver holds the rights to approve now. Otherwise why not.
Read<std::string> MayStillApprove(kube::Api& api, const Permit& permit);

/// Empty: the job and the approval are there as they were, and it holds at this moment by the API
/// server's clock. Otherwise why not. Asked right before each pod.
Read<std::string> StillHolds(kube::Api& api, const World& world, const Permit& permit);

}  // namespace dlws::job

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "portal/server/approvals/question_table.h"
#include "portal/server/backend.h"
#include "portal/server/router.h"

namespace dlws::portal {

struct Approvals {
    Backend& backend;
    const QuestionTable& questions;
};

/// ListApprovals from the cache; ApproveJob, DenyJob and RevokeApproval with the caller's token.
/// `approvals`, and what it refers to, outlives the router.
void AddApprovals(Router& router, const Approvals& approvals);

/// Why the caller may not decide over the job's permissions, in a sentence; empty: they may. Four
/// eyes, and the rights to make a DLJobApproval, to approve the job and each class by its name. An
/// API server that is away is "may not".
kube::Awaitable<std::string> WhyNotDecide(const Visibility& visibility, const Caller& caller,
                                          const model::DLJob& job);

/// Schema ApprovalQuestion. `why_not` empty: the caller may decide. Pure.
std::string QuestionJson(const model::DLJob& job, const std::string& why_not);

}  // namespace dlws::portal

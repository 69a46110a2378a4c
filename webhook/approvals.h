// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "kube/api.h"
#include "model/approval.h"
#include "webhook/review.h"

/// @file
/// Who may approve what: rules as pure functions of the request and of what was looked up for it,
/// and the look-ups.

namespace dlws::webhook {

/// True for a request about a DLJobApproval.
bool IsApproval(const Review& review);

/// What must be known to decide over a new approval.
struct Facts {
    std::optional<model::DLJob> job;  ///< the job that it names; none: there is none
    std::string missing_right;        ///< the first right that its maker lacks; empty: none
    model::Time now{};
};

/// Nothing is known without a look at the API server. Error: why it could not be had.
kube::Awaitable<std::expected<Facts, std::string>> LookUp(kube::Api& api, const Review& review);

/// `spec.approver` is who creates it, whatever the request says.
Verdict StampApprover(const Review& review);

/// A new approval is refused unless it is for the job as it is, by somebody else who has the right
/// to. `service_accounts`: those that may approve; no other of their kind.
Verdict ValidateApproval(const Review& review, const Facts& facts,
                         const std::vector<std::string>& service_accounts);

/// A line of audit for what was decided: a request for permissions, an approval, a denial, one
/// that was taken back, or a refusal of any of them. Nothing for a dry run, and for what concerns
/// no permission.
void AuditReview(const Review& review, const Verdict& verdict);

}  // namespace dlws::webhook

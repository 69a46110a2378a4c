// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/dlcluster.h"
#include "webhook/review.h"

/// @file
/// What becomes of a request, as pure functions of it. Defaults live in the CRD and nothing else is
/// mutated than the stamps of who made something; a request about a kind that is not ours is
/// allowed as it is.

namespace dlws::webhook {

/// A DLJob gets `spec.submittedBy`: who creates it, whatever the request says. An update keeps what
/// is there, also one that leaves it out (kubectl replace). A job that was made while admission was
/// not there stays without.
Verdict Mutate(const Review& review);

/// What the CRD's rules cannot say. A DLJob that could never become pods is refused with what to
/// write instead; one that waits for an administrator is allowed with a warning. An update that
/// leaves spec as it is passes always, and so does one of a job that was as wrong before: whatever
/// made it pass then, it must be possible to stop it now. `cluster`: null when there is none.
Verdict Validate(const Review& review, const model::DLCluster* cluster);

}  // namespace dlws::webhook

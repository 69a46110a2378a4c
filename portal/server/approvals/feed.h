// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "portal/server/approvals/handlers.h"
#include "portal/server/stream/feed.h"

namespace dlws::portal {

/// The topic `approvals`: how many questions wait that the caller may decide, told anew when it is
/// another number. The longest waiting kMostCounted are looked at, since each is a review of its
/// own. `approvals` outlives it.
inline constexpr std::size_t kMostCounted = 100;
std::unique_ptr<Feed> MakeApprovalsFeed(const Approvals& approvals, const Topic& topic);

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "model/dlnode.h"
#include "model/dluser.h"

/// @file
/// From DLUsers and what the agents tell of their folders to the status of each DLUser. Pure.

namespace dlws::user {

/// An agent that takes over looks at all folders within this time; until then a quota that nobody
/// tells is still what it was.
inline constexpr std::chrono::minutes kKeepQuotas{15};

/// By user, as the newest of the agents that tell something of a folder says. `now`: agents that
/// were silent for too long do not count.
std::map<std::string, std::vector<model::NodeHome>> HomesByUser(
    const std::vector<const model::DLNode*>& nodes, model::Time now);

/// `problem`: why the user runs nothing (UserDirectory::Problem). `homes`: what is told of the
/// user's folders. `keep`: quotas to go on with when none is told.
model::UserStatus StatusOf(const model::DLUser& user, const std::string& problem,
                           const std::vector<model::NodeHome>& homes,
                           const std::vector<model::UserStatus::Quota>& keep);

/// Whether it is worth a write. What is left of a quota changes all the time: by a hundredth of it.
bool IsNews(const model::UserStatus& was, model::UserStatus now);

}  // namespace dlws::user

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "portal/server/jobs/row.h"

namespace dlws::portal {

/// One sentence: what can be done about the state that the job is in. What its reason is called
/// in the table of reasons, where that says no less; empty: nothing needs to be done.
std::string_view AdviceFor(const Row& row);

}  // namespace dlws::portal

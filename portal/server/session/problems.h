// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "portal/server/problem.h"
#include "portal/server/session/store.h"

/// @file
/// What is said where a login, or what a session is needed for, does not work. Pure.

namespace dlws::portal {

/// 403; `why` as csrf.h gives it.
Problem CrossSite(const std::string& why);
/// 401; `why` as WhyOver gives it, or empty.
Problem Over(const std::string& why);
/// 503: sessions or the provider cannot be asked.
Problem LoginAway(std::string detail);
/// 429 of Tries.
Problem TooManyTries();
Problem FromStore(const StoreError& error);

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kube/store.h"
#include "model/dluser.h"
#include "portal/server/backend.h"
#include "portal/server/router.h"

namespace dlws::portal {

/// GetMe, GetUser and ListNamespaces.
struct People {
    Backend& backend;
    const kube::Store& users;                              ///< DLUsers
    std::function<std::vector<std::string>()> namespaces;  ///< that jobs run in
};

/// A DLUser with its status.
struct KnownUser {
    model::DLUser user;
    model::UserStatus status;
};
/// Those of that username: more than one where an administrator has made a mistake. O(users).
std::vector<KnownUser> UsersOf(const kube::Store& users, const std::string& username);

/// `people`, and what it refers to, outlives the router.
void AddPeople(Router& router, const People& people);

}  // namespace dlws::portal

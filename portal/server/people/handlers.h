// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kube/store.h"
#include "portal/server/backend.h"
#include "portal/server/router.h"

namespace dlws::portal {

/// GetMe, GetUser and ListNamespaces.
struct People {
    Backend& backend;
    const kube::Store& users;                              ///< DLUsers
    std::function<std::vector<std::string>()> namespaces;  ///< that jobs run in
};

/// `people`, and what it refers to, outlives the router.
void AddPeople(Router& router, const People& people);

}  // namespace dlws::portal

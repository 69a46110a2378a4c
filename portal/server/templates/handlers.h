// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "portal/server/backend.h"
#include "portal/server/router.h"
#include "portal/server/templates/table.h"

namespace dlws::portal {

struct Templates {
    Backend& backend;
    const TemplateTable& table;
};

/// ListTemplates from the cache; GetTemplate, SaveTemplate and DeleteTemplate with the caller's
/// token. The ETag of a template is its resourceVersion, so that If-Match is the API server's own
/// precondition. `templates`, and what it refers to, outlives the router.
void AddTemplates(Router& router, const Templates& templates);

}  // namespace dlws::portal

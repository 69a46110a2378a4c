// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>
#include <expected>
#include <optional>
#include <string_view>

#include "model/resources.h"
#include "portal/server/problem.h"

/// @file
/// A saved form: a DLJobTemplate (crds/dljobtemplate.yaml) as portal/openapi.yaml has it. Pure.

namespace dlws::portal {

/// When somebody saved it here last, RFC 3339: the API server itself tells that of no object but
/// among managedFields, which nothing of ours keeps. Who writes by kubectl leaves it as it was.
inline constexpr std::string_view kSavedAtAnnotation = "dlworkspace.io/saved-at";

/// Schema TemplateRow of a DLJobTemplate as the API server sent it; `with_job`: schema Template.
/// Nothing for what is no JSON of one.
std::optional<boost::json::object> TemplateJson(std::string_view dljobtemplate, bool with_job);

/// `spec` of the DLJobTemplate that the body of SaveTemplate means. What a job may not say about
/// itself here is left out: apiVersion and kind, which are known, its namespace, its status, and
/// kubectl's copy of the manifest. What the rest may be, the API server checks. Problem: 400.
std::expected<boost::json::object, Problem> TemplateSpec(const boost::json::value& content);

/// Gives errors the paths of the body, which is `spec` of what the API server was sent.
void FindInBody(Problem& problem);

}  // namespace dlws::portal

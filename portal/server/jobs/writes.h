// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "portal/server/jobs/handlers.h"

namespace dlws::portal {

/// SubmitJob, KillJob, SuspendJob, ResumeJob, DeleteJob and GetJobManifest: what the API server
/// does, or reads, with the caller's token. `jobs` outlives the router.
void AddJobWrites(Router& router, const Jobs& jobs);

/// What strict decoding says of unknown fields stands in a sentence alone; as errors of fields.
/// Pure.
void FindFields(Problem& problem);

enum class Form { Yaml, Json };
/// By Accept (RFC 9110, 12.5.1); YAML if both are as welcome. Problem: 406. Pure.
std::expected<Form, Problem> FormFor(std::string_view accept);

/// A manifest that can be submitted again: name, labels, annotations and spec as they were
/// written, without what is of this job alone. Pure.
boost::json::value CloneOf(const boost::json::value& dljob);

}  // namespace dlws::portal

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "cli/failure.h"
#include "cli/http_client.h"

namespace dlws::cli {

/// What an answer that is none of 2xx means for people and scripts. Of problem+json (RFC 9457) each
/// field has its line: `spec.roles[0].gpus: must be at most 128 (line 9 of job.yaml)`. `source` is
/// the file that was sent, or empty. Pure.
Failure ProblemOf(const HttpReply& reply, std::string_view server, std::string_view source = "");

/// The exit code for an HTTP status; 0: there was no answer.
int ExitFor(int status);

}  // namespace dlws::cli

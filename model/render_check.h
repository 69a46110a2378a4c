// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "model/render.h"
#include "model/ssh.h"

/// @file
/// Internal to model/: why a job cannot be rendered. The API server has checked most of it; a job
/// that came past it must still not harm.

namespace dlws::model {

std::unexpected<RenderError> Error(const Reason& why, std::string message);

/// Names, paths, quantities, and roles that wait for one another.
std::expected<void, RenderError> CheckJob(const DLJob& job, const PodUser& user);

/// What only very large jobs meet: the API server or the kernel would refuse it later, in words
/// that help nobody.
std::expected<void, RenderError> CheckSizes(const Rendered& rendered,
                                            const std::vector<JobFile>& files);

}  // namespace dlws::model

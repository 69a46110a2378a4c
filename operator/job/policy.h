// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "model/dljob.h"
#include "model/status.h"

/// @file
/// The rules of a job's life that are numbers: how often and how soon it starts anew, which nodes
/// it keeps away from, how long it has held its pods. Pure.

namespace dlws::job {

/// A pod that should have ended so long ago is on a node that does not answer.
inline constexpr std::chrono::seconds kNotAnswering{30};

/// An attempt that ran for so long has nothing to do with those that failed before it.
inline constexpr std::chrono::minutes kLongAttempt{10};
/// How long the next attempt waits after `status.attempts`: nothing after one short attempt, then
/// 10 s, 20 s and so on up to 5 minutes.
std::chrono::seconds RestartDelay(const model::JobStatus& status);

/// True when the job may start anew after a failure of that cause.
bool MayRetry(const model::Retry& retry, const model::Restarts& restarts, model::Cause cause);

/// The sentence that says so when it may not; empty where nothing was to be expected.
std::string UsedUp(const model::Retry& retry, model::Cause cause);

/// The sentence that says why the job has succeeded.
std::string SuccessMessage(const model::Success& success);

/// Remembers that an attempt failed on the node by its fault: for half an hour after the first
/// time, twice as long after each further, at most a day.
void AvoidNode(model::JobStatus& status, std::string_view node, model::Time now);
/// Forgets nodes whose time is over.
void ForgetNodes(model::JobStatus& status, model::Time now);

/// Seconds in which the job held pods, for activeDeadlineSeconds.
std::chrono::seconds ActiveTime(const model::JobStatus& status, model::Time now);

/// Appends an attempt; the oldest goes when there are too many.
void RecordAttempt(model::JobStatus& status, model::Failure failure, model::Time now);
/// The attempt with which the whole gang last began; pods replaced alone have later ones.
int GangAttempt(const model::JobStatus& status);
/// True when every pod of that attempt was created once.
bool IsLaunched(const model::JobStatus& status);
/// True when the current attempt has failed already.
bool AttemptFailed(const model::JobStatus& status);

}  // namespace dlws::job

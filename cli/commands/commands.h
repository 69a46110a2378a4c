// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// What each command does. Each returns the exit code, or throws a Failure.

namespace dlws::cli {

struct Session;

int RunLogin(Session& session);
int RunLogout(Session& session);
int RunSubmit(Session& session);
int RunList(Session& session);
int RunGet(Session& session);
int RunWhy(Session& session);
int RunLogs(Session& session);
int RunStop(Session& session);
int RunSuspend(Session& session);
int RunResume(Session& session);
int RunDelete(Session& session);
int RunApprove(Session& session);
int RunDeny(Session& session);
int RunTop(Session& session);
int RunHistory(Session& session);
int RunCompletion(Session& session);

}  // namespace dlws::cli

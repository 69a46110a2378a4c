// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// `dlws-agent run`: all parts of one node's agent, until it is told to stop.

namespace dlws::agent {

/// The process's exit code; `argv[0]` is the word `run`.
int RunAgent(int argc, char** argv);

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// `dlws-agent serve-archive`: archived logs over HTTP on 127.0.0.1, to the portal in the same pod
/// (server.h). It is root with SETUID and SETGID alone, opens each file as the job's user, and
/// where the kernel has Landlock it can only read (confine.h); else it says so once in its log. It
/// has no identity at the API server: it asks with the tokens of those who want to read.

namespace dlws::agent {

/// The process's exit code; `argv[0]` is the word `serve-archive`.
int RunServeArchive(int argc, char** argv);

}  // namespace dlws::agent

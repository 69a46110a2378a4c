// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// `dlws-agent serve-samba`: runs Samba's server, which serves the users and shares that the
/// operator wrote into a ConfigMap, with the passwords in Secrets of one namespace.

namespace dlws::agent {

/// The process's exit code; `argv[0]` is the word `serve-samba`.
int RunServeSamba(int argc, char** argv);

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/dljob.h"

/// @file
/// What the pods of a job find that starts its processes over ssh (frameworks MPI and DeepSpeed):
/// a hostfile, the settings of client and server, and three small scripts for /bin/sh. The image
/// brings `ssh` for the launcher and `sshd` for the workers, nothing else of it is ours. Pure.
///
/// One key pair a job: it names the launcher to the workers, and every server to its clients, so
/// that a host key is checked and no pod of another job is trusted.

namespace dlws::model {

/// A file below /job, from the job's ConfigMap.
struct JobFile {
    std::string key;   ///< in the ConfigMap
    std::string path;  ///< below /job
    std::string content;
    int mode = 0444;
};

/// The files, in the order in which they are mounted.
std::vector<JobFile> SshFiles(const DLJob& job);

/// The command of a worker whose role has none: an ssh server.
std::string SshWorkerScript();
/// What the launcher runs before its own command: it waits until every worker answers.
std::string SshWaitScript();

/// The Secret of kSshKeysPath. `private_key`: an OpenSSH private key file; `public_key`: a line
/// such as "ssh-ed25519 AAAA…".
std::string MakeSshSecret(const Metadata& job, std::string_view private_key,
                          std::string_view public_key);

}  // namespace dlws::model

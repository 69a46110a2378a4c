// SPDX-License-Identifier: Apache-2.0
// The agent of one node. Its first word says what it does; most words are for children of its own,
// which touch what may hang.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/archive/serve_command.h"
#include "agent/logs/show_command.h"
#include "agent/samba/server.h"
#include "agent/storage/check_command.h"
#include "agent/storage/folders_command.h"
#include "agent/storage/home_command.h"
#include "agent/supervise/supervise_command.h"

namespace {

constexpr std::string_view kUsage =
    "dlws-agent: facts, folders and logs of one node.\n\n"
    "Usage: dlws-agent COMMAND [--name=value ...]\n\n"
    "  run           looks after this node until it is told to stop\n"
    "  supervise     runs another command, and starts it again when it dies\n"
    "  logs          prints the archived logs of a job\n"
    "  check-mount   tells as JSON what a storage is like on this node\n"
    "  make-home     makes a user's folder on a storage unless it is there\n"
    "  make-folders  makes a job's missing folders, in its pod and as its user\n"
    "  serve-archive shows archived logs to the portal\n"
    "  serve-samba   runs the Samba server of the cluster\n"
    "  --version     prints the version\n"
    "  --help        prints this; dlws-agent COMMAND --help its flags\n";

}  // namespace

int main(int argc, char** argv) {
    const std::string command = argc > 1 ? argv[1] : "";
    const std::vector<std::string> args(argv + std::min(argc, 2), argv + argc);
    if (command == "run") return dlws::agent::RunAgent(argc - 1, argv + 1);
    if (command == "supervise") return dlws::agent::RunSupervise(args);
    if (command == "logs") return dlws::agent::RunShowLogs(args);
    if (command == "check-mount") return dlws::agent::RunCheckMount(args);
    if (command == "make-home") return dlws::agent::RunMakeHome(args);
    if (command == "make-folders") return dlws::agent::RunMakeFolders(args);
    if (command == "serve-archive") return dlws::agent::RunServeArchive(argc - 1, argv + 1);
    if (command == "serve-samba") return dlws::agent::RunServeSamba(argc - 1, argv + 1);
    if (command == "--version") {
        fmt::print("dlws-agent {}\n", DLWS_VERSION);
        return 0;
    }
    if (command == "--help") {
        fmt::print("{}", kUsage);
        return 0;
    }
    fmt::print(stderr, "dlws-agent: {}; see dlws-agent --help\n",
               command.empty() ? "say what to do" : "there is no command \"" + command + "\"");
    return 2;
}

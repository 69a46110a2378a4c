// SPDX-License-Identifier: Apache-2.0
#include <spawn.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include "cli/session.h"

extern char** environ;

namespace {

using dlws::cli::World;

bool HasColours(int fd) {
    const char* off = std::getenv("NO_COLOR");  // no-color.org
    const char* terminal = std::getenv("TERM");
    return ::isatty(fd) && (!off || !*off) && terminal && std::strcmp(terminal, "dumb") != 0;
}

std::size_t WidthOf(int fd) {
    winsize size{};
    return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// Whether there is one, and what becomes of it, is not waited for: the address is printed too.
void OpenBrowser(const std::string& url) {
    std::string program = "xdg-open", address = url;
    char* arguments[] = {program.data(), address.data(), nullptr};
    posix_spawn_file_actions_t silent;
    ::posix_spawn_file_actions_init(&silent);
    for (const int fd : {0, 1, 2})
        ::posix_spawn_file_actions_addopen(&silent, fd, "/dev/null", fd == 0 ? 0 : 1, 0);
    pid_t pid = 0;
    (void)::posix_spawnp(&pid, program.c_str(), &silent, nullptr, arguments, environ);
    ::posix_spawn_file_actions_destroy(&silent);
}

const char* Variable(const char* name) {
    return std::getenv(name);
}

}  // namespace

int main(int argc, char** argv) {
    World world;
    // A file of this name on the PATH is what kubectl runs for `kubectl dlws`.
    world.as_kubectl = std::filesystem::path(argc > 0 ? argv[0] : "").filename() == "kubectl-dlws";
    if (world.as_kubectl) world.program = "kubectl dlws";
    world.variable = &Variable;
    world.in_is_terminal = ::isatty(0);
    world.screen = {static_cast<bool>(::isatty(1)), HasColours(1), WidthOf(1)};
    world.err_colour = HasColours(2);
    world.now = [] {
        return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    };
    world.open_browser = &OpenBrowser;
    return dlws::cli::Main(world, {argv + 1, argv + std::max(argc, 1)});
}

// SPDX-License-Identifier: Apache-2.0
#include "agent/supervise/supervise_command.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <deque>
#include <optional>
#include <system_error>
#include <thread>

#include "kube/log.h"

namespace dlws::agent {
namespace {

constexpr std::string_view kLog = "supervisor";

// Its pid; -1: errno says why. The child does not outlive us, and has the signal mask `mask`.
pid_t Start(const std::string& program, const std::vector<std::string>& arguments,
            const sigset_t& mask) {
    std::vector<char*> argv{const_cast<char*>("dlws-agent")};
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const pid_t us = ::getpid();
    const pid_t child = ::fork();
    if (child != 0) return child;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != us) ::_exit(1);
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
    ::execv(program.c_str(), argv.data());
    ::_exit(127);
}

// How the child `wanted` ended, if it has; whatever else has ended is gone after this.
std::optional<int> Reap(pid_t wanted) {
    std::optional<int> code;
    int status = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;)
        if (ended == wanted)
            code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return code;
}

}  // namespace

int Supervise(const std::vector<std::string>& arguments, const SuperviseSettings& settings) {
    using Clock = std::chrono::steady_clock;
    sigset_t signals, before;
    ::sigemptyset(&signals);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT})
        ::sigaddset(&signals, signal);
    // Blocked, they wait for sigwaitinfo(): none gets lost between two calls.
    ::sigprocmask(SIG_BLOCK, &signals, &before);
    std::deque<Clock::time_point> deaths;
    bool told = false;
    while (true) {
        const pid_t child = Start(settings.program, arguments, before);
        if (child < 0) {
            kube::LogError(kLog, "cannot start: {}", std::generic_category().message(errno));
            return 1;
        }
        std::optional<int> code;
        while (!code) {
            const int signal = ::sigwaitinfo(&signals, nullptr);
            if (signal == SIGCHLD) code = Reap(child);
            if (signal != SIGTERM && signal != SIGINT) continue;
            told = true;
            ::kill(child, signal);
        }
        if (told || *code == 0 || *code == 2) return *code;
        const auto now = Clock::now();
        while (!deaths.empty() && now - deaths.front() > settings.window)
            deaths.pop_front();
        deaths.push_back(now);
        if (std::ssize(deaths) > settings.restarts) {
            kube::LogError(kLog, "the agent ended with code {}, the {}th time within {} s: enough",
                           *code, deaths.size(), settings.window.count());
            return *code;
        }
        kube::LogWarning(kLog, "the agent ended with code {}; starting it again", *code);
        std::this_thread::sleep_for(settings.pause);
    }
}

int RunSupervise(const std::vector<std::string>& args) {
    if (!args.empty() && args[0] != "--help") return Supervise(args);
    fmt::print(args.empty() ? stderr : stdout,
               "dlws-agent supervise: runs another command and starts it again when it dies.\n\n"
               "Usage: dlws-agent supervise COMMAND [--name=value ...]\n");
    return args.empty() ? 2 : 0;
}

}  // namespace dlws::agent

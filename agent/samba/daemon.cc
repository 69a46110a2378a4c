// SPDX-License-Identifier: Apache-2.0
#include "agent/samba/daemon.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

#include "agent/files/beneath.h"
#include "agent/files/spawn.h"

namespace dlws::agent {

namespace asio = boost::asio;

kube::Awaitable<std::string> Daemon::Run() {
    const auto started = Spawn(words_, SpawnFiles());
    if (!started)
        co_return fmt::format("cannot run {}: {}", words_.front(), ErrnoText(started.error()));
    pid_ = *started;
    struct Guard {
        explicit Guard(pid_t& pid_in) : pid(pid_in) {}
        Guard(const Guard&) = delete;
        ~Guard() {
            if (pid > 0) ::kill(pid, SIGTERM);
        }
        pid_t& pid;
    } guard(pid_);
    // glibc 2.36 declares pidfd_open() without extern "C".
    Fd exit_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!exit_fd) co_return fmt::format("pidfd_open: {}", ErrnoText(errno));
    asio::posix::stream_descriptor exited(co_await asio::this_coro::executor, exit_fd.Release());
    co_await exited.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    if (WIFSIGNALED(status))
        co_return fmt::format("{} was ended by signal {}", words_.front(), WTERMSIG(status));
    co_return fmt::format("{} ended with exit code {}", words_.front(), WEXITSTATUS(status));
}

void ReapStrays(const std::vector<pid_t>& ours) {
    while (true) {
        siginfo_t next{};
        if (::waitid(P_ALL, 0, &next, WEXITED | WNOHANG | WNOWAIT) != 0 || next.si_pid == 0 ||
            std::ranges::find(ours, next.si_pid) != ours.end())
            return;
        ::waitpid(next.si_pid, nullptr, WNOHANG);
    }
}

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/samba/daemon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <thread>

#include "kube/testing/run.h"

namespace dlws::agent {
namespace {

namespace asio = boost::asio;
using ::testing::HasSubstr;

TEST(Daemon, TellsHowItEnded) {
    asio::io_context io;
    Daemon fails({"/bin/sh", "-c", "exit 3"});
    EXPECT_EQ(kube::testing::Run(io, fails.Run()), "/bin/sh ended with exit code 3");
    EXPECT_EQ(fails.pid(), 0);
    Daemon killed({"/bin/sh", "-c", "kill -9 $$"});
    EXPECT_EQ(kube::testing::Run(io, killed.Run()), "/bin/sh was ended by signal 9");
    Daemon absent({"/no/such/program"});
    EXPECT_THAT(kube::testing::Run(io, absent.Run()), HasSubstr("cannot run /no/such/program: No"));
}

TEST(Daemon, IsEndedWhenItIsCancelled) {
    asio::io_context io;
    Daemon sleeps({"/bin/sleep", "600"});
    asio::cancellation_signal cancel;
    bool ended = false;
    asio::co_spawn(io, sleeps.Run(),
                   asio::bind_cancellation_slot(
                       cancel.slot(), [&](std::exception_ptr, std::string) { ended = true; }));
    kube::testing::RunFor(io, std::chrono::milliseconds(50));
    const pid_t pid = sleeps.pid();
    ASSERT_GT(pid, 0);
    cancel.emit(asio::cancellation_type::terminal);
    kube::testing::RunFor(io, std::chrono::milliseconds(50));
    EXPECT_TRUE(ended);
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

TEST(Daemon, StraysAreTakenInAndOursAreNot) {
    const pid_t stray = fork();
    if (stray == 0) _exit(0);
    siginfo_t info{};
    ASSERT_EQ(waitid(P_PID, id_t(stray), &info, WEXITED | WNOWAIT), 0);  // it has ended
    ReapStrays({stray});
    EXPECT_EQ(waitid(P_PID, id_t(stray), &info, WEXITED | WNOWAIT), 0) << "somebody waits for it";
    ReapStrays({});
    EXPECT_EQ(waitpid(stray, nullptr, WNOHANG), -1) << "it was taken in";
}

}  // namespace
}  // namespace dlws::agent

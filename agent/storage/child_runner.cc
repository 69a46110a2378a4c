// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/child_runner.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <expected>
#include <utility>

#include "agent/files/beneath.h"
#include "agent/files/spawn.h"

namespace dlws::agent {
namespace {

namespace asio = boost::asio;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

// Reads what the child prints, then waits for its end.
kube::Awaitable<void> Follow(asio::posix::stream_descriptor& output,
                             asio::posix::stream_descriptor& exited, std::string& text,
                             std::size_t most) {
    char chunk[4096];
    const auto buffer = asio::buffer(chunk);
    boost::system::error_code error;
    while (!error) {
        const auto [why, n] = co_await output.async_read_some(buffer, kTuple);
        text.append(chunk, std::min(n, most - text.size()));
        error = why;
    }
    if (error == asio::error::eof)
        co_await exited.async_wait(asio::posix::stream_descriptor::wait_read, kTuple);
}

kube::Awaitable<void> Alarm(asio::steady_timer& timer) {
    co_await timer.async_wait(kTuple);
}

std::string_view LastLine(std::string_view text) {
    while (text.ends_with('\n'))
        text.remove_suffix(1);
    return text.substr(text.rfind('\n') + 1, 500);
}

// A file that reads as `text` from its start; none: errno says why.
Fd InMemory(const std::string& text) {
    Fd file(::memfd_create("input", MFD_CLOEXEC));
    if (file && (::write(file.get(), text.data(), text.size()) != ssize_t(text.size()) ||
                 ::lseek(file.get(), 0, SEEK_SET) != 0))
        return Fd();
    return file;
}

std::unexpected<ChildRunner::Answer> Failure(std::string_view what, int error) {
    return std::unexpected(ChildRunner::Answer{ChildRunner::Answer::kFailed,
                                               fmt::format("{}: {}", what, ErrnoText(error))});
}

}  // namespace

// Killed when it is given up.
class ChildRunner::Child {
  public:
    explicit Child(pid_t pid) : pid_(pid) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { Kill(); }

    pid_t pid() const { return pid_; }
    int status() const { return status_; }

    // True when it has ended. Never waits.
    bool Reap() {
        const pid_t ended = pid_ == 0 ? 0 : ::waitpid(pid_, &status_, WNOHANG);
        if (ended < 0) status_ = 255 << 8;  // somebody else took it in: how it ended is lost
        if (ended != 0) pid_ = 0;
        return pid_ == 0;
    }
    void Kill() {
        if (!Reap()) ::kill(pid_, SIGKILL);
    }

  private:
    pid_t pid_;  // 0: reaped
    int status_ = 0;
};

ChildRunner::ChildRunner(asio::any_io_executor executor, Settings settings)
    : executor_(std::move(executor)), settings_(std::move(settings)) {}

ChildRunner::~ChildRunner() = default;

std::size_t ChildRunner::Outstanding() {
    std::erase_if(children_, [](const auto& child) { return child.second->Reap(); });
    return children_.size();
}

kube::Awaitable<ChildRunner::Answer> ChildRunner::Run(std::string key,
                                                      std::vector<std::string> arguments,
                                                      std::string input) {
    Outstanding();
    if (children_.contains(key)) co_return Answer{Answer::kNoAnswer, ""};
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) co_return Failure("pipe", errno).error();
    Fd from(ends[0]);
    Fd to(ends[1]);
    arguments.insert(arguments.begin(), settings_.program);
    const Fd in = InMemory(input);
    if (!in) co_return Failure("memfd_create", errno).error();
    const auto pid = Spawn(std::move(arguments), {.in = in.get(), .out = to.get()});
    if (!pid) co_return Failure("cannot run " + settings_.program, pid.error()).error();
    to = Fd();
    const auto child = std::make_shared<Child>(*pid);
    children_[key] = child;
    // The frame may be destroyed while suspended, even after *this.
    struct Guard {
        explicit Guard(std::shared_ptr<Child> child_in) : child(std::move(child_in)) {}
        Guard(const Guard&) = delete;
        ~Guard() { child->Kill(); }
        std::shared_ptr<Child> child;
    } guard(child);
    // glibc 2.36 declares pidfd_open() without extern "C".
    Fd exit_fd(static_cast<int>(::syscall(SYS_pidfd_open, child->pid(), 0)));
    if (!exit_fd) co_return Failure("pidfd_open", errno).error();

    asio::posix::stream_descriptor output(executor_, from.Release());
    asio::posix::stream_descriptor exited(executor_, exit_fd.Release());
    asio::steady_timer timer(executor_, settings_.deadline);
    std::string text;
    using namespace asio::experimental::awaitable_operators;
    co_await (Follow(output, exited, text, settings_.max_output) || Alarm(timer));
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
    if (!child->Reap()) co_return Answer{Answer::kNoAnswer, ""};
    children_.erase(key);
    if (WIFSIGNALED(child->status()))
        co_return Answer{Answer::kFailed,
                         fmt::format("ended by signal {}", WTERMSIG(child->status()))};
    if (WEXITSTATUS(child->status()) != 0)
        co_return Answer{Answer::kFailed,
                         fmt::format("exit code {}{}{}", WEXITSTATUS(child->status()),
                                     text.empty() ? "" : ": ", LastLine(text))};
    co_return Answer{Answer::kDone, std::move(text)};
}

}  // namespace dlws::agent

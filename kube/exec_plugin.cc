// SPDX-License-Identifier: Apache-2.0
#include "kube/exec_plugin.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <map>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "kube/base64.h"
#include "kube/config_files.h"
#include "kube/rfc3339.h"

namespace dlws::kube::internal {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using boost::system::error_code;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxOutput = 1u << 20;
constexpr std::size_t kMaxComplaint = 2048;

std::unexpected<Error> Refuse(std::string message, ErrorKind kind = ErrorKind::kInvalidArgument) {
    return std::unexpected(Error{.kind = kind, .message = std::move(message)});
}

std::string ErrnoText(int error) {
    return std::generic_category().message(error);
}

/// A file descriptor that is closed at the end of its life.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }

  private:
    int fd_ = -1;
};

/// A child in a process group of its own; killed and reaped when this ends.
class Child {
  public:
    explicit Child(pid_t pid) : pid_(pid) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        Reap();
    }
    pid_t pid() const { return pid_; }
    int Reap() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = 0;
        return status;
    }

  private:
    pid_t pid_;
};

std::string ExecInfo(const Config& config) {
    json::object spec;
    spec["interactive"] = false;
    if (config.exec->provide_cluster_info) {
        const bool v6 = config.host.find(':') != std::string::npos;
        json::object cluster;
        cluster["server"] =
            fmt::format("{}://{}{}{}:{}{}", config.tls ? "https" : "http", v6 ? "[" : "",
                        config.host, v6 ? "]" : "", config.port, config.base_path);
        if (!config.ca_pem.empty()) {
            cluster["certificate-authority-data"] = EncodeBase64(config.ca_pem);
        }
        if (!config.tls_server_name.empty()) cluster["tls-server-name"] = config.tls_server_name;
        if (config.insecure_skip_verify) cluster["insecure-skip-tls-verify"] = true;
        spec["cluster"] = std::move(cluster);
    }
    json::object info;
    info["apiVersion"] = config.exec->api_version;
    info["kind"] = "ExecCredential";
    info["spec"] = std::move(spec);
    return json::serialize(info);
}

std::vector<std::string> Environment(const Config& config) {
    std::map<std::string, std::string> set = config.exec->env;
    set["KUBERNETES_EXEC_INFO"] = ExecInfo(config);
    std::vector<std::string> out;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text(*entry);
        if (!set.contains(text.substr(0, text.find('=')))) out.push_back(text);
    }
    for (const auto& [name, value] : set)
        out.push_back(fmt::format("{}={}", name, value));
    return out;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (auto& text : texts)
        out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

struct Pipe {
    Descriptor read, write;
};

Result<Pipe> MakePipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return Refuse(fmt::format("pipe: {}", ErrnoText(errno)));
    return Pipe{Descriptor(fds[0]), Descriptor(fds[1])};
}

Result<pid_t> Spawn(const Config& config, int out, int err) {
    const ExecPlugin& plugin = *config.exec;
    std::vector<std::string> args{plugin.command};
    args.insert(args.end(), plugin.args.begin(), plugin.args.end());
    std::vector<std::string> env = Environment(config);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // Its own group, so that what it starts ends with it; signals as a fresh process has them.
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t pid = 0;
    const int error = ::posix_spawnp(&pid, plugin.command.c_str(), &actions, &attributes,
                                     Pointers(args).data(), Pointers(env).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        return Refuse(fmt::format("cannot run the credential plugin '{}': {}{}{}", plugin.command,
                                  ErrnoText(error), plugin.install_hint.empty() ? "" : ". ",
                                  plugin.install_hint));
    }
    return pid;
}

/// Reads up to `limit` bytes; what comes after is drained and dropped. Ends at the end of the file
/// or when the descriptor is closed.
Awaitable<void> Drain(asio::posix::stream_descriptor& from, std::string& into, std::size_t limit) {
    char chunk[4096];
    const auto buffer = asio::buffer(chunk);
    while (true) {
        const auto [error, n] = co_await from.async_read_some(buffer, kTuple);
        if (into.size() < limit) into.append(chunk, std::min(n, limit - into.size()));
        if (error) co_return;
    }
}

std::string ExitText(int status) {
    if (WIFSIGNALED(status)) return fmt::format("was killed by signal {}", WTERMSIG(status));
    return fmt::format("exited with {}", WEXITSTATUS(status));
}

}  // namespace

Result<ExecCredential> ParseExecCredential(std::string text, const std::string& api_version) {
    error_code error;
    const json::value root = json::parse(text, error);
    const auto nonsense = [](std::string_view why) {
        return Refuse(fmt::format("the credential plugin's output is no ExecCredential: {}", why));
    };
    if (error || !root.is_object()) return nonsense("not a JSON object");
    const auto& object = root.get_object();
    const auto text_of = [](const json::object& from, std::string_view name) {
        const json::value* value = from.if_contains(name);
        return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                      : std::string();
    };
    if (text_of(object, "kind") != "ExecCredential") return nonsense("its kind is another");
    if (text_of(object, "apiVersion") != api_version) {
        return nonsense(fmt::format("its apiVersion is '{}', the kubeconfig says '{}'",
                                    text_of(object, "apiVersion"), api_version));
    }
    const json::value* status = object.if_contains("status");
    if (status == nullptr || !status->is_object()) return nonsense("it has no status");
    ExecCredential out;
    out.token = text_of(status->get_object(), "token");
    out.certificate_pem = text_of(status->get_object(), "clientCertificateData");
    out.key_pem = text_of(status->get_object(), "clientKeyData");
    if (out.certificate_pem.empty() != out.key_pem.empty()) {
        return nonsense("clientCertificateData and clientKeyData must come together");
    }
    if (out.token.empty() && out.certificate_pem.empty()) {
        return nonsense("its status has neither a token nor clientCertificateData");
    }
    const std::string expiration = text_of(status->get_object(), "expirationTimestamp");
    if (!expiration.empty()) {
        out.expiration = ParseRfc3339(expiration);
        if (!out.expiration) return nonsense("its expirationTimestamp is not RFC 3339");
    }
    return out;
}

Awaitable<Result<ExecCredential>> RunExecPlugin(asio::any_io_executor executor,
                                                const Config& config,
                                                std::chrono::milliseconds patience) {
    auto out = MakePipe();
    if (!out) co_return std::unexpected(out.error());
    auto err = MakePipe();
    if (!err) co_return std::unexpected(err.error());
    const auto pid = Spawn(config, out->write.get(), err->write.get());
    if (!pid) co_return std::unexpected(pid.error());
    Child child(*pid);
    out->write = Descriptor();
    err->write = Descriptor();
    // glibc 2.36 declares pidfd_open() without extern "C".
    const int exit_fd = static_cast<int>(::syscall(SYS_pidfd_open, child.pid(), 0));
    if (exit_fd < 0) co_return Refuse(fmt::format("pidfd_open: {}", ErrnoText(errno)));

    asio::posix::stream_descriptor exited(executor, exit_fd);
    asio::posix::stream_descriptor output(executor, out->read.release());
    asio::posix::stream_descriptor complaints(executor, err->read.release());
    // One deadline for all three: when it passes, the group is killed, and each of the waits below
    // ends. A grandchild that keeps the pipes open is in the group as well.
    bool timed_out = false;
    struct Alarm {
        asio::steady_timer timer;
        std::shared_ptr<bool> armed = std::make_shared<bool>(true);
        Alarm(const asio::any_io_executor& e, std::chrono::milliseconds after) : timer(e, after) {}
        Alarm(const Alarm&) = delete;
        Alarm& operator=(const Alarm&) = delete;
        ~Alarm() { *armed = false; }
    } alarm(executor, patience);
    const pid_t group = child.pid();
    alarm.timer.async_wait([&, group, armed = alarm.armed](const error_code& error) {
        if (error || !*armed) return;
        timed_out = true;
        ::kill(-group, SIGKILL);
        error_code ignored;
        output.close(ignored);
        complaints.close(ignored);
    });

    std::string text;
    std::string complaint;
    // Both at once: a plugin that fills one pipe must not wait for the other to be read.
    using namespace asio::experimental::awaitable_operators;
    co_await (Drain(output, text, kMaxOutput + 1) && Drain(complaints, complaint, kMaxComplaint));
    const auto [error] =
        co_await exited.async_wait(asio::posix::stream_descriptor::wait_read, kTuple);
    const std::string& command = config.exec->command;
    if (timed_out) {
        co_return Refuse(fmt::format("the credential plugin '{}' did not end within {} s", command,
                                     patience.count() / 1000.0),
                         ErrorKind::kTimeout);
    }
    if (error) co_return Refuse("cancelled, running a credential plugin", ErrorKind::kCancelled);
    const int status = child.Reap();
    if (status != 0) {
        while (!complaint.empty() && complaint.back() == '\n')
            complaint.pop_back();
        co_return Refuse(
            fmt::format("the credential plugin '{}' {}: {}", command, ExitText(status), complaint));
    }
    if (text.size() > kMaxOutput) {
        co_return Refuse(
            fmt::format("the credential plugin '{}' printed more than 1 MiB", command));
    }
    co_return ParseExecCredential(std::move(text), config.exec->api_version);
}

}  // namespace dlws::kube::internal

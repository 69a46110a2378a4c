// SPDX-License-Identifier: Apache-2.0
#include "test/faults/host_operator.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace dlws::faults {

HostOperator::HostOperator(Settings settings) : settings_(std::move(settings)) {}

HostOperator::~HostOperator() {
    Kill();
}

void HostOperator::Start() {
    std::lock_guard lock(mutex_);
    if (Reap()) Spawn();
}

bool HostOperator::StartIfEnded() {
    std::lock_guard lock(mutex_);
    if (!Reap()) return false;
    Spawn();
    return true;
}

void HostOperator::Kill() {
    std::lock_guard lock(mutex_);
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

void HostOperator::Signal(int signal) {
    std::lock_guard lock(mutex_);
    if (pid_ != 0) kill(pid_, signal);
}

pid_t HostOperator::pid() const {
    std::lock_guard lock(mutex_);
    return pid_;
}

int HostOperator::last_status() const {
    std::lock_guard lock(mutex_);
    return last_status_;
}

bool HostOperator::Reap() {
    int status = 0;
    if (pid_ != 0 && waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = 0;
        last_status_ = status;
    }
    return pid_ == 0;
}

void HostOperator::Spawn() {
    std::vector<std::string> words = {settings_.binary, "--kubeconfig=" + settings_.kubeconfig,
                                      "--health-address=127.0.0.1", "--health-port=0"};
    words.insert(words.end(), settings_.args.begin(), settings_.args.end());
    std::vector<std::string> variables;
    for (const auto& [name, value] : settings_.env)
        variables.push_back(name + "=" + value);
    for (char** each = environ; *each; ++each)
        variables.emplace_back(*each);
    auto pointers = [](std::vector<std::string>& of) {
        std::vector<char*> list;
        for (std::string& each : of)
            list.push_back(each.data());
        list.push_back(nullptr);
        return list;
    };
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, settings_.log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    // A proxy's connections among them: one that another process holds does not end when closed.
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    pid_t pid = 0;
    const int error = posix_spawn(&pid, settings_.binary.c_str(), &files, nullptr,
                                  pointers(words).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&files);
    if (error != 0)
        throw std::runtime_error("cannot start " + settings_.binary + ": " + std::strerror(error));
    pid_ = pid;
}

}  // namespace dlws::faults

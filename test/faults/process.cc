// SPDX-License-Identifier: Apache-2.0
#include "test/faults/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace dlws::faults {

OperatorProcess::OperatorProcess(Settings settings) : settings_(std::move(settings)) {}

OperatorProcess::~OperatorProcess() {
    Kill();
}

void OperatorProcess::Start() {
    std::lock_guard lock(mutex_);
    if (Reap()) Spawn();
}

bool OperatorProcess::StartIfEnded() {
    std::lock_guard lock(mutex_);
    if (!Reap()) return false;
    Spawn();
    return true;
}

void OperatorProcess::Kill() {
    std::lock_guard lock(mutex_);
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

void OperatorProcess::Signal(int signal) {
    std::lock_guard lock(mutex_);
    if (pid_ != 0) kill(pid_, signal);
}

pid_t OperatorProcess::pid() const {
    std::lock_guard lock(mutex_);
    return pid_;
}

int OperatorProcess::last_status() const {
    std::lock_guard lock(mutex_);
    return last_status_;
}

bool OperatorProcess::Reap() {
    int status = 0;
    if (pid_ != 0 && waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = 0;
        last_status_ = status;
    }
    return pid_ == 0;
}

void OperatorProcess::Spawn() {
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
    pid_t pid = 0;
    const int error = posix_spawn(&pid, settings_.binary.c_str(), &files, nullptr,
                                  pointers(words).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&files);
    if (error != 0)
        throw std::runtime_error("cannot start " + settings_.binary + ": " + std::strerror(error));
    pid_ = pid;
}

}  // namespace dlws::faults

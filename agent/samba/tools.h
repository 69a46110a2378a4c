// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "agent/storage/child_runner.h"

namespace dlws::agent {

/// Samba's own programs, each with a deadline. What goes wrong is logged, with what the program
/// itself has printed on its standard error before. Confined to its executor.
class SambaTools {
  public:
    explicit SambaTools(boost::asio::any_io_executor executor);

    /// Makes the account, or changes its password; the user must be in passwd.
    kube::Awaitable<bool> SetAccount(std::string name, std::string password);
    kube::Awaitable<bool> RemoveAccount(std::string name);
    /// What `pdbedit -L -w` prints; none: it could not be asked.
    kube::Awaitable<std::optional<std::string>> Accounts();
    /// All processes of the server read smb.conf again.
    kube::Awaitable<bool> Reload();
    /// Whoever uses the share is disconnected from it.
    kube::Awaitable<bool> CloseShare(std::string share);
    /// As JSON; none: it could not be asked.
    kube::Awaitable<std::optional<std::string>> Sessions();
    kube::Awaitable<bool> IsJoined();
    /// `credentials`: the text of an authentication file, smb.conf(5)'s tools read it with -A.
    kube::Awaitable<bool> Join(std::string credentials);
    kube::Awaitable<bool> WinbindAnswers();

    /// No program runs.
    bool Idle();

  private:
    /// What it printed. `what`: to log a failure with, and its last line; empty: do not.
    kube::Awaitable<std::optional<std::string>> Run(ChildRunner& runner, std::string what,
                                                    std::vector<std::string> arguments,
                                                    std::string input = "");

    ChildRunner smbpasswd_, pdbedit_, smbcontrol_, smbstatus_, net_, wbinfo_;
};

/// Where Samba is told to look, in every program's words.
std::string SmbConfPath();

}  // namespace dlws::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/samba/tools.h"

#include <fmt/format.h>

#include <utility>

#include "kube/log.h"
#include "model/samba.h"

namespace dlws::agent {

using kube::Awaitable;

namespace {

constexpr std::string_view kLog = "samba";

ChildRunner::Settings Program(const char* path, int seconds) {
    ChildRunner::Settings settings;
    settings.program = path;
    settings.deadline = std::chrono::seconds(seconds);
    settings.max_output = 16 << 20;  // of smbstatus: 500 bytes a session
    return settings;
}

}  // namespace

std::string SmbConfPath() {
    return fmt::format("{}/{}", model::kSambaFolder, model::kSmbConf);
}

SambaTools::SambaTools(boost::asio::any_io_executor executor)
    : smbpasswd_(executor, Program("/usr/bin/smbpasswd", 10)),
      pdbedit_(executor, Program("/usr/bin/pdbedit", 30)),
      smbcontrol_(executor, Program("/usr/bin/smbcontrol", 10)),
      smbstatus_(executor, Program("/usr/bin/smbstatus", 10)),
      net_(executor, Program("/usr/bin/net", 60)),
      wbinfo_(executor, Program("/usr/bin/wbinfo", 5)) {}

Awaitable<std::optional<std::string>> SambaTools::Run(ChildRunner& runner, std::string what,
                                                      std::vector<std::string> arguments,
                                                      std::string input) {
    const ChildRunner::Answer answer =
        co_await runner.Run("", std::move(arguments), std::move(input));
    if (answer.kind == ChildRunner::Answer::kDone) co_return answer.text;
    if (!what.empty())
        kube::LogWarning(kLog, "{}: {}", what,
                         answer.kind == ChildRunner::Answer::kNoAnswer ? "no answer" : answer.text);
    co_return std::nullopt;
}

Awaitable<bool> SambaTools::SetAccount(std::string name, std::string password) {
    std::string input = password + '\n' + password + '\n';
    std::string what = fmt::format("account of {}", name);
    std::vector<std::string> words{"-c", SmbConfPath(), "-s", "-a", std::move(name)};
    const auto set = co_await Run(smbpasswd_, std::move(what), std::move(words), std::move(input));
    co_return set.has_value();
}

Awaitable<bool> SambaTools::RemoveAccount(std::string name) {
    std::string what = fmt::format("removing the account of {}", name);
    std::vector<std::string> words{"-c", SmbConfPath(), "-x", std::move(name)};
    const auto removed = co_await Run(smbpasswd_, std::move(what), std::move(words));
    co_return removed.has_value();
}

// What these two print is not for the log: hashes, and who is connected from where.
Awaitable<std::optional<std::string>> SambaTools::Accounts() {
    std::vector<std::string> words{"-s", SmbConfPath(), "-L", "-w"};
    auto text = co_await Run(pdbedit_, "", std::move(words));
    if (!text) kube::LogWarning(kLog, "pdbedit does not tell which accounts there are");
    co_return text;
}

Awaitable<std::optional<std::string>> SambaTools::Sessions() {
    std::vector<std::string> words{"-s", SmbConfPath(), "--json", "--processes"};
    return Run(smbstatus_, "", std::move(words));
}

Awaitable<bool> SambaTools::Reload() {
    std::vector<std::string> words{"-s", SmbConfPath(), "all", "reload-config"};
    const auto told =
        co_await Run(smbcontrol_, "telling the server of its new settings", std::move(words));
    co_return told.has_value();
}

Awaitable<bool> SambaTools::CloseShare(std::string share) {
    std::vector<std::string> words{"-s", SmbConfPath(), "smbd", "close-share", std::move(share)};
    const auto closed = co_await Run(smbcontrol_, "closing a share", std::move(words));
    co_return closed.has_value();
}

Awaitable<bool> SambaTools::IsJoined() {
    std::vector<std::string> words{"ads", "testjoin", "-s", SmbConfPath()};
    const auto joined = co_await Run(net_, "", std::move(words));
    co_return joined.has_value();
}

Awaitable<bool> SambaTools::Join(std::string credentials) {
    std::vector<std::string> words{"ads", "join",      "-s", SmbConfPath(), "--no-dns-updates",
                                   "-A",  "/dev/stdin"};
    const auto joined =
        co_await Run(net_, "joining the domain", std::move(words), std::move(credentials));
    co_return joined.has_value();
}

Awaitable<bool> SambaTools::WinbindAnswers() {
    std::vector<std::string> words{"--ping"};  // -s has another meaning here
    const auto answers = co_await Run(wbinfo_, "", std::move(words));
    co_return answers.has_value();
}

bool SambaTools::Idle() {
    std::size_t running = 0;
    for (ChildRunner* runner : {&smbpasswd_, &pdbedit_, &smbcontrol_, &smbstatus_, &net_, &wbinfo_})
        running += runner->Outstanding();
    return running == 0;
}

}  // namespace dlws::agent

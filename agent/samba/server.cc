// SPDX-License-Identifier: Apache-2.0
#include "agent/samba/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "agent/files/beneath.h"
#include "agent/samba/accounts.h"
#include "agent/samba/daemon.h"
#include "agent/samba/options.h"
#include "agent/samba/tools.h"
#include "kube/client.h"
#include "kube/health_server.h"
#include "kube/informer.h"
#include "kube/log.h"
#include "kube/manager.h"
#include "kube/metrics.h"
#include "kube/program.h"
#include "kube/wait_list.h"

namespace dlws::agent {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using kube::Awaitable;

constexpr std::string_view kLog = "samba";
constexpr std::chrono::milliseconds kPause{200};  // what changes together is done together
constexpr std::chrono::seconds kAgain{10};        // whatever has happened
constexpr std::chrono::seconds kLookAgain{2};     // after accounts were set: see Compare()

// Whole or not at all, whoever reads it meanwhile.
bool WriteFile(const std::string& name, const std::string& text) {
    const std::string path = fmt::format("{}/{}", model::kSambaFolder, name);
    std::ofstream file(path + ".new");
    file << text;
    file.close();
    std::error_code error;
    if (file) fs::rename(path + ".new", path, error);
    const bool done = file && !error;
    if (!done) kube::LogWarning(kLog, "{} cannot be written; the old one stays", path);
    return done;
}

// The kubelet gives them to the container empty, and closed to all but root. Users look up names.
void MakeFolders() {
    for (const char* folder : {"/run", "/run/samba", "/var/lib/samba", "/var/cache/samba",
                               "/var/log/samba", model::kSambaFolder.data()}) {
        fs::create_directories(folder);
        fs::permissions(folder, fs::perms(0755));
    }
    fs::create_directories("/var/lib/samba/private");
    fs::permissions("/var/lib/samba/private", fs::perms(0700));
}

std::string ReadFile(const fs::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    std::string content = text.str();
    while (content.ends_with('\n'))
        content.pop_back();
    return content;
}

// All parts of the process. Destroyed only after the io_context has run dry.
class SambaServer {
  public:
    SambaServer(asio::any_io_executor executor, const SambaOptions& options,
                const kube::Config& config)
        : options_(options),
          random_(std::random_device{}()),
          client_(executor, config, {.max_connections = 2, .metrics = &metrics_}),
          config_maps_(client_,
                       {.resource = kube::kConfigMaps,
                        .ns = options.ns,
                        .field_selector = "metadata.name=" + options.config_map},
                       random_),
          secrets_(client_, {.resource = kube::kSecrets, .ns = options.passwords_namespace},
                   random_),
          tools_(executor),
          smbd_({"/usr/sbin/smbd", "--foreground", "--no-process-group", "--debug-stdout", "-s",
                 SmbConfPath()}),
          winbindd_({"/usr/sbin/winbindd", "--foreground", "--no-process-group", "--debug-stdout",
                     "-s", SmbConfPath()}),
          changed_(executor),
          health_(executor, options.health_address, (unsigned short)options.health_port),
          manager_(executor),
          signals_(executor, SIGTERM, SIGINT) {
        for (kube::Informer* informer : {&config_maps_, &secrets_})
            informer->OnChange([this](const kube::Change&) {
                dirty_ = true;
                changed_.NotifyAll();
            });
        metrics_.Describe("dlws_samba_accounts", "Users who can log in to the Samba server.");
        metrics_.Describe("dlws_samba_failures_total",
                          "Changes that the Samba server could not be told of; tried again.");
        metrics_.Count("dlws_samba_failures_total", {}, 0);
    }

    // The process's exit code.
    Awaitable<int> Run() {
        kube::ServeHealth(health_, metrics_, DLWS_VERSION, [this] {
            return stopping_ ? "stopping" : smbd_.pid() == 0 ? "the server does not run yet" : "";
        });
        auto port = health_.Listen();
        if (!port) {
            kube::LogError(kLog, "{}", port.error().message);
            co_return 1;
        }
        kube::LogInfo(kLog, "dlws-agent {} serves Samba, health on port {}", DLWS_VERSION, *port);
        signals_.async_wait([this](boost::system::error_code error, int signal) {
            if (!error) manager_.Stop(signal == SIGTERM ? "SIGTERM" : "SIGINT");
        });
        MakeFolders();
        fs::remove("/var/lib/samba/private/passdb.tdb");  // whoever it knew: it is made anew

        manager_.Add("health", "health", [this] { return health_.Run(); });
        manager_.Add("caches", "configmap", [this] { return config_maps_.Run(); });
        // A domain knows its users' passwords, and its member may read none here.
        if (!InDomain()) manager_.Add("caches", "passwords", [this] { return secrets_.Run(); });
        manager_.Add("apply", "apply", [this] { return Apply(); });
        manager_.Add("winbindd", "winbindd", [this] { return RunDaemon(winbindd_); });
        manager_.Add("smbd", "smbd", [this] { return RunDaemon(smbd_); });
        for (const char* group : {"health", "caches", "apply"})
            manager_.StartGroup(group);
        const std::string why = co_await manager_.Wait();
        const bool told = why == "SIGTERM" || why == "SIGINT";
        kube::LogInfo(kLog, "stopping: {}", why);
        stopping_ = true;
        const bool clean = co_await manager_.StopAll(std::chrono::seconds(10));
        co_return told&& clean ? 0 : 1;
    }

  private:
    // Without one of them there is no server: the end of it is ours.
    Awaitable<void> RunDaemon(Daemon& daemon) {
        const std::string how = co_await daemon.Run();
        kube::LogError(kLog, "{}", how);
    }

    bool InDomain() const { return !options_.join.empty(); }

    Awaitable<void> Apply() {
        for (kube::Informer* informer : {&config_maps_, &secrets_}) {
            bool read = informer == &secrets_ && InDomain();
            while (!read)
                read = co_await informer->WaitForSync(kAgain);
        }
        while (true) {
            settled_ = true;
            dirty_ = false;
            const bool done = co_await ApplyOnce();
            if (!done) metrics_.Count("dlws_samba_failures_total", {});
            const auto patience = settled_ ? kAgain : kLookAgain;
            // What came while we were busy wakes nobody.
            if (!dirty_) co_await changed_.Wait(std::chrono::steady_clock::now() + patience);
            const bool slept = co_await kube::SleepFor(kPause);
            if (!slept) co_return;
            if (tools_.Idle()) ReapStrays({smbd_.pid(), winbindd_.pid()});
        }
    }

    // False: something of it is to be tried again.
    Awaitable<bool> ApplyOnce() {
        const model::SambaFiles files = Files();
        if (files.empty()) co_return started_;
        const SambaAccounts wanted = AccountsOf(files, Passwords());
        const std::optional<SambaHashes> known = co_await Known();
        if (!known) co_return false;
        const AccountChanges changes = Compare(accounts_, wanted, *known);
        bool done = true;
        for (const std::string& name : changes.remove) {
            const bool removed = co_await tools_.RemoveAccount(name);
            done = done && removed;
        }
        const bool told = co_await TellFiles(files);
        if (!told) co_return false;
        for (const std::string& name : changes.set) {
            const bool set = co_await tools_.SetAccount(name, wanted.at(name).password);
            done = done && set;
        }
        // Not forgotten until it is done: nobody else would end their sessions.
        const bool disconnected = co_await Disconnect(changes.disconnect);
        if (!disconnected) co_return false;
        accounts_ = wanted;
        settled_ = changes.set.empty();
        Tell();
        co_return done;
    }

    // As the operator wrote them; when there are none (the ConfigMap is made anew, say) the last.
    model::SambaFiles Files() {
        const auto object = config_maps_.store().Get({options_.ns, options_.config_map});
        auto files = object ? model::ParseSambaFiles(object->raw)
                            : std::expected<model::SambaFiles, std::string>();
        std::string why;
        if (!files)
            why = files.error();
        else if (!files->contains(model::kSmbConf))
            why = "nothing is in it yet";
        else if (InDomain() !=
                 (files->at(std::string(model::kSmbConf)).find("\nsecurity = ads\n") !=
                  std::string::npos))
            why = "it is for another kind of server, and the operator must write it anew";
        if (why != files_problem_ && !why.empty())
            kube::LogWarning(kLog, "ConfigMap {}: {}", options_.config_map, why);
        files_problem_ = why;
        if (!why.empty()) return files_;
        std::erase_if(*files, [](const auto& file) {
            return std::ranges::find(model::kSambaFileNames, file.first) ==
                   model::kSambaFileNames.end();
        });
        return *std::move(files);
    }

    // Nobody, before there is a server.
    Awaitable<std::optional<SambaHashes>> Known() {
        if (InDomain() || !started_) co_return SambaHashes();
        const std::optional<std::string> text = co_await tools_.Accounts();
        if (!text) co_return std::nullopt;
        co_return HashesOf(*text);
    }

    // Starts the server with them, or has it read them again.
    Awaitable<bool> TellFiles(model::SambaFiles files) {
        if (files == files_) co_return started_;
        const std::string before = files_.empty() ? "" : files_.at(std::string(model::kSmbConf));
        for (const auto& [name, text] : files)
            if (!WriteFile(name, text)) co_return false;
        if (!started_) {
            co_await Start();
        } else {
            const bool reloaded = co_await tools_.Reload();
            if (!reloaded) co_return false;
            for (const std::string& share :
                 ChangedShares(before, files.at(std::string(model::kSmbConf)))) {
                const bool closed = co_await tools_.CloseShare(share);
                if (!closed) co_return false;
            }
        }
        files_ = std::move(files);
        co_return started_;
    }

    std::map<std::string, SambaPassword> Passwords() {
        std::map<std::string, SambaPassword> passwords;
        if (InDomain()) return passwords;
        std::map<std::string, std::string> problems;
        for (const kube::ObjectPtr& secret : secrets_.store().All()) {
            auto password = PasswordOf(secret->raw);
            if (password)
                passwords.emplace(secret->meta.name, *std::move(password));
            else
                problems.emplace(secret->meta.name, password.error());
        }
        for (const auto& [name, problem] : problems)
            if (const auto told = problems_.find(name);
                told == problems_.end() || told->second != problem)
                kube::LogWarning(kLog, "Secret {}/{}: {}", options_.passwords_namespace, name,
                                 problem);
        problems_ = std::move(problems);
        return passwords;
    }

    // A member of a domain joins it before the server starts, and asks it through winbindd. What
    // goes wrong here ends the process: the domain locks out who tries too often, and the kubelet
    // waits longer each time.
    Awaitable<void> Start() {
        if (InDomain()) {
            const bool member = co_await JoinDomain();
            if (!member) co_return manager_.Stop("it cannot join the domain");
            manager_.StartGroup("winbindd");
            bool answers = false;
            for (int tries = 0; tries < 20 && !answers; ++tries) {
                co_await kube::SleepFor(std::chrono::milliseconds(500));
                answers = co_await tools_.WinbindAnswers();
            }
            if (!answers) co_return manager_.Stop("winbindd does not answer");
        }
        manager_.StartGroup("smbd");
        started_ = true;
    }

    Awaitable<bool> JoinDomain() {
        const bool joined = co_await tools_.IsJoined();
        if (joined) co_return true;
        std::string credentials = fmt::format("username = {}\npassword = {}\n",
                                              ReadFile(fs::path(options_.join) / "username"),
                                              ReadFile(fs::path(options_.join) / "password"));
        const bool joins = co_await tools_.Join(std::move(credentials));
        if (joins) kube::LogInfo(kLog, "joined the domain");
        co_return joins;
    }

    // Sessions hold what was true when they began.
    Awaitable<bool> Disconnect(std::set<uid_t> users) {
        if (users.empty()) co_return true;
        const std::optional<std::string> text = co_await tools_.Sessions();
        const auto sessions = SessionsOf(text.value_or(""), users);
        if (!sessions) {
            kube::LogWarning(kLog, "smbstatus does not tell who is connected");
            co_return false;
        }
        for (const pid_t process : *sessions) {
            kube::LogInfo(kLog, "ends the session of process {}: its user has changed", process);
            ::kill(process, SIGTERM);
        }
        co_return true;
    }

    void Tell() {
        std::size_t can_log_in = 0;
        for (const auto& [name, account] : accounts_)
            can_log_in += InDomain() || !account.hash.empty() ? 1 : 0;
        metrics_.Set("dlws_samba_accounts", {}, double(can_log_in));
    }

    SambaOptions options_;
    kube::Random random_;
    kube::Metrics metrics_;
    kube::Client client_;
    kube::Informer config_maps_, secrets_;
    SambaTools tools_;
    Daemon smbd_, winbindd_;
    kube::WaitList changed_;
    kube::HealthServer health_;
    kube::Manager manager_;
    asio::signal_set signals_;
    model::SambaFiles files_;                      // as they are written
    SambaAccounts accounts_;                       // as the server knows them
    std::map<std::string, std::string> problems_;  // of Secrets, as they were logged
    std::string files_problem_;                    // as it was logged
    bool dirty_ = false, started_ = false, settled_ = false, stopping_ = false;
};

}  // namespace

int RunServeSamba(int argc, char** argv) {
    return kube::RunProgram<SambaServer>("agent serve-samba", DLWS_VERSION, argc, argv,
                                         &ParseSambaOptions, &SambaHelpText);
}

}  // namespace dlws::agent

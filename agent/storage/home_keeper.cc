// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/home_keeper.h"

#include <fmt/format.h>

#include "kube/log.h"

namespace dlws::agent {
namespace {

constexpr std::string_view kLog = "homes";

Home HomeOf(const std::string& name, std::int64_t uid, std::int64_t gid) {
    Home home;
    home.name = name;
    home.uid = uid_t(uid);
    home.gid = gid_t(gid);
    return home;
}

}  // namespace

std::vector<Home> HomesOf(const model::DLCluster& cluster,
                          const std::map<std::string, model::DLUser>& users,
                          const model::UserDirectory& directory) {
    std::vector<Home> homes;
    if (cluster.unknownUsers == model::UnknownUsers::Default)
        homes.push_back(
            HomeOf(cluster.defaultUser.name, cluster.defaultUser.uid, cluster.defaultUser.gid));
    for (const auto& [name, user] : users)
        if (directory.Problem(name).empty()) homes.push_back(HomeOf(name, user.uid, user.gid));
    return homes;
}

HomeKeeper::HomeKeeper(ChildRunner& runner, boost::asio::any_io_executor executor,
                       std::function<bool(const std::string&)> healthy, std::function<bool()> leads,
                       Settings settings)
    : runner_(runner),
      healthy_(std::move(healthy)),
      leads_(std::move(leads)),
      settings_(settings),
      changed_(executor) {}

void HomeKeeper::OnPodOf(const std::string& user) {
    if (here_.insert(user).second) changed_.NotifyAll();
}

void HomeKeeper::SetCluster(std::shared_ptr<const model::DLCluster> cluster) {
    cluster_ = std::move(cluster);
    changed_.NotifyAll();
}

void HomeKeeper::OnUser(const kube::Change& change) {
    const std::string& name = (change.after ? change.after : change.before)->meta.name;
    users_.erase(name);
    directory_.Remove(name);
    if (change.after) {
        auto user = model::ParseDLUser(change.after->raw);
        if (user) {
            users_.emplace(name, *user);
            directory_.Put(std::move(*user));
        } else {
            kube::LogWarning(kLog, "DLUser {}: {}", name, user.error());
        }
    }
    changed_.NotifyAll();
}

kube::Awaitable<void> HomeKeeper::Run() {
    while (true) {
        co_await MakeAll();
        // Sooner where a storage was not healthy: it may be by then.
        const auto patience = unfinished_ ? std::chrono::seconds(5) : settings_.again;
        co_await changed_.Wait(std::chrono::steady_clock::now() + patience);
        const bool slept = co_await kube::SleepFor(settings_.pause);
        if (!slept) co_return;
    }
}

kube::Awaitable<void> HomeKeeper::MakeAll() {
    unfinished_ = !cluster_;
    if (!cluster_) co_return;
    const auto cluster = cluster_;
    const std::vector<Home> homes = HomesOf(*cluster, users_, directory_);
    std::vector<model::NodeHome> told;
    for (const model::Storage& storage : cluster->storages) {
        if (storage.kind != model::StorageKind::HostMount || !storage.problem.empty() ||
            storage.layout == model::StorageLayout::Shared || storage.readOnly)
            continue;
        for (const Home& home : homes) {
            if (!leads_() && !here_.contains(home.name)) continue;
            if (!healthy_(storage.name)) {
                unfinished_ = true;
                break;
            }
            const HomeOutcome outcome =
                co_await MakeHome(runner_, model::HostFolder(storage), home);
            const std::string folder = fmt::format("{}/{}", storage.name, home.name);
            if (outcome.made) kube::LogInfo(kLog, "made {} of uid {}", folder, home.uid);
            unfinished_ = unfinished_ || outcome.reason == "NoAnswer";
            std::string& logged = logged_[folder];
            if (!outcome.ready && logged != outcome.message)
                kube::LogWarning(kLog, "{}: {}", folder, outcome.message);
            logged = outcome.message;
            told.push_back({storage.name, home.name, outcome.ready ? "" : outcome.reason,
                            outcome.message, outcome.bytes_total, outcome.bytes_free});
        }
    }
    told_homes_ = std::move(told);
}

}  // namespace dlws::agent

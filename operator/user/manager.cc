// SPDX-License-Identifier: Apache-2.0
#include "operator/user/manager.h"

#include <algorithm>
#include <utility>

#include "kube/log.h"
#include "model/names.h"
#include "model/resources.h"
#include "operator/user/decide.h"

namespace dlws::user {

using kube::Awaitable;

namespace {

constexpr std::string_view kLog = "users";
// What is only a matter of time.
constexpr std::chrono::minutes kAgain{5};

}  // namespace

Manager::Manager(kube::Client& client, kube::EventRecorder& events, kube::Metrics& metrics,
                 kube::Random& random, Settings settings)
    : client_(client),
      events_(events),
      users_informer_(client, {.resource = kDLUsers}, random),
      nodes_informer_(client, {.resource = kDLNodes}, random),
      passes_(client.Executor(),
              {.name = "users", .coalesce = settings.coalesce, .metrics = &metrics}) {
    users_informer_.OnChange([this](const kube::Change& change) { OnUser(change); });
    nodes_informer_.OnChange([this](const kube::Change& change) { OnNode(change); });
    if (settings.samba)
        samba_ = std::make_unique<SambaConfig>(client, random, std::move(*settings.samba),
                                               [this] { passes_.Look(); });
}

PassLoop::Informers Manager::Informers() {
    PassLoop::Informers informers{{"users-dlusers", &users_informer_},
                                  {"users-dlnodes", &nodes_informer_}};
    if (samba_)
        for (auto& informer : samba_->Informers())
            informers.push_back(std::move(informer));
    return informers;
}

bool Manager::HasSynced() {
    return std::ranges::all_of(Informers(), [](const auto& i) { return i.second->HasSynced(); });
}

void Manager::OnUser(const kube::Change& change) {
    const std::string& name = (change.after ? change.after : change.before)->meta.name;
    directory_.Remove(name);
    users_.erase(name);
    if (change.after) {
        auto user = model::ParseDLUser(change.after->raw);
        auto was = model::ParseUserStatus(change.after->raw);
        if (user && was) {
            directory_.Put(*user);
            users_.emplace(name, Known{*std::move(user), *std::move(was)});
        } else {
            kube::LogWarning(kLog, "DLUser {}: {}", name, user ? was.error() : user.error());
        }
    } else {
        quota_told_.erase(name);
    }
    passes_.Look();
}

void Manager::OnNode(const kube::Change& change) {
    const std::string& name = (change.after ? change.after : change.before)->meta.name;
    const auto was = nodes_.extract(name);
    auto node = change.after ? model::ParseDLNode(change.after->raw)
                             : std::expected<model::DLNode, std::string>();
    const bool tells = node && !node->homes.empty();
    const bool told = !was.empty();
    const bool news = tells != told || (tells && was.mapped().homes != node->homes);
    if (tells) nodes_.emplace(name, *std::move(node));
    if (news) passes_.Look();
}

Awaitable<void> Manager::Work() {
    return passes_.Run(Informers(), [this] { return Pass(); });
}

std::map<std::string, model::UserStatus> Manager::Differing() {
    const auto now = std::chrono::floor<std::chrono::seconds>(client_.ServerTime());
    std::vector<const model::DLNode*> nodes;
    for (const auto& [name, node] : nodes_)
        nodes.push_back(&node);
    const auto homes = HomesByUser(nodes, now);
    std::map<std::string, model::UserStatus> differing;
    for (const auto& [name, known] : users_) {
        const auto told = homes.find(name);
        model::Time& last = quota_told_.try_emplace(name, now).first->second;
        if (told != homes.end()) last = now;
        auto status = StatusOf(
            known.user, directory_.Problem(name),
            told == homes.end() ? std::vector<model::NodeHome>() : told->second,
            now - last < kKeepQuotas ? known.was.quotas : std::vector<model::UserStatus::Quota>());
        if (IsNews(known.was, status)) differing.emplace(name, std::move(status));
    }
    return differing;
}

Awaitable<bool> Manager::Pass() {
    passes_.LookAfter(kAgain);
    bool done = true;
    if (samba_) done = co_await samba_->Keep(directory_.Usable());
    const std::map<std::string, model::UserStatus> differing = Differing();
    for (const auto& [name, status] : differing) {
        // Users come and go while we write: nothing that points into users_ is kept.
        const auto known = users_.find(name);
        if (known == users_.end()) continue;
        const std::string uid = known->second.user.meta.uid;
        const bool written = co_await Write(name, uid, known->second.was, status);
        done = done && written;
    }
    co_return done;
}

Awaitable<bool> Manager::Write(std::string name, std::string uid, model::UserStatus was,
                               model::UserStatus status) {
    kube::WriteOptions options;
    options.subresource = "status";
    options.field_manager = "dlworkspace-operator";
    std::string patch = model::UserStatusPatch(status, uid);
    kube::ObjectKey key("", name);
    auto stored = co_await client_.Patch(kDLUsers, std::move(key), kube::PatchType::kMerge,
                                         std::move(patch), std::move(options));
    if (!stored) {
        // Gone, or another one by now: the cache will tell.
        if (stored.error().IsNotFound() || stored.error().IsConflict()) co_return true;
        kube::LogWarning(kLog, "status of DLUser {}: {}", name, stored.error().message);
        co_return false;
    }
    // The cache may be behind: what it tells later and is older only makes us write the same again.
    if (const auto known = users_.find(name);
        known != users_.end() && known->second.user.meta.uid == uid)
        known->second.was = status;
    if (status.state != was.state && (status.state != "Ready" || !was.state.empty())) {
        const kube::ObjectReference about{std::string(model::kApiVersion), "DLUser", "", name, uid};
        const bool ready = status.state == "Ready";
        events_.Record(about, ready ? "Normal" : "Warning", status.state, "Reconcile",
                       ready ? "Their jobs run again." : status.message);
    }
    co_return true;
}

}  // namespace dlws::user

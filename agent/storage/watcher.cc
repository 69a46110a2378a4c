// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/watcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "agent/storage/links.h"
#include "kube/log.h"
#include "kube/together.h"
#include "model/names.h"
#include "model/resources.h"
#include "model/time.h"

namespace dlws::agent {
namespace {

namespace json = boost::json;

constexpr std::string_view kLog = "storage";
constexpr const char* kFieldManager = "dlws-agent";

SystemFolders FoldersOf(const model::DLCluster& cluster) {
    SystemFolders folders;
    folders.root = cluster.systemRoot;
    for (const model::SystemFolder& f : cluster.systemFolders)
        if (const model::Storage* s = model::FindStorage(cluster, f.storage);
            s && s->problem.empty() && s->kind == model::StorageKind::HostMount)
            folders.links[f.folder] = model::HostFolder(*s);
    return folders;
}

model::NodeStorage ToNodeStorage(const std::string& name, const StorageRecord& record) {
    const StorageFact& fact = record.fact;
    model::NodeStorage out;
    out.name = name;
    out.state = fact.state;
    out.reason = fact.reason;
    out.message = fact.message;
    out.since = record.since;
    out.lostSince = record.lost_since;
    out.lostUntil = record.lost_until;
    out.mount = record.mount;
    out.remountedAt = record.remounted_at;
    out.fileSystem = fact.file_system;
    out.bytesTotal = fact.bytes_total;
    out.bytesFree = fact.bytes_free;
    out.inodesTotal = fact.inodes_total;
    out.inodesFree = fact.inodes_free;
    return out;
}

StorageRecord ToRecord(const model::NodeStorage& told) {
    StorageRecord record;
    record.fact.state = told.state;
    record.fact.reason = told.reason;
    record.fact.message = told.message;
    record.since = told.since.value_or(model::Time{});
    record.lost_since = told.lostSince;
    record.lost_until = told.lostUntil;
    record.mount = told.mount;
    record.remounted_at = told.remountedAt;
    return record;
}

}  // namespace

std::vector<std::pair<std::string, MountToCheck>> MountsToCheck(const model::DLCluster& cluster,
                                                                const std::string& node) {
    std::vector<std::pair<std::string, MountToCheck>> mounts;
    for (const model::Storage& s : cluster.storages) {
        if (s.kind != model::StorageKind::HostMount || !s.problem.empty()) continue;
        MountToCheck mount;
        mount.path = s.hostPath;
        mount.below = s.path;
        mount.file_system = s.fileSystem;
        mount.sentinel = s.sentinel;
        mount.node_name = node;
        mount.read_only = s.readOnly;
        mounts.emplace_back(s.name, std::move(mount));
    }
    return mounts;
}

model::DLNode Report(const std::string& node, const StorageFacts& facts,
                     std::vector<std::string> problems, const std::vector<model::NodeHome>& homes,
                     model::Time now) {
    model::DLNode report;
    report.meta.name = node;
    report.checkedAt = now;
    report.problems = std::move(problems);
    for (const auto& [name, record] : facts.All())
        report.storages.push_back(ToNodeStorage(name, record));
    for (const model::NodeHome& home : homes) {
        const auto storage = facts.All().find(home.storage);
        if (storage == facts.All().end()) continue;
        // Asked a moment apart, and some file systems' own size changes with what is in it.
        const auto total = storage->second.fact.bytes_total;
        if (!home.reason.empty() || (home.bytesTotal > 0 && home.bytesTotal < total - total / 100))
            report.homes.push_back(home);
    }
    return report;
}

bool IsNews(const model::DLNode& told, const model::DLNode& now) {
    const auto lasting = [](model::DLNode report) {
        report.checkedAt.reset();
        for (model::NodeStorage& s : report.storages)
            s.bytesFree = s.inodesFree = s.bytesTotal = s.inodesTotal = 0;
        for (model::NodeHome& h : report.homes)
            h.bytesFree = 0;
        return report;
    };
    return lasting(told) != lasting(now);
}

bool IsDue(const model::DLNode& told, const model::DLNode& now, model::Time asked) {
    return IsNews(told, now) || *now.checkedAt - *told.checkedAt >= kTellAgain ||
           (*told.checkedAt <= asked && asked < *now.checkedAt);
}

StorageWatcher::StorageWatcher(kube::Api& api, ChildRunner& runner, kube::Metrics& metrics,
                               Settings settings)
    : api_(api), settings_(std::move(settings)), prober_(runner), sooner_(api.Executor()) {
    metrics.AddCollector([this](kube::Samples& out) {
        if (!out.Family("dlws_agent_storage_healthy", kube::Samples::kGauge,
                        "1 while the storage is healthy on this node"))
            return;
        for (const auto& [name, record] : facts_.All())
            out.Add({{"storage", name}}, record.fact.state == StorageState::Healthy ? 1 : 0);
    });
}

bool StorageWatcher::IsHealthy(const std::string& storage) const {
    const auto found = facts_.All().find(storage);
    return found != facts_.All().end() && found->second.fact.state == StorageState::Healthy;
}

std::string StorageWatcher::MountOf(const std::string& storage) const {
    const auto found = facts_.All().find(storage);
    return found == facts_.All().end() ? "" : found->second.mount;
}

kube::Awaitable<void> StorageWatcher::Run() {
    co_await Restore();
    while (true) {
        const auto began = std::chrono::steady_clock::now();
        const auto now = std::chrono::floor<std::chrono::seconds>(api_.ServerTime());
        co_await CheckAll();
        checked_();
        KeepSystemFolders();
        model::DLNode report = Report(settings_.node, facts_, problems_, homes_(), now);
        if (!told_ || IsDue(*told_, report, asked_)) co_await Tell(std::move(report));
        co_await Rest(began, now);
    }
}

kube::Awaitable<void> StorageWatcher::Rest(std::chrono::steady_clock::time_point began,
                                           model::Time checked) {
    while (true) {
        const auto now = std::chrono::steady_clock::now();
        auto due = began + settings_.period;
        if (asked_ >= checked)
            due = std::min(due, now + (asked_ + std::chrono::seconds(1) - api_.ServerTime()));
        if (now >= due) co_return;
        co_await sooner_.Wait(due);  // cancelled: the next one throws
    }
}

void StorageWatcher::CheckAfter(model::Time second) {
    // A clock that was wrong for a moment must not hide all that comes after.
    if (second <= asked_ || second > api_.ServerTime() + std::chrono::seconds(10)) return;
    asked_ = second;
    sooner_.NotifyAll();
}

// What an earlier life of ours has told: since when, and which mounts there were.
kube::Awaitable<void> StorageWatcher::Restore() {
    auto object = co_await api_.Get(kDLNodes, {"", settings_.node});
    if (!object) {
        if (!object.error().IsNotFound())
            kube::LogWarning(kLog, "DLNode {}: {}", settings_.node, object.error().message);
        co_return;
    }
    const auto node = model::ParseDLNode((*object)->raw);
    if (!node) co_return;
    for (const model::NodeStorage& s : node->storages)
        facts_.Restore(s.name, ToRecord(s));
}

kube::Awaitable<void> StorageWatcher::CheckAll() {
    std::vector<std::pair<std::string, MountToCheck>> mounts;
    if (cluster_) mounts = MountsToCheck(*cluster_, settings_.node);
    std::set<std::string> names;
    for (const auto& [name, mount] : mounts)
        names.insert(name);
    facts_.KeepOnly(names);
    if (mounts.empty()) co_return;
    // At once, so that one that hangs does not delay what the others are like.
    std::vector<kube::Awaitable<void>> checks;
    for (auto& [name, mount] : mounts)
        checks.push_back(CheckOne(name, std::move(mount)));
    co_await kube::Together(std::move(checks));
}

kube::Awaitable<void> StorageWatcher::CheckOne(std::string name, MountToCheck mount) {
    StorageFact fact = co_await prober_.Check(mount);
    const auto now = std::chrono::floor<std::chrono::seconds>(api_.ServerTime());
    const bool known = facts_.All().contains(name);
    const StorageState before = known ? facts_.All().at(name).fact.state : StorageState::Healthy;
    const StorageRecord& record = facts_.Update(name, mount, std::move(fact), now);
    if (known && record.fact.state == before) co_return;
    if (record.fact.state == StorageState::Healthy)
        kube::LogInfo(kLog, "{} is healthy", name);
    else
        kube::LogWarning(kLog, "{} is {}: {}", name, ToString(record.fact.state),
                         record.fact.message);
}

void StorageWatcher::KeepSystemFolders() {
    std::vector<std::string> problems;
    if (cluster_) problems = KeepLinks(FoldersOf(*cluster_), settings_.system_root);
    if (problems == problems_) return;
    for (const std::string& problem : problems)
        kube::LogWarning(kLog, "{}", problem);
    problems_ = std::move(problems);
}

kube::Awaitable<void> StorageWatcher::Tell(model::DLNode report) {
    kube::WriteOptions status;
    status.subresource = "status";
    status.strict = true;
    status.field_manager = kFieldManager;
    status.force = true;
    for (int tries = 0; tries < 2; ++tries) {
        // By apply, so that what is no longer told goes away.
        std::string body = fmt::format(
            R"({{"apiVersion":"{}","kind":"DLNode","metadata":{{"name":"{}"}},"status":{}}})",
            model::kApiVersion, settings_.node, model::StatusJson(report));
        auto written = co_await api_.Patch(kDLNodes, {"", settings_.node}, kube::PatchType::kApply,
                                           std::move(body), status);
        if (written) {
            told_ = std::move(report);
            co_return;
        }
        bool again = written.error().IsNotFound();
        if (again) again = co_await Create();
        if (again) continue;
        kube::LogWarning(kLog, "DLNode {}: {}", settings_.node, written.error().message);
        co_return;
    }
}

// It goes away with its node.
kube::Awaitable<bool> StorageWatcher::Create() {
    auto node = co_await api_.Get(kube::kNodes, {"", settings_.node});
    if (!node) {
        kube::LogWarning(kLog, "Node {}: {}", settings_.node, node.error().message);
        co_return false;
    }
    json::object owner{{"apiVersion", "v1"},
                       {"kind", "Node"},
                       {"name", settings_.node},
                       {"uid", (*node)->meta.uid}};
    json::object meta{{"name", settings_.node},
                      {"labels", {{model::kManagedByLabel, model::kManagedBy}}},
                      {"ownerReferences", json::array{std::move(owner)}}};
    std::string body = json::serialize(json::object{{"apiVersion", model::kApiVersion},
                                                    {"kind", model::kDLNodeKind},
                                                    {"metadata", std::move(meta)}});
    auto made = co_await api_.Create(kDLNodes, "", std::move(body));
    if (!made) kube::LogWarning(kLog, "DLNode {}: {}", settings_.node, made.error().message);
    co_return bool(made);
}

}  // namespace dlws::agent

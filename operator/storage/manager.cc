// SPDX-License-Identifier: Apache-2.0
#include "operator/storage/manager.h"

#include <algorithm>

#include "kube/log.h"
#include "kube/together.h"
#include "model/names.h"
#include "model/node_facts.h"
#include "model/resources.h"
#include "operator/storage/metrics.h"

namespace dlws::storage {

using kube::Awaitable;

namespace {

constexpr std::string_view kLog = "storage";

// It is up to 20 KB, and its heartbeats are many.
void KeepWhatIsRead(kube::Object& node) {
    std::erase_if(node.meta.labels, [](const auto& label) {
        return !label.first.starts_with(model::kStorageLabelPrefix);
    });
    node.raw = model::NodeProjection(node.raw);
}

// Whether anything but the time and the space differs.
bool SaysTheSame(const model::DLNode& a, const model::DLNode& b) {
    return std::ranges::equal(a.storages, b.storages, [](const auto& x, const auto& y) {
        return x.name == y.name && x.state == y.state && x.since == y.since &&
               x.remountedAt == y.remountedAt;
    });
}

}  // namespace

Manager::Manager(kube::Client& client, kube::EventRecorder& events, kube::Metrics& metrics,
                 kube::Random& random, Settings settings)
    : client_(client),
      events_(events),
      settings_(std::move(settings)),
      clusters_(client, {.resource = kDLClusters}, random),
      nodes_(client, {.resource = kube::kNodes, .transform = KeepWhatIsRead}, random),
      told_informer_(client, {.resource = kDLNodes}, random),
      passes_(client.Executor(),
              {.name = "storage", .coalesce = settings_.coalesce, .metrics = &metrics}) {
    clusters_.OnChange([this](const kube::Change&) { passes_.Look(); });
    nodes_.OnChange([this](const kube::Change& c) { OnNode(c); });
    told_informer_.OnChange([this](const kube::Change& c) { OnTold(c); });
    // A cache went back (etcd restored from a backup): versions we wrote mean nothing any more.
    for (auto& [name, informer] : Informers())
        informer->OnProgress([this, last = std::uint64_t(0)](std::uint64_t version) mutable {
            if (version < last) {
                written_nodes_.clear();
                written_status_ = 0;
            }
            last = version;
        });
    metrics.AddCollector([this](kube::Samples& out) {
        if (settings_.leading()) WriteSamples(status_, troubles_, out);
    });
}

PassLoop::Informers Manager::Informers() {
    return {{"storage-dlclusters", &clusters_}, {"nodes", &nodes_}, {"dlnodes", &told_informer_}};
}

bool Manager::HasSynced() const {
    return clusters_.HasSynced() && nodes_.HasSynced() && told_informer_.HasSynced();
}

void Manager::OnNode(const kube::Change& change) {
    if (!change.before || !change.after || change.before->meta.labels != change.after->meta.labels)
        passes_.Look();
}

void Manager::OnTold(const kube::Change& change) {
    const std::string& name = (change.after ? change.after : change.before)->meta.name;
    const auto was = told_.extract(name);
    if (!change.after) return passes_.Look();
    auto now = model::ParseDLNode(change.after->raw);
    if (!now) {
        kube::LogWarning(kLog, "DLNode {}: {}", name, now.error());
        return passes_.Look();
    }
    now->meta = {};  // nothing of it is read
    // A renewal of what is known waits for the next look.
    const bool news = was.empty() || !SaysTheSame(was.mapped(), *now) ||
                      IsFresh(was.mapped(), Now()) != IsFresh(*now, Now());
    told_.emplace(name, std::move(*now));
    if (news) passes_.Look();
}

void Manager::TellSoon() {
    std::chrono::milliseconds wait = settings_.coalesce;
    if (status_time_)
        wait = std::max<std::chrono::milliseconds>(
            wait, *status_time_ + ReportInterval(nodes_.store().Size()) - Now());
    passes_.LookAfter(wait);
}

model::Time Manager::Now() const {
    return std::chrono::floor<std::chrono::seconds>(client_.ServerTime());
}

Awaitable<void> Manager::Work() {
    return passes_.Run(Informers(), [this] { return Pass(); });
}

std::optional<World> Manager::Observe(const kube::Object& object) const {
    auto cluster = model::ParseDLCluster(object.raw);
    auto was = model::ParseClusterStatus(object.raw);
    if (!cluster || !was) {
        kube::LogWarning(kLog, "DLCluster: {}", cluster ? was.error() : cluster.error());
        return std::nullopt;
    }
    World world{.cluster = std::move(*cluster),
                .was = std::move(*was),
                .report = {},
                .written = status_time_,
                .now = Now()};
    world.report = settings_.observe_nodes(world.cluster).value_or(world.was.report);
    // What is pointed to stays: nothing here waits.
    for (const kube::ObjectPtr& node : nodes_.store().All())
        world.nodes.push_back(ViewOf(*node));
    return world;
}

NodeView Manager::ViewOf(const kube::Object& node) const {
    const auto told = told_.find(node.meta.name);
    return {node.meta.name, node.meta.uid, &node.meta.labels,
            told == told_.end() ? nullptr : &told->second};
}

job::StorageChecks Manager::ChecksFor(const model::DLCluster& cluster, const model::DLJob& job,
                                      const std::vector<model::PodView>& pods) const {
    if (!HasSynced()) {
        job::StorageChecks nothing_yet;
        for (const model::PodView& pod : pods)
            nothing_yet[pod.node];
        return nothing_yet;
    }
    std::vector<kube::ObjectPtr> nodes;  // what is pointed to stays
    std::vector<NodeView> views;
    for (const model::PodView& pod : pods) {
        auto node = nodes_.store().Get({"", pod.node});
        if (!node) continue;
        views.push_back(ViewOf(*node));
        nodes.push_back(std::move(node));
    }
    return storage::ChecksFor(cluster, job, views, Now());
}

std::vector<LabelChange> Manager::CaughtUp(std::vector<LabelChange> changes) {
    std::erase_if(written_nodes_, [this](const auto& written) {
        const auto node = nodes_.store().Get({"", written.first});
        return !node || node->meta.resource_version >= written.second;
    });
    const auto lag = [this](const LabelChange& c) { return written_nodes_.contains(c.node); };
    // The event that brings the cache up to date makes us look; this is the safety net.
    if (std::erase_if(changes, lag) > 0) passes_.LookAfter(std::chrono::seconds(1));
    return changes;
}

Awaitable<bool> Manager::Pass() {
    const kube::ObjectPtr cluster = clusters_.store().Get({"", std::string(model::kDLClusterName)});
    std::optional<Decision> decision;
    if (cluster) {
        if (const std::optional<World> world = Observe(*cluster)) decision = Decide(*world);
    }
    if (!decision) co_return true;
    status_ = decision->status;
    if (troubles_ != decision->troubles) {
        troubles_ = decision->troubles;
        changed_();
    }
    passes_.LookAfter(decision->again);
    std::vector<LabelChange> changes = CaughtUp(std::move(decision->labels));
    const bool labelled = co_await WriteLabels(std::move(changes));
    if (!decision->write_status || cluster->meta.resource_version < written_status_)
        co_return labelled;
    const bool told = co_await WriteStatus(cluster, std::move(*decision));
    co_return told ? labelled : false;
}

struct Manager::Batch {
    std::vector<LabelChange> changes;
    std::size_t next = 0, failed = 0;
    std::string first;  // of the errors
};

Awaitable<void> Manager::TakeFrom(std::shared_ptr<Batch> batch) {
    while (batch->next < batch->changes.size()) {
        const LabelChange& change = batch->changes[batch->next++];
        kube::ObjectKey key("", change.node);
        kube::WriteOptions options;
        options.field_manager = "dlworkspace-operator";
        auto stored = co_await client_.Patch(kube::kNodes, std::move(key), kube::PatchType::kMerge,
                                             LabelPatch(change), std::move(options));
        if (stored) {
            written_nodes_[change.node] = stored.value()->meta.resource_version;
        } else if (!stored.error().IsNotFound() && !stored.error().IsConflict()) {
            // Those two: the node is gone, or another one by now. The cache will tell.
            if (batch->failed++ == 0) batch->first = stored.error().message;
        }
    }
}

Awaitable<bool> Manager::WriteLabels(std::vector<LabelChange> changes) {
    if (changes.empty()) co_return true;
    auto batch = std::make_shared<Batch>();
    batch->changes = std::move(changes);
    const std::size_t writers =
        std::min(std::size_t(settings_.parallel_writes), batch->changes.size());
    std::vector<Awaitable<void>> tasks;
    for (std::size_t i = 0; i < writers; ++i)
        tasks.push_back(TakeFrom(batch));
    co_await kube::Together(std::move(tasks));
    if (batch->failed > 0)
        kube::LogWarning(kLog, "labels of {} of {} nodes could not be written: {}", batch->failed,
                         batch->changes.size(), batch->first);
    co_return batch->failed == 0;
}

Awaitable<bool> Manager::WriteStatus(kube::ObjectPtr cluster, Decision decision) {
    const kube::Meta& meta = cluster->meta;
    std::string patch =
        model::ClusterStatusPatch(decision.status, meta.uid, std::to_string(meta.resource_version));
    kube::ObjectKey key = meta.Key();
    kube::WriteOptions options;
    options.subresource = "status";
    options.field_manager = "dlworkspace-operator";
    auto stored = co_await client_.Patch(kDLClusters, std::move(key), kube::PatchType::kMerge,
                                         std::move(patch), std::move(options));
    if (!stored) {
        // Somebody changed it, or replaced it: that makes us look again, and so does this.
        if (!stored.error().IsConflict() && !stored.error().IsNotFound())
            kube::LogWarning(kLog, "status of the DLCluster: {}", stored.error().message);
        co_return false;
    }
    written_status_ = stored.value()->meta.resource_version;
    status_time_ = Now();
    const kube::ObjectReference about{std::string(model::kApiVersion),
                                      std::string(model::kDLClusterKind), "", meta.name, meta.uid};
    for (const EventNote& e : decision.events)
        events_.Record(about, e.warning ? "Warning" : "Normal", e.reason, "Reconcile", e.note);
    co_return true;
}

}  // namespace dlws::storage

// SPDX-License-Identifier: Apache-2.0
#include "operator/job/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "kube/log.h"
#include "model/names.h"
#include "operator/job/permit.h"
#include "operator/job/pod_cache.h"

namespace dlws::job {

using kube::Awaitable;
using Steady = std::chrono::steady_clock;

namespace {

constexpr std::string_view kLog = "job";
constexpr const char* kByLostJob = "lost-job";

constexpr const char* kByJobUid = "job-uid";

std::vector<std::string> ApprovedJob(const kube::Object& object) {
    auto approval = model::ParseDLJobApproval(object.raw);
    if (!approval) return {};
    return {approval->jobUid};
}

// The job that a pod of ours says it belongs to, if nobody owns the pod.
std::vector<std::string> LostJob(const kube::Object& object) {
    const auto& labels = object.meta.labels;
    auto job = labels.find(std::string(model::kJobLabel));
    if (object.meta.controller_kind == model::kDLJobKind || job == labels.end() ||
        !labels.contains(std::string(model::kJobUidLabel)))
        return {};
    return {object.meta.ns + "/" + job->second};
}

kube::Informer::Settings Ours(kube::Resource resource, const std::string& ns) {
    return {.resource = resource, .ns = ns, .label_selector = std::string(model::kJobLabel)};
}

const kube::Metrics::Labels kController{{"controller", "dljob"}};
constexpr const char* kReconciles = "controller_runtime_reconcile_total";
constexpr const char* kErrors = "controller_runtime_reconcile_errors_total";
constexpr const char* kTime = "controller_runtime_reconcile_time_seconds";
constexpr const char* kActive = "controller_runtime_active_workers";
constexpr const char* kMaxActive = "controller_runtime_max_concurrent_reconciles";

// controller-runtime's, and there from the start: increase() does not see a counter's first value.
void DescribeReconciles(kube::Metrics& metrics, int workers) {
    metrics.Describe(kReconciles, "Total number of reconciliations per controller");
    metrics.Describe(kErrors, "Total number of reconciliation errors per controller");
    metrics.Describe(kTime, "Length of time per reconciliation per controller");
    metrics.Describe(kActive, "Number of currently used workers per controller");
    metrics.Describe(kMaxActive, "Maximum number of concurrent reconciles per controller");
    for (const char* result : {"success", "error"})
        metrics.Count(kReconciles, {{"controller", "dljob"}, {"result", result}}, 0);
    metrics.Count(kErrors, kController, 0);
    metrics.Prepare(kTime, kController);
    metrics.Set(kActive, kController, 0);
    metrics.Set(kMaxActive, kController, workers);
}

}  // namespace

Controller::Controller(kube::Client& client, kube::EventRecorder& events, kube::Metrics& metrics,
                       kube::Random& random, Settings settings)
    : client_(client),
      metrics_(metrics),
      settings_(std::move(settings)),
      jobs_(client, {.resource = kDLJobs, .ns = settings_.ns}, random),
      clusters_(client, {.resource = kDLClusters}, random),
      pods_(client, PodCacheSettings(settings_.ns), random),
      services_(client, Ours(kube::kServices, settings_.ns), random),
      approvals_(client, {.resource = kDLJobApprovals, .ns = settings_.ns}, random),
      namespaces_(client,
                  {.resource = kube::kNamespaces,
                   .label_selector = std::string(model::kManagedLabel) + "=true"},
                  random),
      users_(client, {.resource = kDLUsers}, random),
      admission_(client, metrics, random, settings_.admission),
      queue_(client.Executor(), {.name = "dljob", .metrics = &metrics}),
      reconciler_(client, events, settings_.rounds),
      job_metrics_(metrics, [this] { return HasSynced() && settings_.leading(); }) {
    DescribeReconciles(metrics, settings_.workers);
    pods_.store().AddIndex(kByController, ControllerUid);
    pods_.store().AddIndex(kByLostJob, LostJob);
    jobs_.OnChange([this](const kube::Change& c) {
        job_metrics_.OnJob(c.before, c.after);
        OnJob(c);
    });
    clusters_.OnChange([this](const kube::Change& c) { OnCluster(c); });
    pods_.OnChange([this](const kube::Change& c) {
        job_metrics_.OnPod(c.before, c.after);
        OnPod(c);
    });
    services_.OnChange([this](const kube::Change& c) { OnService(c); });
    approvals_.store().AddIndex(kByJobUid, ApprovedJob);
    approvals_.OnChange([this](const kube::Change& c) { OnApproval(c); });
    namespaces_.OnChange([this](const kube::Change& c) {
        if (!c.before || !c.after) LookAtAll((c.after ? c.after : c.before)->meta.name);
    });
    users_.OnChange([this](const kube::Change& c) { OnUser(c); });
    admission_.OnChange([this] { LookAtAll(""); });
    for (auto& [name, informer] : Informers()) {
        informer->OnProgress([this, last = std::uint64_t(0)](std::uint64_t version) mutable {
            if (version < last) ForgetVersions();
            last = version;
        });
    }
}

std::vector<Controller::NamedInformer> Controller::Informers() {
    std::vector<NamedInformer> all{{"dljobs", &jobs_},         {"dlclusters", &clusters_},
                                   {"pods", &pods_},           {"services", &services_},
                                   {"approvals", &approvals_}, {"namespaces", &namespaces_},
                                   {"dlusers", &users_}};
    for (auto& [name, informer] : admission_.Informers())
        all.push_back({name, informer});
    return all;
}

bool Controller::HasSynced() const {
    return jobs_.HasSynced() && clusters_.HasSynced() && pods_.HasSynced() &&
           services_.HasSynced() && approvals_.HasSynced() && namespaces_.HasSynced() &&
           users_.HasSynced() && admission_.HasSynced();
}

void Controller::ForgetVersions() {
    for (auto& [key, memory] : memory_)
        memory.memory.written = {};
}

void Controller::OnJob(const kube::Change& change) {
    const kube::Meta& meta = (change.after ? change.after : change.before)->meta;
    // Gone, or gone and made again under the same name while we were not looking.
    if (change.before && (!change.after || change.after->meta.uid != change.before->meta.uid))
        memory_.erase(meta.Key());
    queue_.Add(meta.Key());
}

void Controller::OnPod(const kube::Change& change) {
    const kube::Object& object = change.after ? *change.after : *change.before;
    const kube::Meta& meta = object.meta;
    if (!LostJob(object).empty())
        return queue_.Add({meta.ns, meta.labels.at(std::string(model::kJobLabel))});
    if (meta.controller_kind != model::kDLJobKind) return;
    // A round looks at every pod of its job, so the events of a huge gang are taken together.
    kube::ObjectKey job{meta.ns, meta.controller_name};
    auto known = memory_.find(job);
    std::size_t pods = known == memory_.end() ? 0 : known->second.pods;
    constexpr std::size_t kHuge = 200;
    if (pods < kHuge)
        queue_.Add(job);
    else
        queue_.AddAfter(job, std::chrono::milliseconds(pods / 10));
}

void Controller::OnService(const kube::Change& change) {
    OnPod(change);
}

void Controller::OnCluster(const kube::Change& change) {
    // What its status says of storages changes each minute.
    if (change.before && change.after && change.after->meta.generation != 0 &&
        change.before->meta.generation == change.after->meta.generation)
        return;
    cluster_.reset();
    cluster_problem_.clear();
    if (auto object = clusters_.store().Get({"", std::string(model::kDLClusterName)})) {
        auto parsed = model::ParseDLCluster(object->raw);
        if (parsed)
            cluster_ = std::make_shared<const model::DLCluster>(std::move(*parsed));
        else
            cluster_problem_ = parsed.error();
    }
    LookAtAll("");
}

void Controller::OnUser(const kube::Change& change) {
    if (change.before) directory_.Remove(change.before->meta.name);
    if (change.after) {
        auto user = model::ParseDLUser(change.after->raw);
        if (user)
            directory_.Put(std::move(*user));
        else
            kube::LogWarning("controller", "DLUser {}: {}", change.after->meta.name, user.error());
    }
    LookAtAll("");
}

void Controller::OnApproval(const kube::Change& change) {
    // Whatever it said before and says now: it is for at most one job, which sorts that out.
    for (const kube::ObjectPtr& object : {change.before, change.after}) {
        if (!object) continue;
        if (auto approval = model::ParseDLJobApproval(object->raw))
            queue_.Add({object->meta.ns, approval->jobName});
    }
}

void Controller::LookAtAll(const std::string& ns) {
    for (const auto& job : jobs_.store().All())
        if (ns.empty() || job->meta.ns == ns) queue_.Add(job->meta.Key());
}

Awaitable<void> Controller::Work() {
    while (auto key = co_await queue_.Get()) {
        auto started = Steady::now();
        metrics_.Set(kActive, kController, ++active_workers_);
        bool done = co_await ReconcileSafely(*key);
        metrics_.Set(kActive, kController, --active_workers_);
        std::chrono::duration<double> took = Steady::now() - started;
        metrics_.Observe(kTime, kController, took.count());
        metrics_.Count(kReconciles,
                       {{"controller", "dljob"}, {"result", done ? "success" : "error"}});
        if (!done) metrics_.Count(kErrors, kController);
        if (done)
            queue_.Forget(*key);
        else
            queue_.AddRateLimited(*key);
        queue_.Done(*key);
    }
}

CacheVersions Controller::Seen() const {
    return {jobs_.LastResourceVersion(), pods_.LastResourceVersion(),
            services_.LastResourceVersion()};
}

std::optional<World> Controller::Observe(const kube::Object& object) const {
    World world;
    auto job = model::ParseDLJob(object.raw);
    if (!job) {
        // The CRD's schema does not let this happen; another version of it might.
        kube::LogError(kLog, "{} cannot be read and is left alone: {}",
                       object.meta.Key().ToString(), job.error());
        return std::nullopt;
    }
    world.job = std::move(*job);
    world.cluster = cluster_;
    world.cluster_problem = cluster_problem_;
    if (cluster_) world.user = directory_.RunsAs(world.job, *cluster_);
    for (const auto& pod : pods_.store().ByIndex(kByController, object.meta.uid)) {
        auto view = model::ParsePod(pod->raw);
        if (view) world.pods.push_back(std::move(*view));
    }
    settings_.observe_storage(world);
    auto service = services_.store().Get({object.meta.ns, model::ServiceName(object.meta.name)});
    world.namespace_managed = namespaces_.store().Get({"", object.meta.ns}) != nullptr;
    world.admission_problem = admission_.Problem();
    world.admission_since = admission_.Since();
    for (const auto& found : approvals_.store().ByIndex(kByJobUid, object.meta.uid)) {
        auto approval = model::ParseDLJobApproval(found->raw);
        if (approval) world.approvals.push_back(std::move(*approval));
    }
    world.service_exists = service && service->meta.controller_uid == object.meta.uid;
    world.now = std::chrono::floor<std::chrono::seconds>(client_.ServerTime());
    return world;
}

Awaitable<bool> Controller::ReconcileSafely(kube::ObjectKey key) {
    std::string what;
    try {
        co_return co_await Reconcile(key);
    } catch (const boost::system::system_error& error) {
        if (error.code() == boost::asio::error::operation_aborted) throw;  // we are told to stop
        what = error.what();
    } catch (const std::exception& error) {
        what = error.what();
    }
    kube::LogError(kLog, "{}: {}", key.ToString(), what);
    co_return false;
}

Awaitable<bool> Controller::Reconcile(kube::ObjectKey key) {
    auto object = jobs_.store().Get(key);
    if (auto orphans = pods_.store().ByIndex(kByLostJob, key.ToString()); !orphans.empty()) {
        std::string uid = object ? object->meta.uid : "";
        std::string wrong = co_await reconciler_.Sweep(key, uid, std::move(orphans));
        if (!wrong.empty()) kube::LogWarning(kLog, "{}: orphans: {}", key.ToString(), wrong);
        if (!wrong.empty()) co_return false;
    }
    if (!object) co_return true;
    Remembered& remembered = memory_[key];
    if (Lags(Seen(), remembered.memory)) {
        // The event that brings the cache up to date queues the job again; this is the safety net.
        queue_.AddAfter(key, std::chrono::seconds(1));
        co_return true;
    }
    auto world = Observe(*object);
    if (!world) co_return true;
    remembered.pods = world->pods.size();
    Memory memory = remembered.memory;
    Round round = co_await reconciler_.Run(std::move(*world), std::move(memory), Steady::now());
    if (!round.log.empty()) kube::LogWarning(kLog, "{}: {}", key.ToString(), round.log);
    // The job may be gone by now, and its memory with it.
    if (auto it = memory_.find(key); it != memory_.end()) it->second.memory = round.memory;
    if (round.again) queue_.AddAfter(key, *round.again);
    co_return !round.retry;
}

}  // namespace dlws::job

// SPDX-License-Identifier: Apache-2.0
#include "operator/job/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "kube/log.h"
#include "model/names.h"
#include "operator/job/pod_cache.h"

namespace dlws::job {

using kube::Awaitable;
using Steady = std::chrono::steady_clock;

namespace {

constexpr std::string_view kLog = "job";

kube::Informer::Settings Ours(kube::Resource resource) {
    return {.resource = resource, .label_selector = std::string(model::kJobLabel)};
}

}  // namespace

Controller::Controller(kube::Client& client, kube::EventRecorder& events, kube::Metrics& metrics,
                       kube::Random& random, Settings settings)
    : metrics_(metrics),
      settings_(settings),
      jobs_(client, {.resource = kDLJobs}, random),
      clusters_(client, {.resource = kDLClusters}, random),
      pods_(client, PodCacheSettings(), random),
      services_(client, Ours(kube::kServices), random),
      queue_(client.Executor(), {.name = "dljob", .metrics = &metrics}),
      reconciler_(client, events, settings.rounds) {
    pods_.store().AddIndex(kByController, ControllerUid);
    jobs_.OnChange([this](const kube::Change& c) { OnJob(c); });
    clusters_.OnChange([this](const kube::Change& c) { OnCluster(c); });
    pods_.OnChange([this](const kube::Change& c) { OnPod(c); });
    services_.OnChange([this](const kube::Change& c) { OnService(c); });
    for (auto& [name, informer] : Informers()) {
        informer->OnProgress([this, last = std::uint64_t(0)](std::uint64_t version) mutable {
            if (version < last) ForgetVersions();
            last = version;
        });
    }
}

std::vector<Controller::NamedInformer> Controller::Informers() {
    return {
        {"dljobs", &jobs_}, {"dlclusters", &clusters_}, {"pods", &pods_}, {"services", &services_}};
}

bool Controller::HasSynced() const {
    return jobs_.HasSynced() && clusters_.HasSynced() && pods_.HasSynced() && services_.HasSynced();
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
    const kube::Meta& meta = (change.after ? change.after : change.before)->meta;
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

void Controller::OnCluster(const kube::Change&) {
    cluster_.reset();
    cluster_problem_.clear();
    if (auto object = clusters_.store().Get({"", std::string(model::kDLClusterName)})) {
        auto parsed = model::ParseDLCluster(object->raw);
        if (parsed)
            cluster_ = std::make_shared<const model::DLCluster>(std::move(*parsed));
        else
            cluster_problem_ = parsed.error();
    }
    for (const auto& job : jobs_.store().All())
        queue_.Add(job->meta.Key());
}

Awaitable<void> Controller::Work() {
    while (auto key = co_await queue_.Get()) {
        auto started = Steady::now();
        bool done = co_await ReconcileSafely(*key);
        std::chrono::duration<double> took = Steady::now() - started;
        metrics_.Observe("controller_runtime_reconcile_time_seconds", {{"controller", "dljob"}},
                         took.count());
        metrics_.Count("controller_runtime_reconcile_total",
                       {{"controller", "dljob"}, {"result", done ? "success" : "error"}});
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
    for (const auto& pod : pods_.store().ByIndex(kByController, object.meta.uid)) {
        auto view = model::ParsePod(pod->raw);
        if (view) world.pods.push_back(std::move(*view));
    }
    auto service = services_.store().Get({object.meta.ns, model::ServiceName(object.meta.name)});
    world.service_exists = service && service->meta.controller_uid == object.meta.uid;
    world.now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
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

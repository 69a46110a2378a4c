// SPDX-License-Identifier: Apache-2.0
#include "operator/job/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "kube/log.h"
#include "model/names.h"

namespace dlws::job {

using kube::Awaitable;
using Steady = std::chrono::steady_clock;

namespace {

constexpr std::string_view kLog = "job";
constexpr const char* kByController = "controller-uid";

std::vector<std::string> ControllerUid(const kube::Object& object) {
    if (object.meta.controller_uid.empty()) return {};
    return {object.meta.controller_uid};
}

kube::Informer::Settings Ours(kube::Resource resource, const std::string& ns) {
    return {.resource = resource, .ns = ns, .label_selector = std::string(model::kJobLabel)};
}

}  // namespace

Controller::Controller(kube::Client& client, kube::EventRecorder& events, kube::Metrics& metrics,
                       kube::Random& random, Settings settings)
    : client_(client),
      metrics_(metrics),
      settings_(std::move(settings)),
      jobs_(client, {.resource = kDLJobs, .ns = settings_.ns}, random),
      clusters_(client, {.resource = kDLClusters}, random),
      pods_(client, Ours(kube::kPods, settings_.ns), random),
      services_(client, Ours(kube::kServices, settings_.ns), random),
      queue_(client.Executor(), {.name = "dljob", .metrics = &metrics}),
      executor_(client, events, settings_.parallel_creates) {
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
        memory.written = {};
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
        Round round = co_await ReconcileSafely(*key);
        std::chrono::duration<double> took = Steady::now() - started;
        metrics_.Observe("controller_runtime_reconcile_time_seconds", {{"controller", "dljob"}},
                         took.count());
        metrics_.Count(
            "controller_runtime_reconcile_total",
            {{"controller", "dljob"}, {"result", round == Round::kDone ? "success" : "error"}});
        if (round == Round::kDone)
            queue_.Forget(*key);
        else
            queue_.AddRateLimited(*key);
        queue_.Done(*key);
    }
}

// Our own writes must be in the caches before we decide again, or we would repeat them.
bool Controller::CachesLag(const Memory& memory) const {
    return jobs_.LastResourceVersion() < memory.written.job ||
           pods_.LastResourceVersion() < memory.written.pods ||
           services_.LastResourceVersion() < memory.written.services;
}

std::optional<World> Controller::Observe(const kube::Object& object, const Memory& memory) const {
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
    world.problem = memory.problem;
    world.now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return world;
}

// A status that differs only in counts waits for a moment: eight pods that come up within a second
// are one write, not eight, and a pod that is no longer ready because it is about to have succeeded
// costs none at all. True: nothing is to be done now.
bool Controller::PutOff(const kube::ObjectKey& key, const Decision& decision, Memory& memory) {
    const auto* publish =
        decision.writes.size() == 1 ? std::get_if<Publish>(&decision.writes.front()) : nullptr;
    auto now = Steady::now();
    if (publish && !publish->urgent) {
        if (!memory.counts_due) memory.counts_due = now + settings_.count_delay;
        if (now < *memory.counts_due) {
            queue_.AddAfter(key, *memory.counts_due - now);
            return true;
        }
    }
    memory.counts_due.reset();
    return false;
}

Awaitable<Controller::Round> Controller::ReconcileSafely(kube::ObjectKey key) {
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
    co_return Round::kRetry;
}

Awaitable<Controller::Round> Controller::Reconcile(kube::ObjectKey key) {
    auto object = jobs_.store().Get(key);
    if (!object) co_return Round::kDone;
    Memory& remembered = memory_[key];
    if (CachesLag(remembered)) {
        // The event that brings the cache up to date queues the job again; this is the safety net.
        queue_.AddAfter(key, std::chrono::seconds(1));
        co_return Round::kDone;
    }
    auto world = Observe(*object, remembered);
    if (!world) co_return Round::kDone;
    remembered.pods = world->pods.size();
    Decision decision = Decide(*world);
    if (!decision.confirm_missing.empty()) {
        kube::ObjectKey pod{key.ns, decision.confirm_missing};
        auto found = co_await client_.Get(kube::kPods, std::move(pod));
        if (found || !found.error().IsNotFound()) {
            queue_.AddAfter(key, std::chrono::seconds(1));  // the cache is behind, or nobody knows
            co_return Round::kDone;
        }
        world->confirmed_missing = decision.confirm_missing;
        decision = Decide(*world);
    }
    if (decision.close_attempt) {
        auto pods = co_await executor_.CloseAttempt(*world, *decision.close_attempt);
        if (!pods) {
            kube::LogWarning(kLog, "{}: {}", key.ToString(), pods.error().log);
            co_return Round::kRetry;
        }
        world->pods = std::move(*pods);
        world->fenced_attempt = decision.close_attempt;
        decision = Decide(*world);
    }
    if (decision.look_again) queue_.AddAfter(key, *decision.look_again - world->now);
    auto it = memory_.find(key);
    if (it == memory_.end() || PutOff(key, decision, it->second) || decision.writes.empty())
        co_return Round::kDone;

    WrittenVersions written = it->second.written;
    auto outcome = co_await executor_.Perform(*world, decision, written);

    // The job may be gone by now, and its memory with it.
    it = memory_.find(key);
    if (it == memory_.end()) co_return Round::kDone;
    Memory& memory = it->second;
    memory.written = written;
    if (outcome) {
        memory.problem.reset();
        co_return Round::kDone;
    }
    memory.problem = outcome.error().problem;
    if (outcome.error().conflict) co_return Round::kRetry;
    kube::LogWarning(kLog, "{}: {}", key.ToString(), outcome.error().log);
    co_return Round::kRetry;
}

}  // namespace dlws::job

// SPDX-License-Identifier: Apache-2.0
#include "operator/job/sim/process.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>

#include "kube/audit.h"
#include "model/names.h"
#include "operator/job/sim/api_objects.h"

namespace dlws::job::sim {

namespace asio = boost::asio;
using kube::Awaitable;
using kube::ObjectPtr;
using kube::Result;

namespace {

std::unexpected<kube::Error> Lost(kube::ErrorKind kind) {
    kube::Error error;
    error.kind = kind;
    error.message = "the connection broke";
    return std::unexpected(std::move(error));
}
std::unexpected<kube::Error> Answer(int code) {
    kube::Error error;
    error.kind = kube::ErrorKind::kStatus;
    error.code = code;
    error.reason = code == 409 ? "Conflict" : "InternalError";
    error.message = fmt::format("the API server answered {}", code);
    return std::unexpected(std::move(error));
}

// The API of a Cluster, with the faults of a Wire.
class SimApi : public kube::Api {
  public:
    SimApi(asio::any_io_executor executor, Cluster& cluster, Wire& wire, Own& own)
        : executor_(std::move(executor)), cluster_(cluster), wire_(wire), own_(own) {}

    bool crashed() const { return crashed_; }
    asio::any_io_executor Executor() const override { return executor_; }

    Awaitable<Result<ObjectPtr>> Get(kube::Resource resource, kube::ObjectKey key,
                                     kube::CallOptions) override {
        auto found = Do<ObjectPtr>({"get", key.name}, [resource, name = key.name](Cluster& c) {
            return c.Get(resource, name);
        });
        if (resource.kind == model::kDLJobApprovalKind)
            seen_approval_ = found ? found.value()->meta.uid : "";
        co_return found;
    }
    Awaitable<Result<std::string>> Ask(kube::Resource, std::string body,
                                       kube::CallOptions) override {
        auto answer = Do<std::string>({"ask", "rights"}, [body](Cluster& c) -> Result<std::string> {
            return c.MayApprove(body) ? R"({"status":{"allowed":true}})" : "{}";
        });
        may_approve_ = answer && answer->size() > 2;
        co_return answer;
    }
    std::chrono::system_clock::time_point ServerTime() const override { return cluster_.now; }
    Awaitable<Result<kube::ListPage>> List(kube::Resource resource, kube::ListOptions) override {
        if (resource.kind == model::kDLJobApprovalKind)
            co_return Do<kube::ListPage>({"list", "approvals"}, [](Cluster& c) {
                kube::ListPage page;
                for (const auto& [name, approval] : c.approvals)
                    page.items.push_back(ApprovalObject(approval));
                return Result<kube::ListPage>(std::move(page));
            });
        co_return Do<kube::ListPage>({"list", "pods"}, [](Cluster& c) { return c.ListPods(); });
    }
    Awaitable<Result<ObjectPtr>> Create(kube::Resource resource, std::string, std::string body,
                                        kube::WriteOptions) override {
        std::string what = std::string(resource.kind);
        const std::string name = NameIn(body);
        const bool pod = resource.plural == kube::kPods.plural;
        if (pod && !ApprovalOf(body)) MustNotRepeat(name);
        if (const auto approval = pod ? ApprovalOf(body) : std::nullopt) {
            if (seen_approval_ != *approval || approval->empty())
                Break(name + " is created without a look at its approval before");
            if (!may_approve_) Break(name + " is created though its approver may not approve");
            seen_approval_.clear();
        }
        auto made = Do<ObjectPtr>({"create", what, name, true, body}, [resource, body](Cluster& c) {
            return c.Create(resource, body);
        });
        if (pod && made) own_.pods[name] = made.value()->meta.uid;
        co_return made;
    }
    Awaitable<Result<ObjectPtr>> Update(kube::Resource, kube::ObjectKey, std::string,
                                        kube::WriteOptions) override {
        co_return Answer(405);  // nothing of ours updates
    }
    Awaitable<Result<ObjectPtr>> Patch(kube::Resource resource, kube::ObjectKey key,
                                       kube::PatchType, std::string body,
                                       kube::WriteOptions) override {
        Call call{"patch", key.name, key.name, true, body};
        boost::json::object patch = boost::json::parse(body).as_object();
        if (const auto* meta = patch.if_contains("metadata")) {
            call.version = meta->at("resourceVersion").as_string();
            patch.erase("metadata");
            call.content = boost::json::serialize(patch);
        }
        const bool job = resource.kind == model::kDLJobKind;
        if (job && !call.version.empty() && std::stoull(call.version) < own_.job)
            Break("it writes a status without having seen its own last one");
        auto stored = Do<ObjectPtr>(std::move(call), [resource, name = key.name, body](Cluster& c) {
            return c.Patch(resource, name, body);
        });
        if (job && stored) own_.job = stored.value()->meta.resource_version;
        co_return stored;
    }
    Awaitable<Result<void>> Delete(kube::Resource resource, kube::ObjectKey key,
                                   kube::DeleteOptions options) override {
        if (options.uid.empty()) Break(key.name + " is deleted by name, without its UID");
        Call call{"delete", key.name, key.name, true, "", options.resource_version};
        if (call.version.empty()) call.content = options.uid;
        co_return Do<void>(std::move(call), [resource, name = key.name, options](Cluster& c) {
            return c.Delete(resource, name, options);
        });
    }

  private:
    void Break(std::string what) {
        if (cluster_.broken.empty()) cluster_.broken = std::move(what);
    }

    // What it made and was told so, it has to see before it decides again (Lags).
    void MustNotRepeat(const std::string& name) {
        auto own = own_.pods.find(name);
        auto pod = cluster_.pods.find(name);
        if (own != own_.pods.end() && pod != cluster_.pods.end() && pod->second.uid == own->second)
            Break(name + " is created although the same process has made it");
    }

    template <typename T, typename Perform>
    Result<T> Do(Call call, Perform perform) {
        if (crashed_) return Lost(kube::ErrorKind::kCancelled);
        const int n = wire_.calls++;
        if (wire_.meddle) wire_.meddle(cluster_, n);
        if (wire_.record) wire_.trace.push_back(call);
        auto fault = std::ranges::find(wire_.faults, n, &Fault::call);
        const Fate fate = fault == wire_.faults.end() ? Fate::Perform : fault->fate;
        switch (fate) {
            case Fate::Perform:
                break;
            case Fate::CrashBefore:
                crashed_ = true;
                return Lost(kube::ErrorKind::kCancelled);
            case Fate::CrashAfter:
                (void)perform(cluster_);
                crashed_ = true;
                return Lost(kube::ErrorKind::kCancelled);
            case Fate::ReplyLost:
                (void)perform(cluster_);
                return Lost(kube::ErrorKind::kNetwork);
            case Fate::Refuse:
                return Answer(fault->code);
            case Fate::Lost: {
                Cluster elsewhere = cluster_;
                return perform(elsewhere);
            }
            case Fate::PerformThenError:
                (void)perform(cluster_);
                return Answer(fault->code);
            case Fate::Late:
                cluster_.late.push_back(
                    {fmt::format("{} {} {}", call.verb, call.name, call.content), call.version,
                     call.name, [perform](Cluster& c) { (void)perform(c); }});
                crashed_ = true;
                return Lost(kube::ErrorKind::kCancelled);
        }
        return perform(cluster_);
    }

    asio::any_io_executor executor_;
    Cluster& cluster_;
    Wire& wire_;
    Own& own_;
    std::string seen_approval_;  // UID of the one it looked at, since the last pod
    bool may_approve_ = false;   // what it was told last of the approver's rights
    bool crashed_ = false;
};

}  // namespace

void Process::Start(SnapshotPtr seen) {
    Start(seen, seen, seen);
}

void Process::Start(SnapshotPtr jobs, SnapshotPtr others, SnapshotPtr approvals) {
    *this = Process(std::move(jobs), std::move(others), std::move(approvals));
}

void Process::Deliver(const Cluster& cluster) {
    SnapshotPtr now = cluster.Look();
    if (!jobs_frozen && now->job_version != jobs_->job_version) {
        // As Controller::OnJob: another job of the same name is not the one we remember.
        if (!now->job || (jobs_->job && jobs_->job->meta.uid != now->job->meta.uid)) {
            memory_ = {};
            own_ = {};
        }
        jobs_ = now;
        queued_ = true;
    }
    if (!approvals_frozen) {
        queued_ |= approvals_->job_version != jobs_->job_version;
        approvals_ = jobs_;
    }
    if (!pods_frozen && (now->pods_version != pods_->pods_version ||
                         now->services_version != pods_->services_version)) {
        pods_ = now;
        queued_ = true;
    }
}

bool Process::Step(Cluster& cluster, Wire& wire) {
    if (!Ready(cluster)) return false;
    Run(cluster, wire);
    return true;
}

void Process::Run(Cluster& cluster, Wire& wire) {
    queued_ = false;
    timer_.reset();
    if (!jobs_->job) return;
    const CacheVersions seen{jobs_->job_version, pods_->pods_version, pods_->services_version};
    if (Lags(seen, memory_)) {
        timer_ = cluster.now + std::chrono::seconds(1);
        return;
    }
    World world;
    world.job = *jobs_->job;
    world.cluster = cluster.settings;
    for (const auto& [name, pod] : pods_->pods)
        if (pod.ownerUid == world.job.meta.uid) world.pods.push_back(pod);
    for (const auto& [name, approval] : approvals_->approvals)
        if (approval.jobUid == world.job.meta.uid) world.approvals.push_back(approval);
    world.service_exists = pods_->service;
    world.now = cluster.now;

    kube::SetAudit(false);  // nobody asked for real
    static asio::io_context io(1);
    SimApi api(io.get_executor(), cluster, wire, own_);
    kube::EventRecorder events(api, "sim", "sim-0");
    Reconciler::Settings settings;
    settings.parallel_writes = wire.parallel_writes;
    Reconciler reconciler(api, events, settings);
    std::optional<Round> round;
    const std::chrono::steady_clock::time_point steady(cluster.now.time_since_epoch());
    asio::co_spawn(io, reconciler.Run(std::move(world), memory_, steady),
                   [&](std::exception_ptr error, Round result) {
                       if (error) std::rethrow_exception(error);
                       round = std::move(result);
                   });
    io.restart();
    io.run();
    if (api.crashed()) {
        crashed_ = true;
        return;
    }
    memory_ = round->memory;
    failures_ = round->retry ? failures_ + 1 : 0;
    std::optional<std::chrono::seconds> wait;
    if (round->again)
        wait = std::max(std::chrono::seconds(1),
                        std::chrono::ceil<std::chrono::seconds>(*round->again));
    if (round->retry) wait = std::chrono::seconds(1 << std::min(failures_ - 1, 6));
    if (wait) timer_ = cluster.now + *wait;
}

void Process::AddTo(Fingerprint& fingerprint, const Cluster& cluster) const {
    const SnapshotPtr now = cluster.Look();
    // A cache that does not stand still is brought up to date before anybody looks at it.
    const bool news = (!jobs_frozen && jobs_->job_version != now->job_version) ||
                      (!pods_frozen && (pods_->pods_version != now->pods_version ||
                                        pods_->services_version != now->services_version));
    const SnapshotPtr& others = pods_frozen ? pods_ : now;
    const bool due = timer_ && *timer_ <= cluster.now;
    fingerprint.Add(fmt::format("{}{}{}{}{} {} {} {}{} {}", crashed_, queued_ || news, jobs_frozen,
                                pods_frozen,
                                Lags({(jobs_frozen ? jobs_ : now)->job_version,
                                      others->pods_version, others->services_version},
                                     memory_),
                                memory_.verified, memory_.problem ? memory_.problem->message : "",
                                timer_.has_value(), due, memory_.counts_due.has_value()));
    if (jobs_frozen && jobs_->job_version != now->job_version) {
        fingerprint.Add("old job");
        if (jobs_->job) fingerprint.Add(jobs_->job);
    }
    if (pods_frozen && pods_->pods_version != now->pods_version) {
        fingerprint.Add(fmt::format("old pods {}", pods_->service));
        fingerprint.Add(pods_->pods, cluster.pods);
    }
}

}  // namespace dlws::job::sim

// SPDX-License-Identifier: Apache-2.0
#include "operator/job/sim/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "model/names.h"
#include "model/owned.h"
#include "operator/job/sim/api_objects.h"

namespace dlws::job::sim {

namespace json = boost::json;
using model::PodPhase;
using model::PodView;

namespace {

constexpr std::chrono::seconds kGrace{30};

std::unexpected<kube::Error> Refuse(int code, std::string reason, std::string message) {
    kube::Error error;
    error.kind = kube::ErrorKind::kStatus;
    error.code = code;
    error.reason = std::move(reason);
    error.message = std::move(message);
    return std::unexpected(std::move(error));
}
std::unexpected<kube::Error> NotFound(const std::string& name) {
    return Refuse(404, "NotFound", name + " not found");
}
std::unexpected<kube::Error> Conflict(const std::string& what) {
    return Refuse(409, "Conflict", what);
}

// A merge patch that takes a key out of `data`.
bool Removes(const std::string& patch, const std::string& key) {
    const json::value document = json::parse(patch);
    const json::value* value = document.at("data").as_object().if_contains(key);
    return value && value->is_null();
}

bool IsFinished(const model::JobStatus& status) {
    return model::IsTrue(status.conditions, model::kConditionFinished);
}

}  // namespace

// ---- people ----

void Cluster::Store(model::DLJob next) {
    next.meta.resourceVersion = std::to_string(Changed(job_version_));
    job = std::make_shared<const model::DLJob>(std::move(next));
}

void Cluster::Submit(model::DLJob wanted) {
    alone_ = wanted.spec.retry.scope == model::RetryScope::Pod;
    wanted.meta.uid = fmt::format("job-uid-{}", ++uids_);
    wanted.meta.generation = 1;
    wanted.meta.creationTimestamp = now;
    Store(std::move(wanted));
}

void Cluster::Edit(const std::function<void(model::DLJobSpec&)>& change) {
    if (!job) return;
    model::DLJob next = *job;
    change(next.spec);
    // As ParseDLJob does: the elastic role has as many pods as elastic says.
    if (next.spec.elastic)
        for (auto& role : next.spec.roles)
            if (role.name == next.spec.elastic->role) role.replicas = next.spec.elastic->replicas;
    ++next.meta.generation;
    Store(std::move(next));
}

void Cluster::DeleteJob() {
    job.reset();
    Changed(job_version_);
}

void Cluster::RemovePod(const std::string& name) {
    auto it = pods.find(name);
    if (it == pods.end()) return;
    if (!Delete(kube::kPods, name, kube::DeleteOptions())) Break(name + " cannot be deleted");
}

void Cluster::Settings(std::shared_ptr<const model::DLCluster> wanted) {
    settings = std::move(wanted);
    if (job) Store(*job);  // wakes the operator, as its informer of DLClusters would
}

void Cluster::Squat(const std::string& pod_name) {
    PodView pod;
    pod.name = pod_name;
    pod.uid = fmt::format("foreign-{}", ++uids_);
    pod.phase = PodPhase::Running;
    pods.Change()[pod_name] = std::move(pod);
    Changed(pods_version_);
}

// ---- the API server ----

SnapshotPtr Cluster::Look() const {
    if (look_ && look_->job_version == job_version_ && look_->pods_version == pods_version_ &&
        look_->services_version == services_version_)
        return look_;
    auto look = std::make_shared<Snapshot>();
    look->job = job;
    look->pods = pods;
    look->approvals = approvals;
    look->service = job && services.contains(model::ServiceName(job->meta.name)) &&
                    services.at(model::ServiceName(job->meta.name)).owner_uid == job->meta.uid;
    look->job_version = job_version_;
    look->pods_version = pods_version_;
    look->services_version = services_version_;
    return look_ = look;
}

kube::Result<kube::ObjectPtr> Cluster::Create(kube::Resource resource, const std::string& body) {
    if (resource.plural == kube::kPods.plural) return CreatePod(body);
    if (resource.plural == kube::kControllerRevisions.plural) {
        const std::string revision = NameIn(body);
        if (revisions.contains(revision))
            return Refuse(409, "AlreadyExists", revision + " already exists");
        revisions[revision] = body;
        ++writes;
        std::uint64_t unseen = 0;
        return WithUid(body, "revision-uid", Changed(unseen));
    }
    auto& kept = resource.plural == kube::kServices.plural     ? services
                 : resource.plural == kube::kConfigMaps.plural ? configmaps
                                                               : secrets;
    const std::string name = NameIn(body);
    if (kept.contains(name)) return Refuse(409, "AlreadyExists", name + " already exists");
    Owned owned = OwnedFrom(body);
    owned.uid = fmt::format("uid-{}", ++uids_);
    std::uint64_t none = 0;
    auto& kind = resource.plural == kube::kServices.plural ? services_version_ : none;
    owned.version = Changed(kind);
    kept.Change()[name] = owned;
    ++writes;
    return Header(name, owned.uid, owned.version, owned.owner_uid, owned.owner_name);
}

kube::Result<kube::ObjectPtr> Cluster::CreatePod(const std::string& body) {
    const std::string name = NameIn(body);
    if (pods.contains(name)) return Refuse(409, "AlreadyExists", name + " already exists");
    std::uint64_t at = Changed(pods_version_);
    PodView pod = PodFrom(body, fmt::format("pod-uid-{}", ++uids_), at, now);
    ++created.Change()[name];
    ++writes;
    if (job && pod.ownerUid == job->meta.uid && !two_leaders) {
        if (IsFinished(job->status)) Break(name + " was created for a finished job");
        for (const auto& [other_name, other] : pods)
            if (other.ownerUid == pod.ownerUid && other.role == pod.role &&
                other.index == pod.index && !other.Terminal())
                Break(fmt::format("{} was created while {} lives", name, other_name));
    }
    reads.Change()[pod.uid] = FencesIn(body);
    if (auto approval = ApprovalOf(body)) {
        if (approval->empty()) Break(name + " reaches its node and names no approval");
        guarded.Change()[pod.uid] = {*approval, body};
    }
    auto header = Header(name, pod.uid, at, pod.ownerUid, pod.job);
    pods.Change()[name] = std::move(pod);
    return header;
}

kube::Result<kube::ObjectPtr> Cluster::Get(kube::Resource resource, const std::string& name) const {
    if (resource.kind == model::kDLJobKind) {
        if (!job) return NotFound(name);
        return JobObject(*job);
    }
    if (resource.kind == model::kDLJobApprovalKind) {
        auto it = approvals.find(name);
        if (it == approvals.end()) return NotFound(name);
        return ApprovalObject(it->second);
    }
    if (resource.plural == kube::kControllerRevisions.plural) {
        auto it = revisions.find(name);
        if (it == revisions.end()) return NotFound(name);
        return WithUid(it->second, "revision-uid", 1);
    }
    if (resource.plural == kube::kPods.plural) {
        auto it = pods.find(name);
        if (it == pods.end()) return NotFound(name);
        auto guard = guarded.find(it->second.uid);
        if (guard == guarded.end()) return PodObject(it->second);
        return WithUid(guard->second.body, it->second.uid, std::stoull(it->second.resourceVersion));
    }
    const auto& kept = resource.plural == kube::kServices.plural     ? services
                       : resource.plural == kube::kConfigMaps.plural ? configmaps
                                                                     : secrets;
    auto it = kept.find(name);
    if (it == kept.end()) return NotFound(name);
    const Owned& o = it->second;
    return Header(name, o.uid, o.version, o.owner_uid, o.owner_name);
}

kube::Result<kube::ListPage> Cluster::ListPods() const {
    kube::ListPage page;
    for (const auto& [name, pod] : pods)
        if (!pod.job.empty()) page.items.push_back(PodObject(pod));
    page.resource_version = version;
    return page;
}

kube::Result<kube::ObjectPtr> Cluster::Patch(kube::Resource resource, const std::string& name,
                                             const std::string& patch) {
    if (resource.kind == model::kDLJobKind) return PatchStatus(patch);
    auto it = configmaps.find(name);  // the only other thing we patch: a fence, closed
    if (it == configmaps.end()) return NotFound(name);
    if (!it->second.open_for.empty() && Removes(patch, it->second.open_for)) {
        Owned& fence = configmaps.Change()[name];
        fence.open_for.clear();
        std::uint64_t none = 0;
        fence.version = Changed(none);
        ++writes;
    }
    return Get(resource, name);
}

kube::Result<kube::ObjectPtr> Cluster::PatchStatus(const std::string& patch) {
    if (!job) return NotFound("the job");
    const json::object document = json::parse(patch).as_object();
    if (const json::value* meta = document.if_contains("metadata")) {
        const auto& o = meta->as_object();
        if (o.contains("uid") && o.at("uid").as_string() != job->meta.uid)
            return Conflict("the UID is another");
        if (o.contains("resourceVersion") &&
            o.at("resourceVersion").as_string() != job->meta.resourceVersion)
            return Conflict("the object has been modified");
        if (!o.contains("uid") || !o.contains("resourceVersion"))
            Break("status is written without its preconditions");
    } else {
        Break("status is written without its preconditions");
    }
    json::value status = model::ToJsonObject(job->status);
    MergePatch(status, document.at("status"));
    auto next = model::ParseStatus(json::serialize(json::object{{"status", std::move(status)}}));
    if (!next) return Refuse(422, "Invalid", next.error());
    Judge(job->status, *next);
    model::DLJob changed = *job;
    changed.status = std::move(*next);
    Store(std::move(changed));
    ++writes;
    return Header(job->meta.name, job->meta.uid, job_version_, "", "");
}

// What a status may never do.
void Cluster::Judge(const model::JobStatus& was, const model::JobStatus& next) {
    if (next.approval && next.approval->state == model::ApprovalStatus::Revoked && IsApproved() &&
        was.approval && approvals.contains(was.approval->approval))
        Break("an approval that is there is said to have been taken back");
    if (IsFinished(was) && !IsFinished(next)) Break("Finished left True");
    if (IsFinished(was) && next.phase != was.phase) Break("the outcome of a finished job changed");
    if (next.attempt < was.attempt) Break("the attempt went back");
    const int counted_was = was.restarts.user + was.restarts.infrastructure;
    const int counted = next.restarts.user + next.restarts.infrastructure;
    const bool recorded =
        !next.attempts.empty() &&
        (was.attempts.empty() || next.attempts.back().attempt != was.attempts.back().attempt);
    for (std::size_t i = 1; i < next.attempts.size(); ++i)
        if (next.attempts[i].attempt <= next.attempts[i - 1].attempt)
            Break("an attempt was recorded twice");
    const bool suspended = model::IsTrue(next.conditions, model::kConditionSuspended) &&
                           !model::IsTrue(was.conditions, model::kConditionSuspended);
    if (suspended && !two_leaders)
        for (const auto& [name, pod] : pods)
            if (job->meta.uid == pod.ownerUid && !pod.Terminal())
                Break("Suspended while " + name + " lives");
    if (counted > counted_was + 1) Break("a failure was counted twice");
    if (counted > counted_was && !recorded) Break("a failure was counted and not recorded");
    if (IsFinished(next) && !IsFinished(was) && !two_leaders) {
        for (const auto& [name, pod] : pods)
            if (job->meta.uid == pod.ownerUid && !pod.Terminal() &&
                job->spec.cleanupPods != model::CleanupPods::None && !nodes_down.contains(pod.node))
                Break("Finished while " + name + " lives");
    }
}

kube::Result<void> Cluster::Delete(kube::Resource resource, const std::string& name,
                                   const kube::DeleteOptions& options) {
    if (resource.kind == model::kDLJobKind) {
        if (!job) return NotFound(name);
        if (options.uid != job->meta.uid) return Conflict("the UID is another");
        if (options.resource_version != job->meta.resourceVersion)
            return Conflict("the object has been modified");
        ++writes;
        DeleteJob();
        return {};
    }
    auto it = pods.find(name);
    if (it == pods.end()) return NotFound(name);
    PodView pod = it->second;
    if (!options.uid.empty() && options.uid != pod.uid) return Conflict("the UID is another");
    if (!options.resource_version.empty() && options.resource_version != pod.resourceVersion)
        return Conflict("the object has been modified");
    const bool now_at_once =
        options.grace_period_seconds == 0 || pod.Terminal() || pod.node.empty();
    if (pod.deleting && !now_at_once) return {};
    deleted.Change()[name] += !pod.deleting;
    ++writes;
    Changed(pod);
    if (now_at_once) {
        pods.Change().erase(name);
        return {};
    }
    pod.deleting = true;
    pod.deletionTimestamp = now + kGrace;
    pods.Change()[name] = std::move(pod);
    return {};
}

// ---- the rest of the cluster ----

bool Cluster::MayStart(const PodView& pod) const {
    return std::ranges::all_of(reads.at(pod.uid), [&](const FenceKey& wanted) {
        auto fence = configmaps.find(wanted.fence);
        return fence != configmaps.end() && fence->second.open_for == wanted.key;
    });
}

// No other container of this place in the gang, and none of another attempt, may run beside it.
void Cluster::Started(const PodView& pod) {
    if (job && job->meta.uid == pod.ownerUid && IsFinished(job->status))
        Break(pod.name + " started, and its job has ended");
    for (const auto& [name, other] : pods) {
        if (name == pod.name || other.ownerUid != pod.ownerUid || other.phase != PodPhase::Running)
            continue;
        if ((!alone_ && other.attempt != pod.attempt) ||
            (other.role == pod.role && other.index == pod.index))
            Break(fmt::format("{} started while {} runs", pod.name, name));
    }
}

bool Cluster::StepPod(const std::string& name, std::optional<int> exit_code) {
    auto it = pods.find(name);
    if (it == pods.end() || it->second.ownerUid.empty()) return false;
    PodView pod = it->second;
    auto store = [&] {
        Changed(pod);
        pods.Change()[name] = std::move(pod);
        return true;
    };
    auto vanish = [&] {
        pods.Change().erase(name);
        Changed(pods_version_);
        return true;
    };
    if (!pod.node.empty() && nodes_out_of_service.contains(pod.node))
        return vanish();  // the pod garbage collector
    if (!pod.node.empty() && nodes_down.contains(pod.node)) {
        if (pod.deleting || pod.Terminal()) return false;
        pod.deleting = pod.disrupted = true;  // the taint manager
        pod.deletionTimestamp = now + kGrace;
        pod.disruptionReason = "DeletionByTaintManager";
        pod.ready = false;
        return store();
    }
    auto end = [&](int code) {
        pod.phase = code == 0 ? PodPhase::Succeeded : PodPhase::Failed;
        pod.ready = false;
        pod.main.state = model::ContainerView::Terminated;
        pod.main.exitCode = code;
        pod.main.reason = code == 0 ? "Completed" : "Error";
        pod.main.finishedAt = now;
    };
    if (pod.deleting) {
        if (pod.phase == PodPhase::Running && pod.ready) {
            pod.ready = false;  // it has its SIGTERM, and goes on for a while
        } else if (pod.phase == PodPhase::Running) {
            end(143);
        } else {
            return vanish();
        }
    } else if (pod.Terminal()) {
        return false;
    } else if (pod.node.empty()) {
        pod.node = nodes_down.contains("node-1") ? "node-2" : "node-1";
        pod.phase = PodPhase::Pending;
    } else if (pod.phase == PodPhase::Pending) {
        if (!MayStart(pod)) return false;
        pod.phase = PodPhase::Running;
        pod.ready = true;
        pod.main.state = model::ContainerView::Running;
        Started(pod);
    } else if (exit_code) {
        end(*exit_code);
    } else {
        return false;
    }
    return store();
}

bool Cluster::StepPods(const Script& script) {
    std::vector<std::string> names;
    for (const auto& [name, pod] : pods)
        names.push_back(name);
    bool any = false;
    for (const std::string& name : names)
        any |= StepPod(name, script(*this, pods.at(name)));
    return any;
}

bool Cluster::CollectGarbage() {
    bool any = false;
    auto orphan = [&](const std::string& owner) {
        return !owner.empty() && (!job || job->meta.uid != owner);
    };
    std::vector<std::string> names;
    for (const auto& [name, pod] : pods)
        if (orphan(pod.ownerUid) && !pod.deleting) names.push_back(name);
    const int ours = writes;
    for (const std::string& name : names) {
        any = true;
        if (!Delete(kube::kPods, name, kube::DeleteOptions())) Break(name + " stays");
        std::map<std::string, int>& times = deleted.Change();
        if (--times[name] == 0) times.erase(name);
    }
    writes = ours;
    for (auto* kept : {&services, &configmaps, &secrets}) {
        const auto lost = [&](const auto& o) { return orphan(o.second.owner_uid); };
        if (std::ranges::none_of(*kept, lost)) continue;
        std::erase_if(kept->Change(), lost);
        any = true;
        if (kept == &services) Changed(services_version_);  // the others are not watched
    }
    return any;
}

void Cluster::Preempt(const std::string& name) {
    auto it = pods.find(name);
    if (it == pods.end() || it->second.Terminal()) return;
    PodView& pod = pods.Change()[name];
    pod.disrupted = true;
    pod.disruptionReason = "PreemptionByScheduler";
    pod.deleting = true;
    pod.deletionTimestamp = now + kGrace;
    Changed(pod);
}

void Cluster::AddTo(Fingerprint& fingerprint) const {
    if (job) fingerprint.Add(job);
    fingerprint.Add(pods, pods);
    for (const auto* kept : {&services, &configmaps, &secrets})
        for (const auto& [name, o] : *kept)
            fingerprint.Add(fmt::format("{} {}", name, o.open_for));
    for (const auto& [name, pod] : pods)
        if (pod.phase == PodPhase::Pending && !pod.ownerUid.empty())
            for (const FenceKey& f : reads.at(pod.uid))
                fingerprint.Add(fmt::format("{} reads {} {}", name, f.fence, f.key));
    for (const auto& l : late) {
        // A resourceVersion that has passed does not come again.
        auto pod = pods.find(l.object);
        const bool found = pod != pods.end() ? pod->second.resourceVersion == l.version
                           : job && l.object == job->meta.name
                               ? job->meta.resourceVersion == l.version
                               : false;
        fingerprint.Add(fmt::format("{} {}", l.what, l.version.empty() || found));
    }
}

}  // namespace dlws::job::sim

// SPDX-License-Identifier: Apache-2.0
#include "operator/job/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <exception>
#include <functional>
#include <vector>

#include "kube/audit.h"
#include "kube/together.h"
#include "model/names.h"
#include "model/owned.h"
#include "model/pod_compare.h"
#include "model/reason.h"
#include "model/ssh.h"
#include "operator/job/permit.h"
#include "operator/job/ssh_keys.h"

namespace dlws::job {

namespace reason = model::reason;
using kube::Awaitable;

namespace {

std::unexpected<Executor::Failed> Fail(const kube::Error& error, const std::string& what) {
    return std::unexpected(Executor::Failed{.problem = ExplainRefusal(error, what),
                                            .log = fmt::format("{}: {}", what, error.message),
                                            .conflict = error.IsConflict()});
}

// Anybody may name an owner; of a job whose pods reach their nodes it must have the label too,
// which the policies keep to us.
bool IsTheJobs(const kube::Meta& meta, const model::DLJob& job) {
    if (meta.controller_uid != job.meta.uid) return false;
    auto label = meta.labels.find(std::string(model::kJobUidLabel));
    return !job.spec.permissions.Any() ||
           (label != meta.labels.end() && label->second == job.meta.uid);
}

std::unexpected<Executor::Failed> NotPermitted(const std::string& what, const std::string& why) {
    const model::Reason& reason = reason::kAwaitingApproval;
    return std::unexpected(Executor::Failed{
        .problem = WriteProblem{reason.cls, std::string(reason.name),
                                fmt::format("Of the job {} was created: {}.", what, why)},
        .log = fmt::format("{} was created: {}", what, why)});
}

}  // namespace

std::optional<WriteProblem> ExplainRefusal(const kube::Error& error, const std::string& what) {
    auto problem = [&](const model::Reason& why) {
        return WriteProblem{why.cls, std::string(why.name),
                            fmt::format("{} was refused: {}", what, error.message)};
    };
    if (error.kind != kube::ErrorKind::kStatus || error.IsConflict() || error.IsNotFound())
        return std::nullopt;
    if (error.IsForbidden())
        return problem(error.message.find("exceeded quota") != std::string::npos
                           ? reason::kQuotaExceeded
                           : reason::kPodRefused);
    if (error.IsInvalid() || error.code == 400) return problem(reason::kSpecInvalid);
    if (error.code == 429 || error.code >= 500) return problem(reason::kApiServerBusy);
    return std::nullopt;
}

Executor::Executor(kube::Api& api, kube::EventRecorder& events, int parallel_writes)
    : api_(api), events_(events), parallel_writes_(parallel_writes) {}

Awaitable<Executor::Outcome> Executor::Perform(const World& world, const Decision& decision,
                                               WrittenVersions& written) {
    const model::Metadata& meta = world.job.meta;
    std::string version = meta.resourceVersion;
    model::JobStatus status = world.job.status;
    for (const Write& write : decision.writes) {
        Outcome outcome;
        if (std::holds_alternative<CreateFiles>(write)) {
            std::uint64_t ignored = 0;  // ConfigMaps are not watched
            std::string name = model::FilesConfigMapName(meta.name);
            std::string body = model::Serialize(*decision.rendered->files);
            std::string wanted = body;
            kube::ObjectKey key{meta.ns, name};
            outcome = co_await CreateOwned(world, kube::kConfigMaps, std::move(name),
                                           std::move(body), ignored);
            if (outcome && decision.rendered->reachesHost)
                outcome = co_await MustHoldFiles(std::move(key), std::move(wanted));
        } else if (std::holds_alternative<CreateSshKeys>(write)) {
            outcome = co_await CreateSshSecret(world);
        } else if (std::holds_alternative<CreateService>(write)) {
            std::string name = model::ServiceName(meta.name);
            std::string body = model::Serialize(*decision.rendered->service);
            outcome = co_await CreateOwned(world, kube::kServices, std::move(name), std::move(body),
                                           written.services);
        } else if (const auto* fences = std::get_if<CreateFences>(&write)) {
            outcome = co_await OpenFences(world, fences->names);
        } else if (std::holds_alternative<DeleteJob>(write)) {
            outcome = co_await DeleteJobItself(world, version);
        } else if (const auto* create = std::get_if<CreatePods>(&write)) {
            outcome = co_await CreateGang(world, decision, *create, written);
        } else if (const auto* targets = std::get_if<DeletePods>(&write)) {
            outcome = co_await Delete(world, *targets);
        } else {
            const auto& publish = std::get<Publish>(write);
            outcome = co_await WriteStatus(world, status, publish, version, written);
            status = publish.status;
        }
        if (!outcome) co_return outcome;
    }
    co_return Outcome{};
}

// A create whose name is taken is done if what holds the name is this job's own: an earlier round,
// an earlier leader, or this very request answered twice.
Awaitable<Executor::Outcome> Executor::CreateOwned(const World& world, kube::Resource resource,
                                                   std::string name, std::string body,
                                                   std::uint64_t& written) {
    const std::string ns = world.job.meta.ns;
    std::string what = fmt::format("{} {}", resource.kind, name);
    auto made = co_await api_.Create(resource, ns, std::move(body));
    if (!made && made.error().IsAlreadyExists()) {
        kube::ObjectKey key{ns, name};
        made = co_await api_.Get(resource, key);
        if (made && !IsTheJobs(made.value()->meta, world.job)) {
            const kube::Meta& holder = made.value()->meta;
            if (holder.deleting || (holder.controller_kind == model::kDLJobKind &&
                                    holder.controller_name == world.job.meta.name)) {
                co_return std::unexpected(Failed{
                    .problem = WriteProblem{reason::kTerminatingPods.cls,
                                            std::string(reason::kTerminatingPods.name),
                                            fmt::format("{} of an earlier job of this name must go "
                                                        "before this one starts.",
                                                        what)},
                    .log = what + " of an earlier job is still there"});
            }
            co_return std::unexpected(Failed{
                .problem =
                    WriteProblem{reason::kNameTaken.cls, std::string(reason::kNameTaken.name),
                                 fmt::format("{} exists and is not this job's; delete it, or "
                                             "submit the job under another name.",
                                             what)},
                .log = what + " is taken"});
        }
    }
    if (!made) co_return Fail(made.error(), what);
    written = std::max(written, made.value()->meta.resource_version);
    co_return Outcome{};
}

// The Secret's name has the job's UID in it: what is there already is ours, made by an earlier
// round or another leader, and no right to read Secrets is needed to see that.
Awaitable<Executor::Outcome> Executor::CreateSshSecret(const World& world) {
    const model::Metadata& meta = world.job.meta;
    std::string what = "Secret " + model::SshSecretName(meta.name, meta.uid);
    auto keys = MakeSshKeys();
    if (!keys) co_return std::unexpected(Failed{.log = what + ": " + keys.error()});
    std::string ns = meta.ns;
    std::string body = model::MakeSshSecret(meta, keys->private_key, keys->public_key);
    auto made = co_await api_.Create(kube::kSecrets, std::move(ns), std::move(body));
    if (!made && !made.error().IsAlreadyExists()) co_return Fail(made.error(), what);
    co_return Outcome{};
}

// Writes of one kind whose order does not matter: several coroutines take the next until all are
// done or one has failed. `one` must not be a coroutine itself (it captures), it only calls one.
struct Executor::Batch {
    std::size_t count = 0;
    std::function<Awaitable<Outcome>(std::size_t)> one;
    std::size_t next = 0;
    std::optional<Failed> failed;
};

Awaitable<void> Executor::TakeFrom(std::shared_ptr<Batch> batch) {
    while (batch->next < batch->count && !batch->failed) {
        std::size_t i = batch->next++;
        Outcome outcome = co_await batch->one(i);
        if (!outcome && !batch->failed) batch->failed = std::move(outcome.error());
    }
}

Awaitable<Executor::Outcome> Executor::InParallel(std::shared_ptr<Batch> batch) {
    std::size_t writers = std::min(std::size_t(parallel_writes_), batch->count);
    if (writers <= 1) {
        co_await TakeFrom(batch);
    } else {
        std::vector<Awaitable<void>> tasks;
        for (std::size_t i = 0; i < writers; ++i)
            tasks.push_back(TakeFrom(batch));
        co_await kube::Together(std::move(tasks));
    }
    if (batch->failed) co_return std::unexpected(std::move(*batch->failed));
    co_return Outcome{};
}

Awaitable<Executor::Outcome> Executor::CreateGang(const World& world, const Decision& decision,
                                                  const CreatePods& create,
                                                  WrittenVersions& written) {
    const model::Rendered& rendered = *decision.rendered;
    if (decision.permit) {
        auto why = co_await MayStillApprove(api_, *decision.permit);
        if (!why) co_return Fail(why.error(), "the approver's rights");
        if (!why->empty()) co_return NotPermitted("no pod", *why);
    }
    auto batch = std::make_shared<Batch>();
    batch->count = create.slots.size();
    batch->one = [&](std::size_t i) {
        Slot slot = create.slots[i];
        if (rendered.reachesHost) return CreateGuarded(world, decision, create, slot, written);
        std::string name = model::PodName(rendered.job, rendered.roles[slot.role].name, slot.index,
                                          create.attempt.pod);
        std::string body = model::MakePod(rendered, slot.role, slot.index, create.attempt,
                                          world.job.status.avoidedNodes);
        return CreateOwned(world, kube::kPods, std::move(name), std::move(body), written.pods);
    };
    co_return co_await InParallel(batch);
}

Awaitable<Executor::Outcome> Executor::CreateGuarded(const World& world, const Decision& decision,
                                                     const CreatePods& create, Slot slot,
                                                     WrittenVersions& written) {
    const model::Rendered& rendered = *decision.rendered;
    std::string name = model::PodName(rendered.job, rendered.roles.at(slot.role).name, slot.index,
                                      create.attempt.pod);
    model::PodApproval told;
    if (decision.permit)
        told = {decision.permit->approval.meta.uid, decision.permit->question.templateHash};
    std::string body =
        model::MakePod(rendered, slot.role, slot.index, create.attempt,
                       world.job.status.avoidedNodes, decision.permit ? &told : nullptr);
    if (std::string stray = model::StraysFromTemplate(body, rendered, slot.role); !stray.empty())
        co_return NotPermitted("pod " + name, "it would not be what is kept, at " + stray);
    if (decision.permit) {
        auto why = co_await StillHolds(api_, world, *decision.permit);
        if (!why) co_return Fail(why.error(), "the approval of pod " + name);
        if (!why->empty()) co_return NotPermitted("pod " + name, *why);
    }
    std::string posted = body;
    kube::ObjectKey key{world.job.meta.ns, name};
    Outcome made =
        co_await CreateOwned(world, kube::kPods, std::move(name), std::move(body), written.pods);
    if (!made) co_return made;
    co_return co_await MustBeUnaltered(std::move(key), std::move(posted));
}

// Also one that an earlier round made and could not look at any more.
Awaitable<Executor::Outcome> Executor::MustBeUnaltered(kube::ObjectKey key, std::string posted) {
    std::string name = key.name;
    kube::ObjectKey to_delete = key;
    auto stored = co_await api_.Get(kube::kPods, std::move(key));
    if (!stored && stored.error().IsNotFound()) co_return Outcome{};
    if (!stored) co_return Fail(stored.error(), "pod " + name);
    const std::string where = model::Altered(posted, stored.value()->raw);
    if (where.empty()) co_return Outcome{};
    kube::DeleteOptions options;
    options.uid = stored.value()->meta.uid;
    options.grace_period_seconds = 0;
    auto gone = co_await api_.Delete(kube::kPods, std::move(to_delete), std::move(options));
    if (!gone && !gone.error().IsNotFound()) co_return Fail(gone.error(), "pod " + name);
    co_return std::unexpected(Failed{
        .problem = WriteProblem{reason::kPodAltered.cls, std::string(reason::kPodAltered.name),
                                fmt::format("Pod {} was stored with another {} than was "
                                            "asked for, and deleted: some admission of the "
                                            "cluster changes pods.",
                                            name, where)},
        .log = fmt::format("pod {} was altered at {}", name, where)});
}

// Somebody else's content under the name would run with the job's permissions.
Awaitable<Executor::Outcome> Executor::MustHoldFiles(kube::ObjectKey key, std::string wanted) {
    const std::string name = key.name;
    auto stored = co_await api_.Get(kube::kConfigMaps, std::move(key));
    if (!stored) co_return Fail(stored.error(), "ConfigMap " + name);
    const auto content = [](const std::string& document) {
        boost::json::object o = boost::json::parse(document).as_object();
        return boost::json::array{o["data"], o["binaryData"], o["immutable"]};
    };
    if (content(stored.value()->raw) == content(wanted)) co_return Outcome{};
    co_return std::unexpected(
        Failed{.problem = WriteProblem{reason::kNameTaken.cls, std::string(reason::kNameTaken.name),
                                       fmt::format("ConfigMap {} does not hold the job's files; "
                                                   "delete it.",
                                                   name)},
               .log = name + " holds something else"});
}

Awaitable<Executor::Outcome> Executor::Delete(const World& world, const DeletePods& targets) {
    auto batch = std::make_shared<Batch>();
    batch->count = targets.pods.size();
    batch->one = [&](std::size_t i) {
        kube::ObjectKey key(world.job.meta.ns, targets.pods[i].name);
        return DeleteOne(std::move(key), targets.pods[i]);
    };
    co_return co_await InParallel(batch);
}

Awaitable<Executor::Outcome> Executor::DeleteOne(kube::ObjectKey key, DeletePods::Target target) {
    std::string what = "deletion of pod " + key.name;
    kube::DeleteOptions options;
    options.uid = std::move(target.uid);
    options.resource_version = std::move(target.version);
    if (target.force) options.grace_period_seconds = 0;
    auto done = co_await api_.Delete(kube::kPods, std::move(key), std::move(options));
    // Gone already, or changed, by now another pod even: our cache will tell, and we decide again.
    if (!done && !done.error().IsNotFound() && !done.error().IsConflict())
        co_return Fail(done.error(), what);
    co_return Outcome{};
}

Awaitable<Executor::Outcome> Executor::DeleteJobItself(const World& world,
                                                       std::string resource_version) {
    const model::Metadata& meta = world.job.meta;
    std::string what = "deletion of " + meta.name;
    kube::ObjectKey key{meta.ns, meta.name};
    kube::DeleteOptions options;
    options.uid = meta.uid;
    options.resource_version =
        std::move(resource_version);  // somebody may just have raised the time
    options.propagation = "Background";
    auto done = co_await api_.Delete(kDLJobs, std::move(key), std::move(options));
    if (!done && !done.error().IsNotFound()) co_return Fail(done.error(), what);
    co_return Outcome{};
}

// ConfigMaps are not watched: their versions are of no use.
Awaitable<Executor::Outcome> Executor::OpenFences(const World& world,
                                                  const std::vector<std::string>& names) {
    auto ignored = std::make_shared<std::uint64_t>(0);
    auto batch = std::make_shared<Batch>();
    batch->count = names.size();
    batch->one = [&](std::size_t i) {
        std::string name = names[i];
        std::string body = model::MakeFence(world.job.meta, name, true);
        return CreateOwned(world, kube::kConfigMaps, std::move(name), std::move(body), *ignored);
    };
    co_return co_await InParallel(batch);
}

// A fence that was never made is made closed, so that it cannot be made open any more.
Awaitable<Executor::Outcome> Executor::CloseFence(const World& world, std::string name) {
    const model::Metadata& meta = world.job.meta;
    const std::string what = "closing ConfigMap " + name;
    std::string body = model::MakeFence(meta, name, false);
    std::uint64_t ignored = 0;
    std::string created = name;
    kube::ObjectKey key{meta.ns, name};
    auto found = co_await api_.Get(kube::kConfigMaps, key);
    if (!found && !found.error().IsNotFound()) co_return Fail(found.error(), what);
    if (!found || !IsTheJobs(found.value()->meta, world.job)) {
        Outcome made = co_await CreateOwned(world, kube::kConfigMaps, std::move(created),
                                            std::move(body), ignored);
        if (!made) co_return made;
    }
    // Also one that somebody made open in between.
    auto patched = co_await api_.Patch(kube::kConfigMaps, std::move(key), kube::PatchType::kMerge,
                                       model::CloseFencePatch(meta.uid));
    if (!patched) co_return Fail(patched.error(), what);
    co_return Outcome{};
}

Awaitable<Executor::Pods> Executor::CloseFences(const World& world,
                                                const std::vector<std::string>& names) {
    auto batch = std::make_shared<Batch>();
    batch->count = names.size();
    batch->one = [&](std::size_t i) { return CloseFence(world, names[i]); };
    Outcome closed = co_await InParallel(batch);
    if (!closed) co_return std::unexpected(std::move(closed.error()));
    co_return co_await ListPods(world);
}

Awaitable<Executor::Pods> Executor::ListPods(const World& world) {
    std::vector<model::PodView> pods;
    kube::ListOptions options;
    options.ns = world.job.meta.ns;
    options.label_selector = fmt::format("{}={}", model::kJobUidLabel, world.job.meta.uid);
    do {
        kube::ListOptions page_options = options;
        auto page = co_await api_.List(kube::kPods, std::move(page_options));
        if (!page) co_return std::unexpected(Fail(page.error(), "listing pods").error());
        for (const auto& pod : page->items) {
            auto view = model::ParsePod(pod->raw);
            if (view && view->ownerUid == world.job.meta.uid) pods.push_back(std::move(*view));
        }
        options.continue_token = page->continue_token;
    } while (!options.continue_token.empty());
    co_return pods;
}

Awaitable<Executor::Outcome> Executor::WriteStatus(const World& world, const model::JobStatus& was,
                                                   const Publish& publish,
                                                   std::string& resource_version,
                                                   WrittenVersions& written) {
    const model::Metadata& meta = world.job.meta;
    std::string patch = model::StatusMergePatch(was, publish.status, meta.uid, resource_version);
    if (patch.empty()) co_return Outcome{};
    kube::ObjectKey key{meta.ns, meta.name};
    kube::WriteOptions options;
    options.subresource = "status";
    options.field_manager = "dlworkspace-operator";
    auto stored = co_await api_.Patch(kDLJobs, std::move(key), kube::PatchType::kMerge,
                                      std::move(patch), std::move(options));
    if (!stored) co_return Fail(stored.error(), "status of " + meta.name);
    written.job = std::max(written.job, stored.value()->meta.resource_version);
    resource_version = std::to_string(stored.value()->meta.resource_version);
    kube::ObjectReference about{std::string(model::kApiVersion), std::string(model::kDLJobKind),
                                meta.ns, meta.name, meta.uid};
    AuditApproval(world, was, publish.status);
    for (const EventNote& e : publish.events)
        events_.Record(about, e.warning ? "Warning" : "Normal", e.reason, "Reconcile", e.note);
    co_return Outcome{};
}

// Who asked for what, who decided, and what became of it.
void Executor::AuditApproval(const World& world, const model::JobStatus& was,
                             const model::JobStatus& now) const {
    if (!now.approval) return;
    const model::ApprovalStatus& a = *now.approval;
    if (was.approval && was.approval->state == a.state &&
        was.approval->templateHash == a.templateHash)
        return;
    constexpr std::array words{"request", "approve", "deny", "revoke", "expire"};
    const model::Metadata& meta = world.job.meta;
    const auto& by = world.job.spec.submittedBy;
    kube::Audit(words.at(std::size_t(a.state)), {{"job", meta.ns + "/" + meta.name},
                                                 {"jobUID", meta.uid},
                                                 {"submitter", by ? by->username : ""},
                                                 {"submitterUID", by ? by->uid : ""},
                                                 {"approval", a.approval},
                                                 {"approver", a.approver},
                                                 {"approverUID", a.approverUid},
                                                 {"templateHash", a.templateHash},
                                                 {"classes", model::Join(a.classes, ",")},
                                                 {"reason", a.reason}});
}

}  // namespace dlws::job

// SPDX-License-Identifier: Apache-2.0
#include "operator/job/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <vector>

#include "model/names.h"
#include "model/reason.h"

namespace dlws::job {

namespace asio = boost::asio;
namespace reason = model::reason;
using kube::Awaitable;

namespace {

std::unexpected<Executor::Failed> Fail(const kube::Error& error, const std::string& what) {
    return std::unexpected(Executor::Failed{.problem = ExplainRefusal(error, what),
                                            .log = fmt::format("{}: {}", what, error.message),
                                            .conflict = error.IsConflict()});
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

Executor::Executor(kube::Client& client, kube::EventRecorder& events, int parallel_creates)
    : client_(client), events_(events), parallel_creates_(parallel_creates) {}

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
            outcome = co_await CreateOwned(world, kube::kConfigMaps, std::move(name),
                                           std::move(body), ignored);
        } else if (std::holds_alternative<CreateService>(write)) {
            std::string name = model::ServiceName(meta.name);
            std::string body = model::Serialize(*decision.rendered->service);
            outcome = co_await CreateOwned(world, kube::kServices, std::move(name), std::move(body),
                                           written.services);
        } else if (const auto* create = std::get_if<CreatePods>(&write)) {
            outcome = co_await CreateGang(world, *decision.rendered, *create, written);
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
    auto made = co_await client_.Create(resource, ns, std::move(body));
    if (!made && made.error().IsAlreadyExists()) {
        kube::ObjectKey key{ns, name};
        made = co_await client_.Get(resource, key);
        if (made && made.value()->meta.controller_uid != world.job.meta.uid) {
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

// The state that the parallel creators of one gang share.
struct Executor::Gang {
    const World& world;
    const model::Rendered& rendered;
    const CreatePods& create;
    WrittenVersions& written;
    std::size_t next = 0;
    std::optional<Failed> failed;
};

Awaitable<void> Executor::CreateSome(std::shared_ptr<Gang> gang) {
    while (gang->next < gang->create.slots.size() && !gang->failed) {
        CreatePods::Slot slot = gang->create.slots[gang->next++];
        std::string name = model::PodName(gang->rendered.job, gang->rendered.roles[slot.role].name,
                                          slot.index, gang->create.attempt);
        std::string body =
            model::MakePod(gang->rendered, slot.role, slot.index, gang->create.attempt);
        Outcome outcome = co_await CreateOwned(gang->world, kube::kPods, std::move(name),
                                               std::move(body), gang->written.pods);
        if (!outcome && !gang->failed) gang->failed = std::move(outcome.error());
    }
}

Awaitable<Executor::Outcome> Executor::CreateGang(const World& world,
                                                  const model::Rendered& rendered,
                                                  const CreatePods& create,
                                                  WrittenVersions& written) {
    auto gang = std::make_shared<Gang>(Gang{world, rendered, create, written});
    int creators = std::min<int>(parallel_creates_, int(create.slots.size()));
    if (creators <= 1) {
        co_await CreateSome(gang);
    } else {
        auto executor = co_await asio::this_coro::executor;
        using Op = decltype(asio::co_spawn(executor, CreateSome(gang), asio::deferred));
        std::vector<Op> ops;
        for (int i = 0; i < creators; ++i)
            ops.push_back(asio::co_spawn(executor, CreateSome(gang), asio::deferred));
        auto group = asio::experimental::make_parallel_group(std::move(ops));
        auto [order, errors] =
            co_await group.async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
        for (auto& error : errors)
            if (error) std::rethrow_exception(error);
    }
    if (gang->failed) co_return std::unexpected(std::move(*gang->failed));
    co_return Outcome{};
}

Awaitable<Executor::Outcome> Executor::Delete(const World& world, const DeletePods& targets) {
    for (const auto& target : targets.pods) {
        kube::ObjectKey key{world.job.meta.ns, target.name};
        kube::DeleteOptions options;
        options.uid = target.uid;
        auto done = co_await client_.Delete(kube::kPods, std::move(key), std::move(options));
        // Gone already, or another pod by now has the name: either way ours is no more.
        if (!done && !done.error().IsNotFound() && !done.error().IsConflict())
            co_return Fail(done.error(), fmt::format("deletion of pod {}", target.name));
    }
    co_return Outcome{};
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
    auto stored = co_await client_.Patch(kDLJobs, std::move(key), kube::PatchType::kMerge,
                                         std::move(patch), std::move(options));
    if (!stored) co_return Fail(stored.error(), "status of " + meta.name);
    written.job = std::max(written.job, stored.value()->meta.resource_version);
    resource_version = std::to_string(stored.value()->meta.resource_version);
    kube::ObjectReference about{std::string(model::kApiVersion), std::string(model::kDLJobKind),
                                meta.ns, meta.name, meta.uid};
    for (const EventNote& e : publish.events)
        events_.Record(about, e.warning ? "Warning" : "Normal", e.reason, "Reconcile", e.note);
    co_return Outcome{};
}

}  // namespace dlws::job

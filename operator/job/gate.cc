// SPDX-License-Identifier: Apache-2.0
#include "operator/job/gate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "model/template_diff.h"

namespace dlws::job {

using model::Approval;
using model::ApprovalStatus;
using model::Phase;
using model::PodView;
namespace reason = model::reason;

bool Gate::Open() {
    if (!world_.namespace_managed) {
        Wait(Phase::Queued, reason::kNamespaceNotManaged,
             fmt::format("Jobs do not run in namespace {0} yet: an administrator must mark it with "
                         "`kubectl label namespace {0} {1}=true`.",
                         world_.job.meta.ns, model::kManagedLabel));
        PublishNext();
        return false;
    }
    if (!world_.cluster) {
        Wait(Phase::Queued, reason::kClusterNotConfigured,
             world_.cluster_problem.empty()
                 ? "There is no DLCluster named \"cluster\"; an administrator must create it."
                 : fmt::format("DLCluster \"cluster\" cannot be read: {}", world_.cluster_problem));
        PublishNext();
        return false;
    }
    if (spec_.permissions.Any()) return OpenForPermissions();
    auto rendered = RenderNow();
    if (!rendered) {
        const model::RenderError& error = rendered.error();
        WaitAs(Phase::Queued, {error.cls, error.reason, error.message});
        PublishNext();
        return false;
    }
    decision_.rendered = std::make_shared<const model::Rendered>(std::move(*rendered));
    return true;
}

std::expected<model::Rendered, model::RenderError> Gate::RenderNow() const {
    if (world_.user && !*world_.user) return std::unexpected(world_.user->error());
    return model::Render(world_.job, *world_.cluster, User());
}

const model::PodUser& Gate::User() const {
    return world_.user && *world_.user ? **world_.user : world_.cluster->defaultUser;
}

// What was approved once goes on as it was approved, whatever DLCluster says by now; anything else
// goes by what it says now.
bool Gate::OpenForPermissions() {
    const bool settled = was_.approval && was_.approval->state == ApprovalStatus::Approved;
    auto fresh = RenderNow();
    if (!fresh && !settled) {
        const model::RenderError& error = fresh.error();
        next_.approval.reset();
        Set(model::kConditionApproved, false, reason::kPermissionDenied, error.message);
        WaitAs(Phase::Queued, {error.cls, error.reason, error.message});
        PublishNext();
        return false;
    }
    if (!world_.admission_problem.empty()) {
        Wait(Phase::Queued, reason::kAdmissionNotEnforced,
             fmt::format("No pod that reaches its node is created while the policies that guard it "
                         "are not whole: {} An administrator must install them again (helm "
                         "upgrade).",
                         world_.admission_problem));
        PublishNext();
        return false;
    }
    if (fresh) decision_.rendered = std::make_shared<const model::Rendered>(std::move(*fresh));
    if (decision_.rendered && decision_.rendered->toApprove.empty() && !settled) {
        next_.approval.reset();
        Set(model::kConditionApproved, true, reason::kApprovalNotRequired,
            "The cluster allows what the job asks for.");
        return true;
    }
    if (!world_.kept) {
        if (decision_.rendered && decision_.rendered->toApprove.empty()) decision_.rendered.reset();
        decision_.keep_template = true;
        return false;
    }
    return UseKept() && UseApproval();
}

// The kept bytes are those that were told, or those that would be told now; nothing else.
bool Gate::UseKept() {
    const Kept& kept = *world_.kept;
    const bool told = was_.approval && kept.hash == was_.approval->templateHash;
    const bool fresh = decision_.rendered && kept.rendered &&
                       kept.hash == model::Sha256Hex(model::CanonicalBytes(*decision_.rendered));
    if (!kept.rendered || (!told && !fresh)) {
        Wait(Phase::Queued, reason::kNameTaken,
             fmt::format("ControllerRevision {} is not what this job would run; delete it.",
                         model::TemplateRevisionName(world_.job.meta.name, world_.job.meta.uid)));
        PublishNext();
        decision_.rendered.reset();
        return false;
    }
    decision_.rendered = kept.rendered;
    if (!told) Describe(*kept.rendered);
    return true;
}

bool Gate::UseApproval() {
    const Approval* granting = Granting();
    if (!granting) {
        AwaitApproval();
        decision_.rendered.reset();
        return false;
    }
    const bool settled = was_.approval && *was_.approval == *next_.approval &&
                         was_.approval->state == ApprovalStatus::Approved &&
                         was_.approval->approval == granting->meta.name;
    ApprovalStatus& told = *next_.approval;
    told.state = ApprovalStatus::Approved;
    SayWhoDecided(*granting);
    Set(model::kConditionApproved, true, reason::kApproved,
        fmt::format("{} approved it{}.", told.approver,
                    told.expiresAt ? " until " + model::FormatTime(*told.expiresAt) : ""));
    if (!settled) {  // record first: pods that are there without an approval end the job
        next_.phase = Phase::Queued;
        next_.pending.reset();
        next_.message =
            fmt::format("{} approved it; the pods are about to be created.", told.approver);
        PublishNext();
    }
    decision_.permit = Permit{*granting, *WhatIsAsked(), world_.admission_since};
    return true;
}

void Gate::AwaitApproval() {
    ApprovalStatus& told = *next_.approval;
    told.state = ApprovalStatus::Awaiting;
    told.approval = told.approver = told.approverUid = told.reason = "";
    told.expiresAt.reset();
    const std::string& name = world_.job.meta.name;
    const std::string get = fmt::format(
        "kubectl -n {} get dljob {} -o jsonpath='{{.status.approval.", world_.job.meta.ns, name);
    Wait(Phase::AwaitingApproval, reason::kAwaitingApproval,
         fmt::format("{} asks for {}, which somebody else must approve. An approver reads how its "
                     "pods differ from plain ones with `{}diff}}'` and approves with "
                     "`{}manifest}}' | kubectl create -f -`.",
                     name, fmt::join(told.asks, ", "), get, get));
    // The command must not be cut off by a long list.
    if (next_.message.size() > model::kMaxMessage)
        Wait(
            Phase::AwaitingApproval, reason::kAwaitingApproval,
            fmt::format("{} asks for {} permissions, which somebody else must approve. An approver "
                        "reads how its pods differ from plain ones with `{}diff}}'` and approves "
                        "with `{}manifest}}' | kubectl create -f -`.",
                        name, told.asks.size(), get, get));
    Set(model::kConditionApproved, false, reason::kAwaitingApproval, "Nobody has approved it yet.");
    PublishNext();
    // A create that landed after the approval was gone; not what runs on by the administrator's
    // will, or was allowed without one.
    const bool goes_on = gang_.WasLaunched() &&
                         (!was_.approval || world_.cluster->onRevoke == model::OnRevoke::Continue);
    if (!goes_on) DeleteLive();
}

void Gate::Describe(const model::Rendered& kept) {
    ApprovalStatus& told = next_.approval.emplace();
    told.templateHash = world_.kept->hash;
    told.revision = model::TemplateRevisionName(world_.job.meta.name, world_.job.meta.uid);
    told.classes = kept.toApprove;
    told.asks = kept.asks;
    told.mounts = model::MountedObjects(kept);
    if (auto plain = model::RenderPlain(world_.job, *world_.cluster, User()))
        told.diff = model::TemplateDiff(kept, *plain);
    told.manifest = model::ApprovalManifest(*WhatIsAsked());
    const auto& by = spec_.submittedBy;
    const std::string nobody =
        model::FourEyes(by, model::Approver{{"somebody else", ""}, {}}, world_.job.meta.ns);
    told.mayDecide =
        nobody.empty() ? fmt::format(
                             "Whoever has verb approve on dljobs, and on permissionclasses {}, in "
                             "namespace {}, but not {}.",
                             model::Join(told.classes, ", "), world_.job.meta.ns, by->username)
                       : fmt::format("Nobody: {}.", nobody);
}

std::optional<model::Question> Gate::WhatIsAsked() const {
    const auto& told = next_.approval ? next_.approval : was_.approval;
    if (!told) return std::nullopt;
    const model::Metadata& meta = world_.job.meta;
    return model::Question{meta.ns,       meta.name,        meta.uid, told->templateHash,
                           told->classes, spec_.submittedBy};
}

// The latest that says yes; there may be others, from people who may no longer approve, say.
const Approval* Gate::Granting() const {
    const auto asked = WhatIsAsked();
    if (!asked) return nullptr;
    const Approval* best = nullptr;
    for (const Approval& a : world_.approvals) {
        if (!a.approves) continue;
        if (!model::WhyItDoesNotCount(a, *asked, world_.now, world_.admission_since).empty())
            continue;
        if (!best || a.meta.creationTimestamp > best->meta.creationTimestamp) best = &a;
    }
    if (best && best->expiresAt) LookAgain(*best->expiresAt);
    return best;
}

const Approval* Gate::Denying() const {
    const auto asked = WhatIsAsked();
    if (!asked) return nullptr;
    const auto found = std::ranges::find_if(world_.approvals, [&](const Approval& a) {
        return !a.approves &&
               model::WhyItDoesNotCount(a, *asked, world_.now, world_.admission_since).empty();
    });
    return found == world_.approvals.end() ? nullptr : &*found;
}

const Approval* Gate::Named() const {
    const auto found = std::ranges::find_if(world_.approvals, [&](const Approval& a) {
        return a.meta.name == was_.approval->approval;
    });
    return found == world_.approvals.end() ? nullptr : &*found;
}

bool Gate::ApprovalsRead() const {
    if (!world_.approvals_read) decision_.read_approvals = true;
    return world_.approvals_read;
}

const model::Reason& Gate::ReasonOf(ApprovalStatus::State state) {
    return state == ApprovalStatus::Denied    ? reason::kApprovalDenied
           : state == ApprovalStatus::Expired ? reason::kApprovalExpired
                                              : reason::kApprovalRevoked;
}

void Gate::SayWhoDecided(const Approval& approval) {
    ApprovalStatus& told = *next_.approval;
    told.approval = approval.meta.name;
    told.approver = approval.approver->username;
    told.approverUid = approval.approver->uid;
    told.reason = approval.reason;
    told.expiresAt = approval.expiresAt;
}

void Gate::SayRefused(Refusal refusal) {
    next_.approval->state = refusal.state;
    if (refusal.denial) SayWhoDecided(*refusal.denial);
    Set(model::kConditionApproved, false, ReasonOf(refusal.state), std::move(refusal.message));
}

ApprovalStatus::State Gate::HowItWasLost() const {
    const Approval* was = Named();
    return was && model::IsExpired(*was, world_.now) ? ApprovalStatus::Expired
                                                     : ApprovalStatus::Revoked;
}

std::optional<Gate::Refusal> Gate::ApprovalRefused(bool paused) const {
    if (!was_.approval) return std::nullopt;
    if (const Approval* no = Denying())
        return Refusal{
            ApprovalStatus::Denied,
            fmt::format("{} denied what the job asks for: {}", no->approver->username, no->reason),
            no};
    const ApprovalStatus& told = *was_.approval;
    const bool goes_on = world_.cluster && world_.cluster->onRevoke == model::OnRevoke::Continue &&
                         gang_.WasLaunched();
    if (told.state != ApprovalStatus::Approved || Live() == 0 || paused || goes_on || Granting())
        return std::nullopt;
    if (HowItWasLost() == ApprovalStatus::Expired)
        return Refusal{ApprovalStatus::Expired,
                       fmt::format("The approval of {} ended at {}.", told.approver,
                                   model::FormatTime(*Named()->expiresAt))};
    return Refusal{ApprovalStatus::Revoked, fmt::format("The approval {} of {} was taken back.",
                                                        told.approval, told.approver)};
}

bool Gate::NoteLostApproval() {
    if (!was_.approval || was_.approval->state != ApprovalStatus::Approved || Granting())
        return true;
    if (!ApprovalsRead()) return false;
    SayRefused(
        {HowItWasLost(), "The approval is gone: the pods go on, and no new ones are created."});
    return true;
}

void Gate::NoteNothingAsked() {
    if (spec_.permissions.Any()) return;
    Set(model::kConditionApproved, true, reason::kApprovalNotRequired,
        "The job asks for no special permission.");
}

}  // namespace dlws::job

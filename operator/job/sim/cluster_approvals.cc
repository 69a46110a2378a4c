// SPDX-License-Identifier: Apache-2.0
// People who approve, and what must hold of pods that reach their node.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "operator/job/sim/cluster.h"

namespace dlws::job::sim {

namespace json = boost::json;

void Cluster::Approve(const std::string& by, bool yes, std::optional<model::Time> until,
                      std::string name) {
    if (!job || !job->status.approval) return;
    model::Approval a;
    a.meta.uid = fmt::format("approval-uid-{}", ++uids_);
    if (name.empty()) name = fmt::format("digits-{}", uids_);
    a.meta.name = name;
    a.meta.ns = job->meta.ns;
    a.meta.creationTimestamp = now;
    a.jobName = job->meta.name;
    a.jobUid = job->meta.uid;
    a.templateHash = job->status.approval->templateHash;
    a.classes = job->status.approval->classes;
    a.approves = yes;
    a.reason = yes ? "" : "not here";
    a.expiresAt = until;
    a.approver = model::Approver{{by, ""}, {}};
    approvals.Change()[name] = std::move(a);
    Changed(job_version_);
}

void Cluster::Revoke() {
    approvals.Change().clear();
    Changed(job_version_);
}

bool Cluster::IsApproved() const {
    if (!job || !job->status.approval) return false;
    const model::ApprovalStatus& asked = *job->status.approval;
    const model::Question question{job->meta.ns,       job->meta.name, job->meta.uid,
                                   asked.templateHash, asked.classes,  job->spec.submittedBy};
    return std::ranges::any_of(approvals, [&](const auto& named) {
        const model::Approval& a = named.second;
        return a.approves && WhyItDoesNotCount(a, question, now).empty();
    });
}

bool Cluster::MayApprove(const std::string& review) const {
    return approvers.contains(
        std::string(json::parse(review).at_pointer("/spec/user").as_string()));
}

void Cluster::WatchStrays() {
    const bool goes_on = settings && settings->onRevoke == model::OnRevoke::Continue;
    for (const auto& [name, pod] : pods) {
        const bool stray = guarded.contains(pod.uid) && !pod.Terminal() && !pod.deleting && job &&
                           job->meta.uid == pod.ownerUid && !IsApproved();
        if (!stray || goes_on) {
            strays_.erase(pod.uid);
            continue;
        }
        const auto since = strays_.try_emplace(pod.uid, now).first->second;
        if (now - since > std::chrono::seconds(60))
            Break(name + " has lived for a minute since its approval was gone");
    }
}

}  // namespace dlws::job::sim
